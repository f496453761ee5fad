"""covmeta files: what one build of a Go program can count."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from covey.errors import FormatError
from covey.formats.gocounters import Process
from covey.formats.intake import MOST_NAMED, clean
from covey.loops import gocovdata as loop
from covey.loops.blocks import WIDTH
from covey.loops.bounds import LAST_LINE
from covey.loops.goblocks import UnlikeBlocksError
from covey.model.blocks import Blocks
from covey.model.counted import Functions
from covey.model.report import Mode

MAGIC = b"\0cvm"
_HEADER = struct.Struct(
    "<4sIQQ16sIIBB6x"
)  # magic, version, length, packages, hash, string table (2), mode, granularity
_PACKAGE = struct.Struct("<IIII16s4xII")  # length, name, import path, module path, hash, strings, functions
_MODES: dict[int, Mode] = {1: "set", 2: "count", 3: "count"}  # the third is atomic
_PER_FUNCTION = 2  # granularity


class File(NamedTuple):
    functions: Functions
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Build:
    """One covmeta. places: offset and length of each package in `data`. whole_functions: one counter a function."""

    path: str
    data: bytes
    hash: bytes
    mode: Mode
    whole_functions: bool
    places: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, path: str, data: bytes) -> Build:
        """FormatError with the offset for what is cut off or of a version not known."""
        if len(data) < _HEADER.size:
            raise FormatError("cut off within its header", path=path, offset=len(data))
        _, version, length, count, hash_, _, _, mode, granularity = _HEADER.unpack_from(data)
        if version != 1:
            raise FormatError(f"version {version}, not 1", path=path, offset=4, hint="a newer covey may read it")
        if mode not in _MODES:
            raise FormatError(f"counter mode {mode}, which is none of set, count, atomic", path=path, offset=48)
        table = _HEADER.size + 16 * count
        if length > len(data) or table > len(data):
            raise FormatError(f"cut off: {max(length, table)} bytes belong there", path=path, offset=len(data))
        numbers = struct.unpack_from(f"<{2 * count}Q", data, _HEADER.size)
        places = tuple(zip(numbers[:count], numbers[count:], strict=True))
        for offset, size in places:
            if offset < table or size < _PACKAGE.size or offset + size > len(data):
                raise FormatError(f"a package of {size} bytes at {offset}: not within it", path=path, offset=offset)
        return cls(path, data, hash_, _MODES[mode], granularity == _PER_FUNCTION, places)

    def files(self, processes: Iterable[Process]) -> Iterator[tuple[str, File]]:
        """Name (import path and base name) and figures of each file, all processes added up."""
        tally = loop.Tally()
        room = MOST_NAMED + len(self.data)
        for process in processes:
            process.add(tally)
        counters = tally.counters()
        for index, (offset, size) in enumerate(self.places):
            try:
                for name, file in self._package(index, self.data[offset : offset + size], counters):
                    room -= file.blocks.spanned
                    if room < 0:
                        raise ValueError("blocks that reach over more lines than there are in a program")
                    yield name, file
            except (ValueError, IndexError, OverflowError) as error:
                why = f"two blocks of line {error.line} disagree" if isinstance(error, UnlikeBlocksError) else error
                raise FormatError(f"damaged package {index}: {why}", path=self.path, offset=offset) from None
        if counters:
            package, function = divmod(min(counters), 1 << 32)
            raise FormatError(f"has no function {function} of package {package}, but it was counted", path=self.path)

    @property
    def _most(self) -> int:
        return 1 if self.mode == "set" else loop.COUNTER

    def _package(self, index: int, payload: bytes, counters: loop.Counters) -> Iterator[tuple[str, File]]:
        *_, count = _PACKAGE.unpack_from(payload)
        strings, at = loop.strings(payload, _PACKAGE.size + 4 * count)
        found = loop.numbers(payload[at:])
        by_file: dict[int, tuple[list[loop.Function], list[int]]] = {}
        for number, function in enumerate(loop.functions(found, count)):
            functions, counts = by_file.setdefault(function.file, ([], []))
            functions.append(function)
            units = (function.last - function.first) // WIDTH
            counted = counters.pop(index << 32 | number, None)
            counts += [0] * units if counted is None else self._counts(counted, units)
        for file, (functions, counts) in by_file.items():
            blocks = self._blocks(loop.spread(found, functions), counts)
            yield _text(strings[file]), File(_functions(functions, found, counts, strings, self._most), blocks)

    def _counts(self, counted: Sequence[int], units: int) -> Sequence[int]:
        if self.whole_functions:
            return [counted[0]] * units
        if len(counted) < units:
            raise ValueError(f"{len(counted)} counters for {units} blocks")
        return counted[:units]

    def _blocks(self, units: Sequence[int], counts: Sequence[int]) -> Blocks:
        if units and max(units[2::WIDTH]) > LAST_LINE:
            raise ValueError(f"line {max(units[2::WIDTH])}")
        layout, hits = loop.arranged(units, counts, self._most)
        return Blocks(layout, hits, "touch").checked()


def _functions(
    functions: Iterable[loop.Function], found: Sequence[int], counts: Sequence[int], strings: Sequence[bytes], most: int
) -> Functions:
    """The named ones that have blocks: from the first line of these to the last, as often as the first ran."""
    rows: dict[tuple[int, str], tuple[int, int]] = {}
    at = 0
    for one in functions:
        begin, at = at, at + (one.last - one.first) // WIDTH
        if one.literal or begin == at:
            continue
        first, last = min(found[one.first : one.last : WIDTH]), max(found[one.first + 2 : one.last : WIDTH])
        hits = counts[begin] or int(any(counts[begin:at]))  # it may have begun before the counters were cleared
        key = first, _text(strings[one.name])
        known = rows.get(key, (0, 0))
        rows[key] = max(last, known[0]), min(known[1] + hits, most)
    ordered = sorted(rows)
    return Functions(
        tuple(name for _, name in ordered),
        array("i", [first for first, _ in ordered]),
        array("i", [rows[key][0] for key in ordered]),
        array("q", [rows[key][1] for key in ordered]),
    )


def _text(raw: bytes) -> str:
    return clean(raw.decode("utf-8", "surrogateescape"))
