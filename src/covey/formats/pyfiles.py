"""From lines that ran to a Python file's coverage: by coverage.py's statements where the source can be judged.

What counts as executable, best first:

    statements   coverage.py's statements and exclusions, from the source text that ran
    line tables  the lines of the file's code objects, as the agent sent them: the source is not at hand, is another
                 one than ran, is newer Python than this interpreter parses, or very long
    what ran     nothing else is known, so the lines that did not run are not: a figure of 100 % that says nothing,
                 marked inexact, "missing" too: no threshold is judged by it
"""

from __future__ import annotations

import posixpath
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import compress

from covey.errors import FormatError
from covey.formats.base import Place, Sources
from covey.formats.intake import MOST_NAMED, clean
from covey.formats.pyconfig import PYTHON_RULE, SETTINGS, nearer
from covey.formats.pyrules import PythonRules, PythonScope
from covey.formats.pysource import Judged, arms, judge, read_rules
from covey.model.counted import Branches, Function, Functions, Lines
from covey.model.report import FileCoverage, Report, bits, lines_of, marks
from covey.model.telling import some


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran of one file. `lines` and `table` are bit sets; `table` is of the code objects' lines, 0 when unknown.

    arcs: (from, to) line pairs where branches were recorded.
    """

    recorded: str
    lines: int
    source_hash: str | None = None
    table: int = 0
    arcs: frozenset[tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A file's coverage, and what is needed to tell which of its lines a part of the run covered."""

    file: FileCoverage
    judged: Judged | None

    def covered(self, ran: int) -> int:
        """The covered lines, as a bit set, when the lines of bit set `ran` were executed."""
        if self.judged:
            return bits(self.judged.covered_statements(lines_of(ran)))
        return ran & bits(self.file.lines.numbers)


class PythonFiles:
    """Builds the files of one capture and gathers what its reader must know. `measured`: whether `[run] source`,
    `include` and `omit` are still to be applied (the recorder did not know them). `name`: of the file that is read."""

    def __init__(self, sources: Sources, *, measured: bool, name: str = "") -> None:
        self.sources = sources
        self._name = name
        self._room = MOST_NAMED
        self.rules: PythonRules = read_rules(sources.root)
        self._scope = scope(sources, self.rules)
        self._measured = measured
        self._noted: dict[str, dict[str, None]] = {}
        self._folders: set[str] = set()  # of the checkout, that hold what was built

    def note(self, what: str, path: str) -> None:
        """One more file for the note that begins with `what`."""
        self._noted.setdefault(what, {})[path] = None

    @property
    def notes(self) -> list[str]:
        taken = self.rules.file or "coverage.py's defaults"
        rule = f"{PYTHON_RULE}by coverage.py's statements, with the exclusions of {taken}"
        settings = [f"{SETTINGS}{one}" for one in (*self.rules.warnings, *self._absent(), *self._passed_over())]
        return [rule, *settings, *(f"{what}: {_some(paths)}" for what, paths in self._noted.items())]

    def _absent(self) -> Iterator[str]:
        """Of the source asked for what is nowhere, most often for its name is misspelt: nothing counts for it."""
        if self._measured and self._scope.absent:
            told = clean(_some(self._scope.absent))
            where = "no folder, package or module of the checkout, so nothing counts for it"
            yield f"[run] source: {told} is {where}: mend the name, or give the right --checkout"

    def _passed_over(self) -> Iterator[str]:
        """The configurations that the rule does not come from though a reader may think so."""
        others = nearer(self.sources.root, self.sources.listing, sorted(self._folders))
        if others:
            told = f"{others[0]} is" if len(others) == 1 else f"{others[0]} and {len(others) - 1} more are"
            yield f"{told} not looked at: --checkout {posixpath.dirname(others[0])}"

    def counts(self, place: Place) -> bool:
        """Whether the file is part of the figures; a file of the source asked for that has no place is noted."""
        if not place.mapped:
            if self._measured and self.rules.has_source:
                self.note("not counted, for no file under the configured source is known to be it", place.path)
                return False
            return self.rules.reported(place.path)
        return self._scope.counts(place.path) if self._measured else self.rules.reported(place.path)

    def build(self, place: Place, ran: Ran) -> Built:
        """The file's coverage, mode "set"."""
        if place.mapped:
            self._folders.add(posixpath.dirname(place.path))
        judged = None
        text = place.text
        if text is None:
            self._fall_back("source not at hand", place, ran)
        elif place.same is False:
            self._fall_back("source in the checkout is not what ran", place, ran)
        else:
            judged = judge(text, self.rules)
            if judged is None:
                self._fall_back("newer or other Python than this interpreter parses, or very long", place, ran)
        if judged is None:
            return Built(self._by_table(place, ran), None)
        return Built(self._by_statements(place, text, ran, judged), judged)

    def _fall_back(self, why: str, place: Place, ran: Ran) -> None:
        how = "counted by the lines of their code objects" if ran.table else "only what ran is known, not what did not"
        self.note(f"{why}; {how}", place.path)

    def _by_table(self, place: Place, ran: Ran) -> FileCoverage:
        every, hit = marks(ran.table | ran.lines), marks(ran.lines)
        self._room -= every.count(1)
        if self._room < 0:
            raise FormatError(f"names more than {MOST_NAMED} lines of files that are not at hand", path=self._name)
        numbers = array("i", compress(range(len(every)), every))
        lines = Lines(numbers, array("q", compress(hit.ljust(len(every), b"\0"), every)))
        inexact = frozenset() if ran.table else frozenset({"lines", "missing"})
        return FileCoverage(place.path, lines, mode="set", source_hash=ran.source_hash, inexact=inexact)

    def _by_statements(self, place: Place, text: bytes | None, ran: Ran, judged: Judged) -> FileCoverage:
        hit = judged.covered_statements(lines_of(ran.lines))
        branches = Branches()
        if ran.arcs is not None and text is not None:
            branches = Branches.of(arms(text, self.rules, ran.arcs))
        return FileCoverage(
            place.path,
            Lines(judged.statements, array("q", [number in hit for number in judged.statements])),
            branches,
            functions(judged, hit),
            mode="set",
            source_hash=ran.source_hash,
        )


def functions(judged: Judged, hit: set[int]) -> Functions:
    """The functions that have statements; one counts as run when any of its own did (coverage.py's LCOV rule)."""
    statements, ran = bits(judged.statements), bits(hit)
    found: list[Function] = []
    names: set[str] = set()
    for region in judged.regions:
        if region.lines & statements:
            name = f"{region.name}@{region.first}" if region.name in names else region.name
            names.add(region.name)
            found.append(Function(name, region.first, region.last, int(bool(region.lines & ran))))
    return Functions.of(found)


def scope(sources: Sources, rules: PythonRules) -> PythonScope:
    return PythonScope(rules, sorted([*sources.listing(".py"), *sources.listing(".pyw")]))


def complete(report: Report, sources: Sources) -> Report:
    """The report with the files under `[run] source` that no process loaded, at 0: coverage.py's rule.

    Unchanged when nothing was recorded at all. Without a checkout or a `source`, a note says that only what was loaded
    counts. A file that the report knows is left alone, also where it is only known that it was not recorded.
    """
    if not report.sources and not report.files:
        return report
    builder = PythonFiles(sources, measured=True)
    if not builder.rules.has_source:
        why = "no [run] source is configured, as in .coveragerc" if sources.root else "there is no checkout"
        why = "nothing of [run] source is in the checkout" if builder.rules.source_astray else why
        return _noted(report, [f"only Python files that were loaded count, for {why}"])
    known = {path for _, path in report.files}
    repositories = {repository for repository, _ in report.files}
    repository = repositories.pop() if len(repositories) == 1 else None
    added = []
    for path in scope(sources, builder.rules).importable():
        if path in known:
            continue
        place = sources.locate(path)
        if place.path != path or place.text is None or judge(place.text, builder.rules) is None:
            builder.note("never loaded, and not counted, for they cannot be read as Python", path)
            continue
        added.append(replace(builder.build(place, Ran(path, 0)).file, repository=repository))
    whole = Report.of([*report.files.values(), *added], report.sources, report.slices, report.notes)
    return _noted(whole, builder.notes)


def _noted(report: Report, notes: Iterable[str]) -> Report:
    return replace(report, notes=tuple(dict.fromkeys([*report.notes, *notes])))


def _some(paths: Iterable[str]) -> str:
    return some(sorted(paths))
