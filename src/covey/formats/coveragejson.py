"""The report of `coverage json`, formats 1 to 3: it tells statements and branches itself, so no source is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from covey.errors import FormatError
from covey.formats.base import Input, Place, Sources
from covey.formats.intake import Merging, clean, collector_off, line_of, provenance, utc
from covey.model.counted import Arm, Branches, Function, Functions, Lines, leads_to
from covey.model.report import FileCoverage, Key, Report, bits
from covey.model.telling import several_at

_NEWEST = 3


class _Meta(msgspec.Struct):
    format: int = 1
    timestamp: str = ""


class _Summary(msgspec.Struct):
    covered_lines: int | None = None  # coverage.py always tells it
    num_branches: int = 0
    missing_branches: int = 0


class _Region(msgspec.Struct):
    executed_lines: list[int] = []
    missing_lines: list[int] = []
    start_line: int = 0


class _File(msgspec.Struct):
    executed_lines: list[int]
    missing_lines: list[int]
    excluded_lines: list[int] = []
    summary: _Summary = msgspec.field(default_factory=_Summary)
    executed_branches: list[tuple[int, int]] = []
    missing_branches: list[tuple[int, int]] = []
    contexts: dict[int, list[str]] = {}
    functions: dict[str, _Region] = {}


class _Report(msgspec.Struct):
    meta: _Meta
    files: dict[str, _File]


def read(file: Input, data: bytes, sources: Sources) -> Report:
    """The report, mode "set"; a slice "test:NAME" for each context, where it was written with contexts. Of several
    files with one place, as the source and a copy that `[paths]` leads to it, what any of them ran did run."""
    try:
        with collector_off():
            raw = msgspec.json.decode(data, type=_Report)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"damaged JSON report: {error}", path=file.name) from None
    if raw.meta.format > _NEWEST:
        raise FormatError(f"JSON report of format {raw.meta.format}; this covey reads up to {_NEWEST}", path=file.name)
    when = _when(raw.meta.timestamp, file.name)
    found = Merging("max")
    notes: dict[str, None] = {}
    slices: dict[str, dict[Key, int]] = {}
    for name, entry in raw.files.items():
        place = sources.locate(clean(name))
        try:
            coverage = _file(place, entry)
        except ValueError as error:
            raise FormatError(str(error), path=file.name) from None
        if place.path in found:
            notes[several_at(file.name, place.path)] = None
        found.add(coverage)
        _slice(slices, coverage, entry.contexts)
    origin = replace(provenance(file, data, "coveragepy"), collected_at=when)
    return Report.of(found.files(), [origin], slices, notes)


def _when(text: str, file: str) -> datetime | None:
    """When the report was written. coverage.py tells it by the clock of its own machine, without an offset: which
    moment that was cannot be known, and what the reader's clock would make of it is none."""
    when = utc(text, file) if text else None
    return when if when and datetime.fromisoformat(text).tzinfo else None


def _file(place: Place, entry: _File) -> FileCoverage:
    inexact: set[str] = set()
    ran = set(entry.executed_lines).difference(entry.excluded_lines)
    if entry.summary.covered_lines not in (None, len(ran)):
        ran, exact = _only_statements(ran, place, entry)
        inexact.update(() if exact else ("lines",))
    lines = {line_of(line): 0 for line in entry.missing_lines}
    lines |= {line_of(line): 1 for line in ran}
    arms, exact = _arms(entry)
    inexact.update(() if exact else ("branches",))
    for arm in arms:
        line_of(arm.line)
    return FileCoverage(
        place.path, Lines.of(lines), Branches.of(arms), Functions.of(_functions(entry.functions)), mode="set",
        inexact=frozenset(inexact),
    )  # fmt: skip


def _only_statements(ran: set[int], place: Place, entry: _File) -> tuple[set[int], bool]:
    """The lines that are statements, and whether they are as many as the report counts. In older versions (7.10 still)
    `executed_lines` is what ran as recorded, docstrings too: the source tells which are statements."""
    from covey.formats.pysource import judge, read_rules

    if not entry.summary.covered_lines:
        return set(), True
    text = place.text
    judged = judge(text, read_rules(None)) if text else None
    if judged:
        ran = ran.intersection(judged.statements)
    return ran, len(ran) == entry.summary.covered_lines


def _arms(entry: _File) -> tuple[list[Arm], bool]:
    """The arms, and whether they are all there.

    The arms of a "no branch" line count in the summary, as taken, but only those that really were taken are listed.
    A line that lists one arm must have another, so its arms are counted beside, without names (`Branches.told_once`);
    what then still lacks is on lines that list none.
    """
    hits = {(line, leads_to(end)): 0 for line, end in entry.missing_branches}
    hits |= {(line, leads_to(end)): 1 for line, end in entry.executed_branches if line != end}  # loops: up to 6.x
    lacking = entry.summary.num_branches - len(hits)
    listed = Counter(line for line, _ in hits)
    ran = {line for (line, _), hit in hits.items() if hit}
    for line in sorted(line for line, count in listed.items() if count == 1):
        if lacking > 0:
            hits[line, "?0"], hits[line, "?1"] = 1, int(line in ran)
            lacking -= 1
    return [Arm(line, key, hit) for (line, key), hit in hits.items()], lacking == 0


def _functions(regions: Mapping[str, _Region]) -> Iterable[Function]:
    """Those with statements; the region without a name is what lies outside of all functions. Up to coverage.py 7.10
    a region does not tell where it starts."""
    for name, region in regions.items():
        lines = region.executed_lines + region.missing_lines
        if name and lines:
            first = line_of(region.start_line or min(lines))
            yield Function(clean(name), first, None, int(bool(region.executed_lines)))


def _slice(slices: dict[str, dict[Key, int]], file: FileCoverage, contexts: Mapping[int, list[str]]) -> None:
    by_context: dict[str, list[int]] = {}
    for line, names in contexts.items():
        for name in names:
            if name and file.lines.get(line):
                by_context.setdefault(clean(name), []).append(line)
    for name, lines in by_context.items():
        by_file = slices.setdefault(f"test:{name}", {})
        by_file[file.key] = by_file.get(file.key, 0) | bits(lines)
