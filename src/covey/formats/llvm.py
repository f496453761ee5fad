"""`llvm-cov export` in JSON: Clang, rustc, swiftc, and cargo-llvm-cov."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from covey.errors import FormatError
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import MOST_BYTES, MOST_NAMED, Merging, clean, collector_off, provenance
from covey.formats.llvmfunctions import FUNCTION_WIDTHS, Functions, Instance
from covey.loops import llvm as loops
from covey.loops.bounds import LAST_LINE, MOST_HITS
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report

_BEGINS = re.compile(
    rb'\s*\{\s*(?:"data"\s*:\s*\[\s*\{\s*"(?:files|functions|totals)"|"(?:version|type|data|cargo_llvm_cov)"\s*:)'
)
_TYPE = "llvm.coverage.json.export"
_NAMES_IT = re.compile(rb'"data"\s*:\s*\[\s*\{\s*"(?:files"\s*:\s*\[|functions|totals)|"llvm\.coverage\.json\.export"')
_decode = msgspec.json.Decoder(list[int]).decode


class _Expansion(msgspec.Struct):
    branches: msgspec.Raw = msgspec.Raw(b"[]")
    source_region: list[int] = []


class _File(msgspec.Struct):
    filename: str
    segments: msgspec.Raw = msgspec.Raw(b"")
    branches: msgspec.Raw = msgspec.Raw(b"[]")
    expansions: list[_Expansion] = []
    mcdc_records: list[msgspec.Raw] = []


class _Function(msgspec.Struct):
    name: str
    count: int
    filenames: list[str]
    regions: msgspec.Raw
    branches: msgspec.Raw = msgspec.Raw(b"[]")


class _Data(msgspec.Struct):
    files: list[_File]
    functions: list[_Function] | None = None


class _Export(msgspec.Struct):
    data: list[_Data]
    type: str = ""
    version: str = ""


class Llvm(Format):
    name = "llvm"
    only_read = "write LCOV instead: --format lcov"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _BEGINS.match(head) is not None and _NAMES_IT.search(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines by LLVM's rule for a file's segments, both arms of each branch, functions, and code regions as blocks
        of one statement; what several instances of a function count adds up. Mode "count"."""
        found = Merging()
        origins, notes = [], dict[str, None]()
        for file in files:
            data = file.read(MOST_BYTES)
            origins.append(provenance(file, data, self.name))
            for recorded, read in _files(data, file.name, notes):
                found.add(read.coverage(sources.locate(recorded).path))
        return Report.of(found.files(), origins, notes=notes)


FORMAT = Llvm()


class _Read:
    """One file of an export."""

    def __init__(self, lines: Lines, functions: Functions | None) -> None:
        self._lines = lines
        self._functions = functions

    def coverage(self, path: str) -> FileCoverage:
        of = self._functions
        if of is None:
            return FileCoverage(path, self._lines)
        return FileCoverage(path, self._lines, of.branches(), of.functions(), of.blocks())


def _files(data: bytes, name: str, notes: dict[str, None]) -> Iterator[tuple[str, _Read]]:
    try:
        with collector_off():
            export = msgspec.json.decode(data, type=_Export)
        if export.type != _TYPE or export.version.partition(".")[0] not in ("2", "3"):
            raise ValueError(f"type {clean(export.type[:40])!r}, version {clean(export.version[:20])!r}")
        room = MOST_NAMED + len(data)
        for part in export.data:
            functions = _functions(part)
            conditions = sum(len(file.mcdc_records) for file in part.files)
            if conditions:
                notes[f"{name}: {conditions} MC/DC records were passed over"] = None
            if part.functions is None and part.files:
                notes[f"{name}: exported without functions, so neither they nor regions are counted"] = None
            for file in part.files:
                lines = _lines(file, room)
                room -= len(lines.numbers)
                yield clean(file.filename), _Read(lines, functions.get(file.filename))
    except (ValueError, OverflowError) as error:  # msgspec's own is a ValueError
        raise FormatError(f"no llvm-cov export: {error}", path=name) from None
    except RecursionError:
        raise FormatError("no llvm-cov export: nested too deep", path=name) from None


def _lines(file: _File, room: int) -> Lines:
    if not bytes(file.segments):
        raise ValueError("without segments, as with -summary-only, nothing tells which lines ran")
    width, flat = loops.rows(bytes(file.segments), (6, 5), _decode)
    if flat and flat[-width] > LAST_LINE:
        raise ValueError(f"{flat[-width]} is no line number")
    if flat and flat[-width] - flat[0] >= room:
        raise ValueError("segments that reach over more lines than there are")
    if flat and max(flat) > MOST_HITS:
        flat = [min(number, MOST_HITS) for number in flat]
    numbers, hits = loops.lines(width, flat, room)
    return Lines(numbers, hits)


def _functions(part: _Data) -> dict[str, Functions]:
    """By file. An export without functions still has the branches of each file, and of the macros it expands."""
    found = {file.filename: Functions(counted=part.functions is not None) for file in part.files}
    for one in part.functions or ():
        if one.count < 0:
            raise ValueError(f"a function that ran {one.count} times")
        regions = loops.rows(bytes(one.regions), FUNCTION_WIDTHS, _decode)[1]
        width, branches = loops.rows(bytes(one.branches), (9, 8), _decode)
        recorded = Instance(clean(one.name), one.count, regions, branches, width, len(one.filenames))
        main = one.filenames[recorded.main] if one.filenames else ""
        if main in found:
            found[main].add(recorded)
    for file in part.files if part.functions is None else ():
        _add_branches(found[file.filename], file)
    return found


def _add_branches(found: Functions, file: _File) -> None:
    width, flat = loops.rows(bytes(file.branches), (9, 8), _decode)
    found.add_branches((), width, flat)
    for expansion in file.expansions:
        width, flat = loops.rows(bytes(expansion.branches), (9, 8), _decode)
        if len(expansion.source_region) < 4:
            raise ValueError("an expansion without a place")
        found.add_branches((tuple(expansion.source_region[:4]),), width, flat)
