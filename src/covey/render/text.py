"""The table that `coverage report` prints, for any language that has lines."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from covey.model.ratio import Ratio, Totals
from covey.model.report import Report
from covey.model.telling import files
from covey.render.base import Options, put, visible
from covey.render.chosen import Row, chosen, rows_of
from covey.render.columns import laid_out, width_of, wrapped
from covey.render.counting import joint, rule
from covey.render.gaps import missing, reached_alone
from covey.render.notes import headlines, remarks, sentence
from covey.render.slices import Part, parts_of


class Text:
    """Name, Stmts, Miss, [Branch, BrPart,] Cover[, Missing], a line a file, and TOTAL; then what each part reached, and
    by which rule it was counted.

    Stmts and Miss are statements where the format counts them (Go), else lines. Cover counts statements and, where
    any were measured, branches; BrPart the arms never taken of lines that ran. All as coverage.py counts. A table of
    very many files is cut, and says so.
    """

    name = "text"
    folder = False

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> list[Path]:
        return put(table(report, options, width_of(out)), out)


def table(report: Report, options: Options, width: int = 0) -> str:
    """width: of the terminal it is for; 0 for any."""
    rows = rows_of(report)
    found = chosen(rows, options)
    branches = report.totals.branches.total > 0
    head = ["Name", "Stmts", "Miss", *(["Branch", "BrPart"] if branches else []), "Cover"]
    if options.show_missing:
        head.append("Missing")
    total = _cells("TOTAL", report.totals, sum(row.partial for row in rows) if branches else 0, branches, options)
    cells = [_of_row(row, branches, options) for row in found.rows]
    left = {0, len(head) - 1} if options.show_missing else {0}
    lines = laid_out([head, *cells, total], left, width, lists=options.show_missing)
    rule_ = "-" * max(len(lines[0]), 20)
    body = [visible(options.title), ""] if options.title else []
    body += [line for said in headlines(report) for line in (*wrapped(said, width), "")]
    body += [lines[0], rule_, *lines[1:-1], *([rule_] if cells else []), lines[-1], ""]
    left_out = found.left_out
    if found.cut:
        left_out = [*left_out, f"Not shown: {files(found.cut)} with no more gaps; --limit 0 shows all."]
    body += [*left_out, ""] if left_out else []
    body += _parts(report, options, width)
    said = [f"Counted: {rule(report)}.", *map(sentence, remarks(report))]
    body += [line for sentence in said for line in wrapped(sentence, width)]
    return "\n".join(body) + "\n"


def _parts(report: Report, options: Options, width: int) -> list[str]:
    found = parts_of(report)
    if not found:
        return []
    head = [found[0].kind.capitalize() or "Slice", "Lines", "Of all lines", "Only here"]
    whole = ["TOTAL", *_reached(report.totals.lines, options.digits)]
    lines = [*laid_out([head, *(_part(part, options.digits) for part in found), whole], {0}, width), ""]
    if options.show_missing:
        lines += [line for part in found if part.only for line in _alone(report, part, options, width)]
    return lines


def _alone(report: Report, part: Part, options: Options, width: int) -> list[str]:
    """The files and lines that nothing but this part reached."""
    rows, cut = reached_alone(report, part, options.limit)
    cells = [[name, ", ".join(ranges)] for name, ranges in rows]
    lines = laid_out([[f"Only {visible(part.name)}", "Lines"], *cells], {0, 1}, width, lists=True)
    return [*lines, *([f"Not shown: {files(cut)} with fewer such lines; --limit 0 shows all."] if cut else []), ""]


def _part(part: Part, digits: int) -> list[str]:
    return [visible(part.name), *_reached(part.lines, digits), str(part.only)]


def _reached(lines: Ratio, digits: int) -> list[str]:
    return [str(lines.covered), _percent(lines, digits)]


def _of_row(row: Row, branches: bool, options: Options) -> list[str]:
    cells = _cells(row.name, row.totals, row.partial, branches, options)
    return [*cells, ", ".join(missing(row.file))] if options.show_missing else cells


def _cells(name: str, totals: Totals, partial: int, with_branches: bool, options: Options) -> list[str]:
    statements, branches = totals.statements, totals.branches
    cells = [name, str(statements.total), str(statements.total - statements.covered)]
    if with_branches:
        cells += [str(branches.total), str(partial)]
    cells.append(_percent(joint(totals), options.digits))
    return cells


def _percent(ratio: Ratio, digits: int) -> str:
    return f"{ratio.shown(digits)}%" if ratio.total else "-"


RENDERER = Text()
