"""Markdown for pull request comments and job summaries, as GitHub and GitLab read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from covey.model.ratio import Ratio, Totals
from covey.model.report import FileCoverage, Report
from covey.render.base import (
    Options,
    as_range,
    percent,
    put,
    ranges_of_missing,
    several_repositories,
    shown_name,
    visible,
)
from covey.render.slices import Part, parts_of

OPEN_UP_TO = 12  # files: a longer table is folded
SIZE_LIMIT = 60_000  # characters; GitHub refuses a comment above 65,536
NAME_LIMIT = 200
MISSING_LIMIT = 120
_LEFT = {"File", "Lines not reached"}


class Markdown:
    """Totals, what each part adds, and a table of files, folded when long, cut where a comment would be refused.

    When it is cut, the files with the most lines not reached are kept.
    """

    name = "markdown"
    folder = False

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> None:
        put(document(report, options), out)


def document(report: Report, options: Options) -> str:
    parts = [f"### {escaped(options.title or 'Coverage')}", _totals(report.totals, options.digits)]
    parts += [_parts(found, options.digits) for found in [parts_of(report)] if found]
    parts += [f"> {escaped(note)}" for note in report.notes[:20]]
    if report.files:
        parts.append(_files(report, options, SIZE_LIMIT - sum(map(len, parts))))
    return "\n\n".join(parts) + "\n"


def _totals(totals: Totals, digits: int) -> str:
    rows = [("Lines", totals.lines), ("Branches", totals.branches), ("Functions", totals.functions)]
    if totals.statements != totals.lines:
        rows.insert(0, ("Statements", totals.statements))
    lines = ["| | Covered | Reached | Not reached |", "| :-- | --: | --: | --: |"]
    lines += [
        f"| {label} | **{percent(ratio, digits)}** | {ratio.covered:,} of {ratio.total:,} | {_missed(ratio):,} |"
        for label, ratio in rows
        if ratio.total
    ]
    return "\n".join(lines) if len(lines) > 2 else "No code was measured."


def _parts(parts: list[Part], digits: int) -> str:
    lines = ["| Part | Lines reached | Only here |", "| :-- | --: | --: |"]
    lines += [
        f"| {code(part.name)} | {part.lines.covered:,} ({percent(part.lines, digits)}) | {part.only:,} |"
        for part in parts[:20]
    ]
    if len(parts) > 20:
        lines += ["", f"… and {len(parts) - 20:,} more parts."]
    return "\n".join(lines)


def _files(report: Report, options: Options, room: int) -> str:
    files = [(file, file.totals) for file in report.files.values()]
    if options.skip_covered:
        files = [pair for pair in files if _missed(pair[1].lines) or _missed(pair[1].branches)]
    branches = report.totals.branches.total > 0
    several = several_repositories(report)
    head = ["File", "Lines", *(["Branches"] if branches else []), "Not reached"]
    if options.show_missing:
        head.append("Lines not reached")
    lines = [_line(head), _line([":--" if label in _LEFT else "--:" for label in head])]
    rows = [_line(_cells(file, totals, branches, several, options)) for file, totals in files]
    kept = _fitting([_missed(totals.lines) for _, totals in files], rows, room - 400)
    lines += [rows[at] for at in kept]
    if len(kept) < len(rows):
        lines += ["", f"… and {len(rows) - len(kept):,} files with fewer lines not reached."]
    text = "\n".join(lines) if rows else "Everything that was measured ran."
    if len(report.files) <= OPEN_UP_TO:
        return text
    return f"<details>\n<summary>{len(report.files):,} files</summary>\n\n{text}\n\n</details>"


def _cells(file: FileCoverage, totals: Totals, branches: bool, several: bool, options: Options) -> list[str]:
    cells = [code(_short(shown_name(file, several))), percent(totals.lines, options.digits)]
    if branches:
        cells.append(percent(totals.branches, options.digits))
    cells.append(f"{_missed(totals.lines):,}")
    if options.show_missing:
        text = ", ".join(as_range(*run) for run in ranges_of_missing(file))
        cells.append(text if len(text) <= MISSING_LIMIT else text[:MISSING_LIMIT].rpartition(",")[0] + ", …")
    return cells


def _fitting(missed: list[int], rows: list[str], room: int) -> list[int]:
    """Which rows to keep, in their order: all when they fit, else those with the most missed lines."""
    if sum(map(len, rows)) + len(rows) <= room:
        return list(range(len(rows)))
    kept: list[int] = []
    for at in sorted(range(len(rows)), key=lambda at: (-missed[at], at)):
        room -= len(rows[at]) + 1
        if room < 0:
            break
        kept.append(at)
    return sorted(kept)


def _missed(ratio: Ratio) -> int:
    return ratio.total - ratio.covered


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _short(name: str) -> str:
    """Long names lose their middle: the end tells files apart."""
    return name if len(name) <= NAME_LIMIT else f"{name[:40]}…{name[41 - NAME_LIMIT :]}"


def code(text: str) -> str:
    """`text` as code inside a table cell: no markup, mention, link or cell boundary in it takes effect."""
    if not any(mark in text for mark in "`|\\") and text == text.strip() and text:
        return f"`{text}`"
    return f"<code>{_entities(text)}</code>"


def escaped(text: str) -> str:
    """`text` as plain words, without markup, mentions or references.

    Forges look for @name and #1 after they have read the entities, so a space of no width follows those two.
    """
    return re.sub("(&#(?:64|35);)", r"\1&#8203;", _entities(visible(text)))


def _entities(text: str) -> str:
    """Whatever is not a letter, a digit, a space or plain punctuation becomes a numeric entity."""
    return re.sub(r"[^\w ,.;()'-]|_", lambda found: f"&#{ord(found[0])};", text)


RENDERER = Markdown()
