"""The table that `coverage report` prints, for any language that has lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from covey.model.ratio import Ratio, Totals
from covey.model.report import FileCoverage, Report
from covey.render.base import (
    Options,
    as_range,
    joint,
    leads_to,
    put,
    ranges_of_missing,
    several_repositories,
    shown_name,
    untaken,
    visible,
)
from covey.render.slices import Part, parts_of


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    totals: Totals
    partial: int
    missing: str = ""


class Text:
    """Name, Stmts, Miss, [Branch, BrPart,] Cover[, Missing], a line a file, and TOTAL; then what each part reached.

    Stmts and Miss are statements where the format counts them (Go), else lines. Cover counts statements and, where
    any were measured, branches; BrPart the arms never taken of lines that ran. All as coverage.py counts.
    """

    name = "text"
    folder = False

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> None:
        put(table(report, options), out)


def table(report: Report, options: Options) -> str:
    several = several_repositories(report)
    rows = [_row(file, several, options) for file in report.files.values()]
    total = _Row("TOTAL", sum((row.totals for row in rows), Totals()), sum(row.partial for row in rows))
    shown = [row for row in rows if not (options.skip_covered and _complete(row))]
    cells = [_cells(row, total, options) for row in (*shown, total)]
    head = ["Name", "Stmts", "Miss", *(["Branch", "BrPart"] if total.totals.branches.total else []), "Cover"]
    if options.show_missing:
        head.append("Missing")
    lines = _laid_out([head, *cells], left={0, len(head) - 1} if options.show_missing else {0})
    rule = "-" * max(len(lines[0]), 20)
    body = [lines[0], rule, *lines[1:-1], *([rule] if shown else []), lines[-1]]
    skipped = len(rows) - len(shown)
    if skipped:
        body += ["", f"{skipped} {'file' if skipped == 1 else 'files'} with complete coverage not shown."]
    found = parts_of(report)
    if found:
        head = [found[0].kind.capitalize() or "Slice", "Lines", "Cover", "Only here"]
        body += ["", *_laid_out([head, *(_part(part, options.digits) for part in found)], left={0}), ""]
    body += [f"Note: {visible(note)}" for note in report.notes]
    return "\n".join(body) + "\n"


def _part(part: Part, digits: int) -> list[str]:
    return [visible(part.name), str(part.lines.covered), _percent(part.lines, digits), str(part.only)]


def _row(file: FileCoverage, several: bool, options: Options) -> _Row:
    missing = missing_column(file) if options.show_missing else ""
    return _Row(shown_name(file, several), file.totals, len(untaken(file)), missing)


def _complete(row: _Row) -> bool:
    statements = row.totals.statements
    return statements.covered == statements.total and not row.partial


def missing_column(file: FileCoverage) -> str:
    """What did not run: "3-5, 9->12"; an arm is named where its key says where it leads, and that line ran."""
    parts = [(first, 0, as_range(first, last)) for first, last in ranges_of_missing(file)]
    arms = [(line, key, leads_to(file, key)) for line, key in untaken(file)]
    gone = set(map(str, file.lines.missing))
    parts += [(line, int(key), f"{line}->{lead}") for line, key, lead in arms if lead and lead not in gone]
    return ", ".join(text for _, _, text in sorted(parts))


def _cells(row: _Row, total: _Row, options: Options) -> list[str]:
    statements, branches = row.totals.statements, row.totals.branches
    cells = [row.name, str(statements.total), str(statements.total - statements.covered)]
    if total.totals.branches.total:
        cells += [str(branches.total), str(row.partial)]
    cells.append(_percent(joint(row.totals), options.digits))
    return [*cells, row.missing] if options.show_missing else cells


def _percent(ratio: Ratio, digits: int) -> str:
    return f"{ratio.shown(digits)}%" if ratio.total else "-"


def _laid_out(rows: list[list[str]], left: set[int]) -> list[str]:
    """Columns as wide as their widest cell, the ones in `left` flush left; no spaces at the end of a line."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join(
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


RENDERER = Text()
