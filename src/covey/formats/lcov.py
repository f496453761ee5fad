"""LCOV tracefiles, as geninfo(1) describes them, of lcov 1 and 2 and of the many tools that write them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from covey.errors import FormatError
from covey.formats.base import Input, Sources
from covey.formats.intake import LAST_LINE, MOST_BYTES, MOST_HITS, clean, flat_paths
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.merge import merge_files
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Report

_STARTS = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:TN:|SF:|VER:)")
_PASSED_OVER = re.compile(rb"\s*(?:\xef\xbb\xbf)?(?:[A-Z]+:|#|$)")  # other records, comments, empty lines
_PIECE = 1 << 20
_BLOCK = re.compile(r"(e?\d+),(.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,9}")
_END = b"end_of_record"


@dataclass
class _Section:
    """One SF ... end_of_record. Functions by name (lcov 1) or by index (lcov 2), where one index may have several."""

    path: str
    lines: dict[int, int] = field(default_factory=dict)
    arms: dict[tuple[int, str], int] = field(default_factory=dict)
    places: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    indexed: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    called: list[tuple[str, int, str]] = field(default_factory=list)

    def file(self, path: str) -> FileCoverage:
        found = {
            (first, name): Function(name, first, last, self.calls.get(name, 0))
            for name, (first, last) in self.places.items()
        }
        for index, hits, name in self.called:
            if index in self.indexed:
                first, last = self.indexed[index]
                found[first, name] = Function(name, first, last, hits)
        arms = (Arm(line, key, hits) for (line, key), hits in self.arms.items())
        return FileCoverage(path, Lines.of(self.lines), Branches.of(arms), Functions.of(found.values()))


class Lcov:
    name = "lcov"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _STARTS.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines, branches and functions, mode "count"; sections of one file add up. Test names, checksums and MC/DC
        are passed over; a negative count, which is a known fault of GCC, is none."""
        found: dict[str, FileCoverage] = {}
        origins: list[Provenance] = []
        notes: dict[str, None] = {}
        for file in files:
            reader = _Reader(file.name)
            with file.open() as stream:
                for section in reader.sections(stream):
                    place = sources.locate(section.path)
                    if sources.root and not place.mapped:
                        notes[f"without a place in the repository: {place.path} ({place.why})"] = None
                    read = section.file(place.path)
                    found[place.path] = merge_files(found[place.path], read) if place.path in found else read
            if reader.negative:
                notes[f"{file.name}: {reader.negative} negative counts were taken as 0"] = None
            digest = f"sha256:{reader.digest.hexdigest()}"
            origins.append(Provenance(format=self.name, path=file.name, digest=digest))
        return Report.of(found.values(), origins, notes=notes)

    def write(self, report: Report, out: BinaryIO) -> None:
        """lcov 1's records, which lcov 2 reads too. Anonymous arms get numbers."""
        for key, name in flat_paths(report).items():
            out.write("".join(f"{line}\n" for line in _records(name, report.files[key])).encode())

    def complete(self, report: Report, sources: Sources) -> Report:  # noqa: ARG002 - the tool that wrote it knew
        return report


FORMAT = Lcov()


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self._line = 0
        self.negative = 0
        self.digest = hashlib.sha256()
        self._takers: Mapping[bytes, Callable[[_Section, str], None]] = {
            b"DA": self._take_line, b"BRDA": self._take_arm, b"FN": self._take_function, b"FNDA": self._take_calls,
            b"FNL": self._take_index, b"FNA": self._take_alias,
        }  # fmt: skip

    def sections(self, stream: BinaryIO) -> Iterator[_Section]:
        section: _Section | None = None
        try:
            for line in self._lines(stream):
                self._line += 1
                if section is not None and line.startswith(b"DA:") and _plain(line, section.lines):
                    continue
                raw = line.rstrip()
                tag, _, rest = raw.partition(b":")
                if section is not None and tag in self._takers:
                    self._takers[tag](section, rest.decode("utf-8", "surrogateescape"))
                elif tag == b"SF" and section is None:
                    section = _Section(clean(rest.strip().decode("utf-8", "surrogateescape")))
                elif raw == _END and section is not None:
                    yield section
                    section = None
                elif tag in self._takers or tag == b"SF" or not _PASSED_OVER.match(raw):
                    raise ValueError(f"{clean(raw[:40].decode('utf-8', 'replace'))!r} where another record belongs")
        except ValueError as error:
            raise FormatError(str(error), path=self._name, line=self._line) from None
        if section is not None:
            raise FormatError("cut off: no end_of_record", path=self._name, line=self._line)

    def _lines(self, stream: BinaryIO) -> Iterator[bytes]:
        """The lines without their ends, read piece by piece: a tracefile may be larger than what it tells."""
        rest, size = b"", 0
        while piece := stream.read(_PIECE):
            self.digest.update(piece)
            size += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            if size > MOST_BYTES or len(rest) > _PIECE:
                raise ValueError(f"larger than {MOST_BYTES} bytes" if size > MOST_BYTES else "a line without an end")
            yield from lines
        if rest:
            yield rest

    def _hits(self, text: str) -> int:
        if text == "-":
            return 0
        hits = _number(text)
        self.negative += hits < 0
        return min(max(hits, 0), MOST_HITS)

    def _take_line(self, section: _Section, rest: str) -> None:
        number_text, _, counted = rest.partition(",")
        number, hits = _number(number_text), self._hits(counted.partition(",")[0])
        if number:  # some tools tell of a line 0, which no file has
            section.lines[_line(number)] = min(section.lines.get(number, 0) + hits, MOST_HITS)

    def _take_arm(self, section: _Section, rest: str) -> None:
        head, _, hits_text = rest.rpartition(",")
        number_text, _, where = head.partition(",")
        block, comma, branch = where.partition(",")
        if not comma:
            raise ValueError("BRDA has four parts")
        number, hits = _number(number_text), self._hits(hits_text)
        if number:
            key = _line(number), _arm_key(clean(block), clean(branch))
            section.arms[key] = min(section.arms.get(key, 0) + hits, MOST_HITS)

    def _take_function(self, section: _Section, rest: str) -> None:
        first, _, name = rest.partition(",")
        last, comma, end_name = name.partition(",")
        if comma and last.isdigit():
            section.places[clean(end_name)] = (_line(_number(first)), _line(_number(last)))
        else:
            section.places[clean(name)] = (_line(max(_number(first), 1)), None)

    def _take_calls(self, section: _Section, rest: str) -> None:
        hits, _, name = rest.partition(",")
        section.calls[clean(name)] = min(section.calls.get(clean(name), 0) + self._hits(hits), MOST_HITS)

    def _take_index(self, section: _Section, rest: str) -> None:
        index, first, *last = rest.split(",")
        section.indexed[index] = _line(_number(first)), _line(_number(last[0])) if last else None

    def _take_alias(self, section: _Section, rest: str) -> None:
        index, hits, name = rest.split(",", 2)
        section.called.append((index, self._hits(hits), clean(name)))


def _plain(raw: bytes, lines: dict[int, int]) -> bool:
    """Take a record "DA:line,hits", which is nine of ten; False where it is anything more than that."""
    number_text, _, hits_text = raw[3:].partition(b",")
    try:
        number, hits = int(number_text), int(hits_text)
    except ValueError:
        return False
    if hits < 0 or not 0 < number <= LAST_LINE:
        return False
    lines[number] = lines.get(number, 0) + hits
    return True


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{clean(text[:40])!r} where a number belongs") from None


def _line(number: int) -> int:
    if not 1 <= number <= LAST_LINE:
        raise ValueError(f"{number} is no line number")
    return number


def _arm_key(block: str, branch: str) -> str:
    """The branch alone where it is of block 0, else with its block: "1" and "2,1"."""
    return branch if block == "0" and not _BLOCK.fullmatch(branch) else f"{block},{branch}"


def _records(name: str, file: FileCoverage) -> Iterator[str]:
    yield "TN:"
    yield f"SF:{name}"
    yield from _function_records(file.functions)
    for line, arms in file.branches.by_line().items():
        ran = any(arm.hits for arm in arms) or file.lines.get(line, 0)
        for block, branch, hits in _numbered(arms):
            yield f"BRDA:{line},{block},{branch},{hits if ran else '-'}"
    if file.branches:
        ratio = file.branches.ratio
        yield f"BRF:{ratio.total}"
        yield f"BRH:{ratio.covered}"
    for line, hits in zip(file.lines.numbers, file.lines.hits, strict=True):
        yield f"DA:{line},{hits}"
    yield f"LF:{file.lines.ratio.total}"
    yield f"LH:{file.lines.ratio.covered}"
    yield _END.decode()


def _function_records(functions: Sequence[Function]) -> Iterator[str]:
    """A name stands for one function only, so a second one of that name gets its line too, as coverage.py does it."""
    seen: set[str] = set()
    for function in functions:
        name = clean(function.name)
        name = f"{name}@{function.first}" if name in seen else name
        seen.add(name)
        yield f"FN:{function.first},{name}" if function.last is None else f"FN:{function.first},{function.last},{name}"
        yield f"FNDA:{function.hits},{name}"
    if functions:
        yield f"FNF:{len(functions)}"
        yield f"FNH:{sum(function.hits > 0 for function in functions)}"


def _numbered(arms: Sequence[Arm]) -> Iterator[tuple[str, str, int]]:
    """Block, branch, hits of one line's arms; an anonymous one takes its number, or the next that is free."""
    taken = {arm.key for arm in arms}
    for arm in arms:
        key = arm.key
        if key.startswith("?"):
            number = int(key[1:]) if _NUMBER.fullmatch(key[1:]) else 0
            while str(number) in taken:
                number += 1
            key = str(number)
            taken.add(key)
        block = _BLOCK.fullmatch(key)
        yield (block[1], clean(block[2]), arm.hits) if block else ("0", clean(key), arm.hits)
