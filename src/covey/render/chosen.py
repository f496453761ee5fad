"""Which files a table shows and in which order: --sort, --below, --skip-covered, --skip-empty, --limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from covey.errors import UsageError
from covey.model.ratio import Ratio, Totals
from covey.model.report import FileCoverage, Report
from covey.model.telling import files
from covey.render.base import Options, several_repositories, shown_name, untaken
from covey.render.counting import measured


@dataclass
class Row:
    """One file of a table. name: as it is shown."""

    file: FileCoverage
    name: str
    totals: Totals

    @cached_property
    def partial(self) -> int:
        """Arms never taken of lines that ran."""
        return len(untaken(self.file))

    @property
    def missed(self) -> int:
        """Statements that did not run."""
        return self.totals.statements.total - self.totals.statements.covered

    @property
    def complete(self) -> bool:
        return not self.missed and not self.partial


# What --sort takes, and its key; the words are coverage.py's.
_KEYS: dict[str, Callable[[Row, str], Any]] = {
    "name": lambda row, metric: row.name,  # noqa: ARG005 - one shape for all
    "stmts": lambda row, metric: row.totals.statements.total,  # noqa: ARG005
    "miss": lambda row, metric: row.missed,  # noqa: ARG005
    "branch": lambda row, metric: row.totals.branches.total,  # noqa: ARG005
    "brpart": lambda row, metric: row.partial,  # noqa: ARG005
    "cover": lambda row, metric: _share(measured(row.totals, metric)),
}
SORTS = tuple(_KEYS)


@dataclass(frozen=True)
class Chosen:
    """rows: what the table shows, in its order. left_out: sentences about what the options keep out of it. cut: how
    many rows more there were than its limit."""

    rows: list[Row]
    left_out: list[str]
    cut: int


def rows_of(report: Report) -> list[Row]:
    several = several_repositories(report)
    return [Row(file, shown_name(file, several), file.totals) for file in report.files.values()]


def chosen(rows: list[Row], options: Options) -> Chosen:
    """The rows that the options ask for; of more than `limit` those with the most statements that did not run."""
    left_out: list[str] = []

    def keep(rows: list[Row], test: Callable[[Row], bool], why: str) -> list[Row]:
        kept = [row for row in rows if test(row)]
        if len(kept) < len(rows):
            left_out.append(f"{files(len(rows) - len(kept))} {why} not shown.")
        return kept

    if options.skip_covered:
        rows = keep(rows, lambda row: not row.complete, "with complete coverage")
    if options.skip_empty:
        rows = keep(rows, lambda row: row.totals.statements.total > 0, "without code")
    bar = options.below
    if bar is not None:

        def figure(row: Row) -> Ratio:
            return measured(row.totals, options.metric)

        without = options.metric if options.metric in ("branches", "functions") else "code"
        rows = keep(rows, lambda row: not figure(row).total or figure(row).below(bar), f"of {bar}% or more")
        rows = keep(rows, lambda row: figure(row).total > 0, f"without {without}")
    rows = _sorted(rows, options)
    cut = max(len(rows) - options.limit, 0) if options.limit else 0
    if cut:
        most = set(by_missed(rows)[: options.limit])
        rows = [row for at, row in enumerate(rows) if at in most]
    return Chosen(rows, left_out, cut)


def by_missed(rows: list[Row]) -> list[int]:
    """Places of the rows, those with the most statements that did not run first."""
    return sorted(range(len(rows)), key=lambda at: (-rows[at].missed, at))


def _sorted(rows: list[Row], options: Options) -> list[Row]:
    """By --sort: NAME or -NAME, downwards; equal ones by name. UsageError naming all there are."""
    if not options.sort:
        return rows
    key = _KEYS.get(options.sort.lstrip("+-").lower())
    if key is None:
        raise UsageError(f"there is no column {options.sort!r} to sort by", hint=f"there are: {', '.join(SORTS)}")
    return sorted(rows, key=lambda row: key(row, options.metric), reverse=options.sort.startswith("-"))


def _share(ratio: Ratio) -> float:
    """Without code: before all others, as there is nothing to reach."""
    return ratio.covered / ratio.total if ratio.total else -1.0
