"""coverage.py's own: its `.coverage` database, what `CoverageData.dumps()` gives, and the report of `coverage json`."""

from __future__ import annotations

import functools
import operator
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from covey.errors import FormatError, UsageError
from covey.formats import coveragedata
from covey.formats.base import Format, Input, Place, Sources
from covey.formats.coveragedata import MAGIC, Recorded, number_of
from covey.formats.coveragenames import Names
from covey.formats.intake import MOST_BYTES, flat_paths, provenance
from covey.formats.pyconfig import is_python
from covey.model.merge import merge
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Key, Report, bits
from covey.model.telling import some

if TYPE_CHECKING:
    from covey.formats.coverageout import Joined
    from covey.formats.coverageunion import Union
    from covey.formats.pyfiles import Built, PythonFiles

_JSON = re.compile(
    rb'\s*\{\s*"meta"\s*:\s*\{(?:\s*"(?:format|version|timestamp|show_contexts)"\s*:[^{},]*+,)*+\s*"branch_coverage"'
)


class CoveragePy(Format):
    """checkout: for which it writes; None for a place that nobody knows."""

    name = "coveragepy"
    loses = frozenset({"branches", "functions", "parts"})
    unites = "files"  # joined as recorded, and judged once

    def __init__(self, checkout: Sources | None = None) -> None:
        self._checkout = checkout

    def at(self, sources: Sources) -> CoveragePy:
        """The same, as it writes for `coverage report` in this checkout."""
        return CoveragePy(sources)

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return head.startswith(MAGIC) or _is_dump(head) or _JSON.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Databases and dumps are united as recorded, then judged as `coverage report` does with the same
        configuration: statements, exclusions, `[report] include` and `omit`, and branches where arcs were recorded.
        A slice "test:NAME" for each context."""
        united, reports = Recorded(sources.beside), []
        origins: dict[str, Provenance] = {}
        for file in files:
            data = file.read(MOST_BYTES)
            origin = _take(file, data, united)
            if origin is not None:
                origins.setdefault(origin.digest, origin)
            elif _JSON.match(data):
                from covey.formats import coveragejson

                reports.append(coveragejson.read(file, data, sources))
            else:
                raise FormatError("neither coverage.py's data nor its JSON report", path=file.name)
        if origins:
            reports.insert(0, replace(_judge(united, sources, files[0].name), sources=tuple(origins.values())))
        return reports[0] if len(reports) == 1 else merge(reports)

    def unite(
        self, files: Sequence[Input], sources: Sources, scope: Callable[[Report], Report] | None
    ) -> Joined | None:
        """One database of several databases and dumps with all that they hold, lines or arcs, contexts, plugins;
        nothing is judged, and files are called as `coverage combine` calls them. None where that cannot be: a JSON
        report is among them, or data with arcs and data without.
        """
        from covey.formats.coverageout import Joined
        from covey.formats.coverageunion import Union

        union = Union(sources.beside)
        try:
            for file in files:
                if not (union.take_database(file) or _take_dump(file, union)) or union.uneven:
                    union.close()
                    return None
            union.finish()
        except BaseException:
            union.close()
            raise
        recorded: dict[str, list[str]] = {}
        for path in union.files:
            recorded.setdefault(sources.locate(path).path, []).append(path)
        shown = Report.of(map(FileCoverage, recorded))
        kept = scope(shown) if scope else shown
        names = Names(sources)
        placed: dict[str, list[str]] = {}
        for path in (one for _, place in kept.files for one in recorded[place]):
            place = sources.locate(path)
            name = names.inside(place.path) if place.mapped else names.elsewhere(path)
            placed.setdefault(name, []).append(path)
        return Joined(union, placed, (*kept.notes, *names.needs(sorted(placed))))

    def write(self, report: Report, out: BinaryIO) -> None:
        """A database that coverage.py opens: lines that ran, and slices "test:NAME" as contexts. Paths are the
        repository's, as with `relative_files = true`, but absolute for files of a known checkout without it. Files of
        other languages, whose lines that did not run neither it nor coverage.py would know, are left out."""
        from covey.formats.coverageout import database

        names = Names(self._checkout)
        lines: dict[str, dict[str, int]] = {}
        for key, path in flat_paths(report).items():
            if self.takes(path):
                held = lines.setdefault(names.reported(path), {})  # a link and its file are one to coverage.py
                for context, ran in _contexts(report, key).items():
                    held[context] = held.get(context, 0) | ran
        out.write(database(lines))

    def takes(self, path: str) -> bool:
        return is_python(path)

    def losses(self, report: Report) -> Iterator[str]:
        """Notes on what `write` leaves out, and what coverage.py needs to read it; UsageError where that is all."""
        others = [path for _, path in report.files if not self.takes(path)]
        if others and len(others) == len(report.files):
            raise UsageError(
                f"coverage.py's data has no place for any of the files: {some(others)}",
                hint="they are not Python; every other --format takes them",
            )
        if others:
            several = "1 file that is" if len(others) == 1 else f"{len(others):,} files that are"
            told = some(others)
            yield f"left out of coverage.py's data, which has no place for them: {several} not Python: {told}"
        yield from super().losses(report)
        names = Names(self._checkout)
        yield from names.needs([names.reported(path) for path in flat_paths(report).values() if self.takes(path)])


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
    ran = rest = bits(line for line, hits in report.files[key].lines.items() if hits)
    found: dict[str, int] = {}
    for name, by_file in report.slices.items():
        if name.startswith("test:") and key in by_file:
            found[name.removeprefix("test:")] = by_file[key] & ran  # a merge that took lines away left the slices
            rest &= ~by_file[key]
    return found | {"": rest} if rest else found


def _take_dump(file: Input, union: Union) -> bool:
    from covey.formats.coveragedump import of_dump

    with file.open() as stream:
        if not _is_dump(stream.read(4096)):
            return False
    of_dump(file.name, file.read(MOST_BYTES), union)
    return True


def _take(file: Input, data: bytes, united: Recorded) -> Provenance | None:
    """Add a database or a dump to what was recorded; None where it is neither."""
    if not data.startswith(MAGIC) and not _is_dump(data):
        return None
    if data.startswith(MAGIC):
        coveragedata.of_database(file.name, data, united)
    else:
        from covey.formats.coveragedump import of_dump

        of_dump(file.name, data, united)
    return provenance(file, data, "coveragepy")


def _joined(some: Iterable[Mapping[str, int | bytes]]) -> dict[str, int]:
    """The union, context by context, of bit sets."""
    found: dict[str, int] = {}
    for by_context in some:
        for context, bit_set in by_context.items():
            found[context] = found.get(context, 0) | number_of(bit_set)
    return found


def _judge(recorded: Recorded, sources: Sources, name: str) -> Report:
    """The report of what was recorded."""
    from covey.formats.pyfiles import PythonFiles

    builder = PythonFiles(sources, measured=False, name=name)
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
            ran = _joined(map(recorded.ran, paths))
            built = _build(builder, place, paths, recorded, ran)
            files.append(built.file)
            _slice(slices, built, ran)
    return Report.of(files, slices=slices, notes=builder.notes)


def _build(
    builder: PythonFiles, place: Place, paths: Sequence[str], recorded: Recorded, ran: Mapping[str, int]
) -> Built:
    """ran: context -> bit set of lines, of all paths together."""
    from covey.formats.pyfiles import Ran

    lines = functools.reduce(operator.or_, ran.values(), 0)
    arcs = None
    if recorded.has_arcs:
        contexts = [(path, context) for path in paths for context in recorded.arcs.get(path, ())]
        arcs = frozenset(arc for path, context in contexts for arc in recorded.pairs(path, context))
        if recorded.uneven and lines and not arcs:
            arcs = None  # recorded without arcs only: its branches are not known, not missed
    built = builder.build(place, Ran(paths[0], lines, arcs=arcs))
    if recorded.uneven and built.file.branches:
        built = replace(built, file=replace(built.file, inexact=built.file.inexact | {"branches"}))
    return built


def _slice(slices: dict[str, dict[Key, int]], built: Built, ran: Mapping[str, int]) -> None:
    for context, bit_set in ran.items():
        covered = built.covered(bit_set) if context else 0
        if covered:
            slices.setdefault(f"test:{context}", {})[built.file.key] = covered
