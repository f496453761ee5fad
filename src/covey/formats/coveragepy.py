"""coverage.py's own: its `.coverage` database, what `CoverageData.dumps()` gives, and the report of `coverage json`."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from covey.errors import FormatError
from covey.formats import coveragedata, coveragejson
from covey.formats.base import Input, Place, Sources
from covey.formats.coveragedata import Recorded
from covey.formats.intake import MOST_BYTES, flat_paths, provenance
from covey.model.merge import merge
from covey.model.report import FileCoverage, Key, Report, bits

if TYPE_CHECKING:
    from covey.formats.pyfiles import Built, PythonFiles

_DATABASE = b"SQLite format 3\0"
_JSON = re.compile(rb'\s*\{\s*"meta"\s*:\s*\{[^{}]*"branch_coverage"')


class CoveragePy:
    name = "coveragepy"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return head.startswith(_DATABASE) or _is_dump(head) or _JSON.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Databases and dumps are united as recorded, then judged as `coverage report` does with the same
        configuration: statements, exclusions, `[report] include` and `omit`, and branches where arcs were recorded.
        A slice "test:NAME" for each context."""
        united, origins, reports = Recorded(), [], []
        uneven = False
        for file in files:
            data = file.read(MOST_BYTES)
            if data.startswith(_DATABASE) or _is_dump(data):
                read = coveragedata.of_database if data.startswith(_DATABASE) else coveragedata.of_dump
                recorded = read(file.name, data)
                uneven |= bool(united.files) and united.has_arcs != recorded.has_arcs
                united.add(recorded)
                origins.append(provenance(file, data, self.name))
            elif _JSON.match(data):
                reports.append(coveragejson.read(file, data, sources))
            else:
                raise FormatError("neither coverage.py's data nor its JSON report", path=file.name)
        if origins:
            reports.insert(0, replace(_judge(united, sources, uneven), sources=tuple(origins)))
        return reports[0] if len(reports) == 1 else merge(reports)

    def write(self, report: Report, out: BinaryIO) -> None:
        """A database that coverage.py opens: lines that ran, and slices "test:NAME" as contexts. Paths are the
        repository's, as with `relative_files = true`."""
        from covey.formats.pysource import database

        out.write(database({name: _contexts(report, key) for key, name in flat_paths(report).items()}))

    def complete(self, report: Report, sources: Sources) -> Report:  # noqa: ARG002 - it names them itself
        """Unchanged: coverage.py adds to its data what nothing loaded, when it was asked for by `source`."""
        return report


FORMAT = CoveragePy()


def _is_dump(head: bytes) -> bool:
    """Whether the bytes begin as `dumps()` does: "z", then packed SQL."""
    if head[:2] != b"z\x78":
        return False
    try:
        start = zlib.decompressobj().decompress(head[1:4096], 64)
    except zlib.error:
        return False
    return start.startswith((b"BEGIN TRANSACTION;", b"PRAGMA "))


def _contexts(report: Report, key: Key) -> dict[str, int]:
    """Context -> bit set of covered lines; what no slice covers is without a context."""
    rest = bits(line for line, hits in report.files[key].lines.items() if hits)
    found: dict[str, int] = {}
    for name, by_file in report.slices.items():
        if name.startswith("test:") and key in by_file:
            found[name.removeprefix("test:")] = by_file[key]
            rest &= ~by_file[key]
    return found | {"": rest} if rest else found


def _judge(recorded: Recorded, sources: Sources, uneven: bool) -> Report:
    """The report of what was recorded. `uneven`: some of it with arcs and some without."""
    from covey.formats.pyfiles import PythonFiles

    builder = PythonFiles(sources, measured=False)
    placed: dict[str, tuple[Place, list[str]]] = {}
    for path in recorded.files:
        plugin = recorded.plugins.get(path)
        if plugin:
            builder.note(f"not counted: only the coverage.py plugin {plugin} knows its statements", path)
            continue
        place = sources.locate(path)
        placed.setdefault(place.path, (place, []))[1].append(path)
    files: list[FileCoverage] = []
    slices: dict[str, dict[Key, int]] = {}
    for place, paths in placed.values():
        if builder.counts(place):
            built = _build(builder, place, paths, recorded, uneven)
            files.append(built.file)
            _slice(slices, built, paths, recorded)
    return Report.of(files, slices=slices, notes=builder.notes)


def _build(builder: PythonFiles, place: Place, paths: Sequence[str], recorded: Recorded, uneven: bool) -> Built:
    from covey.formats.pyfiles import Ran

    lines = 0
    for bit_set in (bit_set for path in paths for bit_set in recorded.lines.get(path, {}).values()):
        lines |= bit_set
    arcs = None
    if recorded.has_arcs:
        arcs = frozenset(arc for path in paths for some in recorded.arcs.get(path, {}).values() for arc in some)
        if uneven and lines and not arcs:
            arcs = None  # recorded without arcs only: its branches are not known, not missed
    built = builder.build(place, Ran(paths[0], lines, arcs=arcs))
    if uneven and built.file.branches:
        built = replace(built, file=replace(built.file, inexact=built.file.inexact | {"branches"}))
    return built


def _slice(slices: dict[str, dict[Key, int]], built: Built, paths: Sequence[str], recorded: Recorded) -> None:
    by_context: dict[str, int] = {}
    for path in paths:
        for context, bit_set in recorded.lines.get(path, {}).items():
            if context:
                by_context[context] = by_context.get(context, 0) | bit_set
    for context, ran in by_context.items():
        covered = built.covered(ran)
        if covered:
            slices.setdefault(f"test:{context}", {})[built.file.key] = covered
