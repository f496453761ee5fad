"""Go's text profiles, as `go test -coverprofile` and `go tool covdata textfmt` write them."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import BinaryIO

import msgspec

from covey.errors import FormatError
from covey.formats.base import Format, Input, Sources
from covey.formats.gonames import MIXED, named, with_import_paths
from covey.formats.gosheets import Sheets
from covey.formats.intake import MOST_BYTES, MOST_NAMED, Merging, clean, flat_paths
from covey.loops import goblocks
from covey.loops import gocover as loop
from covey.loops.blocks import WIDTH
from covey.loops.bounds import MOST_HITS
from covey.model.blocks import Blocks
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Mode, Report
from covey.model.telling import some

_STARTS = re.compile(rb"mode: (?:set|count|atomic)[ \t]*\r?\n\s*(?:mode: |[^\n]+:\d+\.\d+,\d+\.\d+ \d+ |\Z)")
_MODE = re.compile(rb"mode: (set|count|atomic)[ \t]*")
_PIECE = 1 << 18  # bytes: lines made of more do not stay in the processor's cache
_MOST_WAITING = 1 << 22  # bytes, of one line too
_DECODE = msgspec.json.Decoder(list[int]).decode


class GoCover(Format):
    """The object keeps what lines of a file begin with between reads, which only saves work."""

    name = "gocover"
    loses = frozenset({"branches", "functions", "parts"})

    def __init__(self) -> None:
        self._known = loop.Known()
        self._sheets = Sheets()

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _STARTS.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Blocks, whose lines have the most of the blocks that touch them. A block that is there several times (one a
        test binary, with -coverpkg) is one. Files are named by import path, which go.mod maps to the checkout."""
        found = Merging()
        origins: list[Provenance] = []
        modes: set[Mode] = set()
        for file in files:
            profile = _Profile(file, self._known)
            runs = profile.runs()
            origins.append(Provenance(format=self.name, path=file.name, digest=f"sha256:{profile.digest.hexdigest()}"))
            if len(files) == 1 and (sheet := self._sheets.of(runs, sources)) is not None:
                return Report(sheet, tuple(origins))
            for name, mode, blocks in profile.files(runs):
                modes.add(mode)
                found.add(FileCoverage(sources.imported(name).path, blocks=blocks, mode=mode))
        notes = (MIXED,) if len(modes) > 1 else ()
        return Report.of(found.files(), origins, notes=notes)

    def write(self, report: Report, out: BinaryIO) -> None:
        """In the order of `go tool covdata textfmt`. A file without blocks gets one a line, columns 1 to 2. Mode "set"
        where a file tells no more, then for all; else "count"."""
        as_set = any(file.mode == "set" for file in report.files.values())
        out.write(b"mode: set\n" if as_set else b"mode: count\n")
        named = ((name, report.files[key]) for key, name in flat_paths(report).items())
        for name, file in sorted(named, key=lambda one: one[0].rpartition("/")[::2]):
            out.write(_lines(name, file, as_set))

    def losses(self, report: Report) -> Iterator[str]:
        yield from super().losses(report)
        if others := [path for _, path in report.files if not path.endswith(".go")]:
            yield f"go tool cover refuses a profile with files of other languages: {some(others)}; --include '*.go'"

    def named(self, report: Report, sources: Sources) -> Report:
        """With import paths instead of paths in the checkout."""
        return with_import_paths(report, sources)


FORMAT = GoCover()


class _Profile:
    def __init__(self, file: Input, known: loop.Known) -> None:
        self._file = file
        self._known = known
        self._done = 0  # lines
        self._mode: Mode | None = None
        self._room = MOST_NAMED  # lines that blocks may reach over; one more a byte
        self.digest = hashlib.sha256()

    def runs(self) -> list[tuple[Mode, loop.Run]]:
        """All there are, each with its mode."""
        found: list[tuple[Mode, loop.Run]] = []
        lines: list[bytes] = []
        waiting = 0
        for more, size, last in self._pieces():
            lines += more
            waiting += size
            done = self._runs(found, lines, last or waiting > _MOST_WAITING)
            if done:
                self._done += done
                del lines[:done]
                waiting = 0
        return found

    def files(self, runs: Iterable[tuple[Mode, loop.Run]]) -> Iterator[tuple[str, Mode, Blocks]]:
        """Each file's name, mode and blocks; a file that is there in both modes comes twice."""
        by_file: dict[tuple[bytes, Mode], list[loop.Run]] = {}
        for mode, run in runs:
            for part in loop.parts(run):
                by_file.setdefault((part.name, mode), []).append(part)
        for (raw, mode), of_file in by_file.items():
            name = named(raw)
            yield name, mode, self._blocks(name, of_file, mode)

    def _runs(self, into: list[tuple[Mode, loop.Run]], lines: Sequence[bytes], last: bool) -> int:
        found: list[loop.Run] = []
        try:
            done = loop.runs(lines, self._known, _DECODE, found, last=last)
        except loop.DamagedLineError as error:
            raise self._refused("is not NAME:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT", lines, error.at) from None
        for run in found:
            if not run.hits:
                if run.name:
                    self._mode = self._of_line(lines, run.at)
            elif self._mode is None:
                raise self._refused("comes before any `mode:` line", lines, run.at)
            else:
                self._room -= run.spanned
                if self._room < 0:
                    raise self._refused("and those before reach over more lines than there are", lines, run.at)
                into.append((self._mode, run))
        return done

    def _of_line(self, lines: Sequence[bytes], at: int) -> Mode:
        found = _MODE.fullmatch(lines[at])
        if not found:
            raise self._refused("is no mode: set, count or atomic", lines, at)
        return "set" if found[1] == b"set" else "count"

    def _refused(self, why: str, lines: Sequence[bytes], at: int) -> FormatError:
        shown = clean(lines[at][:80].decode("utf-8", "replace"))
        return FormatError(f"{shown!r} {why}", path=self._file.name, line=self._done + at + 1)

    def _pieces(self) -> Iterator[tuple[list[bytes], int, bool]]:
        """The lines without their ends, piece by piece, how many bytes they are, and whether they are the last."""
        rest, size = b"", 0
        with self._file.open() as stream:
            piece = stream.read(_PIECE)
            while piece:
                self.digest.update(piece)
                size += len(piece)
                self._room += len(piece)
                if size > MOST_BYTES:
                    raise FormatError(f"larger than {MOST_BYTES} bytes", path=self._file.name)
                lines = _split(rest, piece)
                read, piece = len(piece), stream.read(_PIECE)
                rest = lines.pop()
                if len(rest) > _MOST_WAITING:
                    raise FormatError("a line without an end", path=self._file.name, line=self._done + 1)
                if not piece and rest:
                    lines.append(rest.removesuffix(b"\r"))
                yield lines, read, not piece

    def _blocks(self, name: str, runs: Sequence[loop.Run], mode: Mode) -> Blocks:
        one = runs[0]
        if len(runs) == 1 and not one.twice:
            hits = one.hits if mode == "count" or max(one.hits) <= 1 else array("q", map(bool, one.hits))
            return Blocks(one.layout, hits, "touch")
        try:
            most = 1 if mode == "set" else MOST_HITS
            layout, hits = goblocks.united([run.layout for run in runs], [run.hits for run in runs], most)
        except goblocks.UnlikeBlocksError as error:
            raise FormatError(
                f"{name}: a block at line {error.line} is there twice with different numbers of statements",
                path=self._file.name,
                hint="profiles of different sources were put together; merge profiles of one build",
            ) from None
        try:
            return Blocks(layout, hits, "touch").checked()
        except ValueError as error:
            raise FormatError(f"{name}: {error}", path=self._file.name) from None


def _split(rest: bytes, piece: bytes) -> list[bytes]:
    """The lines of a piece that follows the rest of the piece before."""
    if b"\r" in piece or rest.endswith(b"\r"):
        return (rest + piece).replace(b"\r\n", b"\n").split(b"\n")
    lines = piece.split(b"\n")
    lines[0] = rest + lines[0]
    return lines


def _lines(name: str, file: FileCoverage, as_set: bool) -> bytes:
    columns = _columns(file)
    if as_set:
        columns = [*columns[:WIDTH], map(bool, columns[WIDTH])]
    rows = sorted(zip(*columns, strict=True), key=itemgetter(2))  # by last line, then by first line; columns stay
    rows.sort(key=itemgetter(0))
    form = name.replace("%", "%%") + ":%d.%d,%d.%d %d %d\n"
    return (form * len(rows) % tuple(chain.from_iterable(rows))).encode()


def _columns(file: FileCoverage) -> list[Iterable[int]]:
    """Six columns: the blocks, where lines follow from them as Go has it, else a block a line."""
    blocks = file.blocks
    if isinstance(blocks, Blocks) and blocks.lines_by == "touch":
        return [*(blocks.layout[column::WIDTH] for column in range(WIDTH)), blocks.hits]
    numbers, hits = file.lines.numbers, file.lines.hits
    ones, twos = [1] * len(numbers), [2] * len(numbers)
    return [numbers, ones, numbers, twos, ones, hits]
