"""What the processes of one capture recorded, gathered by repository file and version of its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from covey.errors import FormatError
from covey.formats.base import Place, Sources
from covey.formats.intake import clean
from covey.formats.pyfiles import Built, PythonFiles, Ran
from covey.formats.segments import Capture
from covey.loops.bounds import LAST_LINE
from covey.model.provenance import Provenance
from covey.model.ranges import bit_set, counted
from covey.model.report import FileCoverage, Key, Report
from covey.model.telling import many

MOST_LINES = 40_000_000  # over all processes, a sparse file counting for the bytes of its bit set


@dataclass
class _Budget:
    """How many lines one read may still unpack: a range of few characters can name very many."""

    file: str
    left: int = field(default_factory=lambda: MOST_LINES)

    def unpack(self, ranges: str) -> int:
        """A bit set of the lines."""
        try:
            count, last = counted(ranges, LAST_LINE)
        except ValueError as error:
            raise FormatError(str(error), path=self.file) from None
        self.left -= count + (last >> 3)
        if self.left < 0:
            raise FormatError(f"names more than {MOST_LINES} lines", path=self.file)
        return bit_set(ranges, LAST_LINE)


@dataclass
class _Version:
    """One source text of one repository file, and what ran of it under the recorded paths that lead there."""

    place: Place
    source_hash: str | None
    lines: int = 0
    recorded: set[str] = field(default_factory=set)


class Captured:
    """Gathers captures into versions of files, then builds each file once."""

    def __init__(self, sources: Sources, name: str = "") -> None:
        self._files = PythonFiles(sources, measured=True, name=name)
        self._sources = sources
        self._versions: dict[str, dict[str | None, _Version]] = {}
        self._tables: dict[str, int] = {}
        self._windows: dict[str, dict[str, int]] = {}
        self._not_recorded: set[str] = set()
        self._said: dict[str, None] = {}

    def take(self, name: str, capture: Capture) -> None:
        """Add one capture, read from the file `name`."""
        budget = _Budget(name)
        for source_hash, source in capture.sources.items():
            self._tables[source_hash] = self._tables.get(source_hash, 0) | budget.unpack(source.executable)
        for process in capture.processes:
            for path, file in process.files.items():
                ran = clean(file.source_hash) if file.source_hash else None
                self._version(clean(path), ran).lines |= budget.unpack(file.lines)
        for window in capture.windows:
            by_path = self._windows.setdefault(f"test:{clean(window.name)[:512]}", {})
            for path, ranges in window.files.items():
                by_path[clean(path)] = by_path.get(clean(path), 0) | budget.unpack(ranges)
        self._not_recorded.update(map(clean, capture.not_recorded))
        short = sum(not process.complete for process in capture.processes)
        if short:
            every = many(len(capture.processes), "process", "processes")
            self._said[f"{short:,} of {every} could not record everything"] = None
        self._said.update(dict.fromkeys(f"agent: {clean(text)[:500]}" for text in capture.warnings[:20]))

    def _version(self, recorded: str, source_hash: str | None) -> _Version:
        place = self._sources.locate(recorded, source_hash)
        versions = self._versions.setdefault(place.path, {})
        if source_hash not in versions:
            versions[source_hash] = _Version(place, source_hash)
        versions[source_hash].recorded.add(recorded)
        return versions[source_hash]

    def report(self, origins: Sequence[Provenance]) -> Report:
        built: dict[str, Built] = {}  # by recorded path
        found: dict[str, FileCoverage] = {}
        for path, versions in self._versions.items():
            version = self._choose(path, versions)
            if self._files.counts(version.place):
                table = self._tables.get(version.source_hash or "", 0)
                result = self._files.build(
                    version.place, Ran(min(version.recorded), version.lines, version.source_hash, table)
                )
                found[path] = result.file
                built.update(dict.fromkeys(version.recorded, result))
        for recorded in sorted(self._not_recorded):
            place = self._sources.locate(recorded)
            if place.path in found or (place.mapped and not self._files.counts(place)):
                continue
            self._files.note("loaded before the agent could see it, so unknown and not counted", place.path)
            if place.mapped:  # known, without lines: so complete() does not take it for a file that never ran
                found[place.path] = FileCoverage(place.path, mode="set", inexact=frozenset({"lines"}))
        return Report.of(found.values(), origins, self._slices(built), [*self._files.notes, *self._said])

    def _choose(self, path: str, versions: dict[str | None, _Version]) -> _Version:
        """The version that counts: the checkout's, else that of which most ran. One without a hash joins it."""
        ranked = sorted(
            versions.values(),
            key=lambda one: (
                one.place.same is True,
                one.source_hash is not None,
                one.lines.bit_count(),
                one.source_hash or "",
            ),
            reverse=True,
        )
        chosen = ranked[0]
        for other in ranked[1:]:
            if other.source_hash is None:
                chosen.lines |= other.lines
                chosen.recorded |= other.recorded
            else:
                self._files.note("ran in several versions; only the one that fits best counts", path)
        return chosen

    def _slices(self, built: dict[str, Built]) -> dict[str, dict[Key, int]]:
        slices: dict[str, dict[Key, int]] = {}
        for name, by_path in self._windows.items():
            covered: dict[Key, int] = {}
            for recorded, ran in by_path.items():
                if recorded in built:
                    key = built[recorded].file.key
                    covered[key] = covered.get(key, 0) | built[recorded].covered(ran)
            slices[name] = {key: bit_set for key, bit_set in covered.items() if bit_set}
        return slices
