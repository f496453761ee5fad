"""Markdown for pull request comments and job summaries, as GitHub and GitLab read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from covey.model.ratio import Ratio
from covey.model.report import Report
from covey.model.telling import files, many
from covey.render.base import Options, percent, put, visible
from covey.render.chosen import Row, by_missed, chosen, rows_of
from covey.render.counting import below, has_branches, has_statements, joint, label, measured, rule
from covey.render.gaps import missing, reached_alone
from covey.render.notes import headlines, remarks
from covey.render.slices import Part, parts_of

OPEN_UP_TO = 12  # files: a longer table is folded
SIZE_LIMIT = 60_000  # characters; GitHub refuses a comment above 65,536
NAME_LIMIT = 200
WRITTEN_LIMIT = 500  # characters of a name as it is written: entities make it longer
NOTE_LIMIT = 1000  # characters of a note, a headline or the title, as they are written
MISSING_LIMIT = 120
HEADLINES_LIMIT = 3
NOTES_LIMIT = 20
PARTS_LIMIT = 20
ALONE_LIMIT = 100  # files that only one part reached


class Markdown:
    """Totals, what each part adds, and a table of files, folded when long, cut where a comment would be refused; with
    show_missing also what only one part reached.

    When it is cut, the files with the most lines not reached are kept.
    """

    name = "markdown"
    folder = False

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> list[Path]:
        return put(document(report, options), out)


def document(report: Report, options: Options) -> str:
    parts = [f"### {_cut(options.title or 'Coverage')}", *_told(headlines(report), HEADLINES_LIMIT)]
    parts.append(_totals(report, options))
    parts += [_parts(found, options.digits) for found in [parts_of(report)] if found]
    parts += [f"> {note}" for note in _told(remarks(report), NOTES_LIMIT)]
    if report.files:
        room = SIZE_LIMIT - sum(len(part) + 2 for part in parts)
        alone = _alone(report, min(SIZE_LIMIT // 3, room // 2)) if options.show_missing else ""
        parts.append(_files(report, options, room - len(alone)))
        parts += [alone] if alone else []
    return "\n\n".join(parts) + "\n"


def _told(notes: list[str], limit: int) -> list[str]:
    told = [_cut(note) for note in notes[:limit]]
    more = len(notes) - limit
    return [*told, f"… and {many(more, 'more note')}"] if more > 0 else told


def _totals(report: Report, options: Options) -> str:
    totals = report.totals
    rows = [("Lines", totals.lines), ("Branches", totals.branches), ("Functions", totals.functions)]
    if has_statements(report):
        rows.insert(0, ("Statements", totals.statements))
    if has_branches(report):
        rows.insert(0, (f"Cover: {label(report, 'cover')}", joint(totals)))
    lines = ["| | Covered | Reached | Not reached |", "| :-- | --: | --: | --: |"]
    lines += [
        f"| {name} | **{percent(ratio, options.digits)}** | {ratio.covered:,} of {ratio.total:,} | {_missed(ratio):,} |"
        for name, ratio in rows
        if ratio.total
    ]
    if len(lines) == 2:
        return "No code was measured."
    return "\n".join([*lines, "", *_judged(report, options), f"Counted: {escaped(rule(report))}."])


def _judged(report: Report, options: Options) -> list[str]:
    """Whether the total reaches the threshold, where one was given."""
    ratio = measured(report.totals, options.metric)
    if options.threshold is None or not ratio.total:
        return []
    figure = f"of {label(report, options.metric)}"
    if ratio.below(options.threshold):
        return [f"❌ **{below(ratio, options.threshold)}** {figure} is below the {options.threshold}% asked for.", ""]
    return [f"✅ **{percent(ratio, options.digits)}** {figure}; {options.threshold}% was asked for.", ""]


def _parts(parts: list[Part], digits: int) -> str:
    lines = ["| Part | Lines reached | Only here |", "| :-- | --: | --: |"]
    lines += [
        f"| {_name(visible(part.name))} | {part.lines.covered:,} ({percent(part.lines, digits)}) | {part.only:,} |"
        for part in parts[:PARTS_LIMIT]
    ]
    if len(parts) > PARTS_LIMIT:
        lines += ["", f"… and {many(len(parts) - PARTS_LIMIT, 'more part')}."]
    return "\n".join(lines)


def _alone(report: Report, room: int) -> str:
    """The files and lines that nothing but one part reached, folded; as many as there is room for."""
    room -= 200  # what is around the rows
    rows: list[str] = []
    more = 0
    for part in parts_of(report)[:PARTS_LIMIT]:
        found, cut = reached_alone(report, part, ALONE_LIMIT)
        more += cut
        for name, ranges in found:
            row = _line([_name(visible(part.name)), _name(name), _some(ranges)])
            room -= len(row) + 1
            if room > 0:
                rows.append(row)
            else:
                more += 1
    if not rows:
        return ""
    lines = ["| Part | File | Lines that only it reached |", "| :-- | :-- | :-- |", *rows]
    lines += ["", f"… and {many(more, 'more file')}."] if more else []
    return "<details>\n<summary>What only one part reached</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def _files(report: Report, options: Options, room: int) -> str:
    every = rows_of(report)
    found = chosen(every, options)
    columns = [("Statements", "statements"), ("Lines", "lines"), ("Branches", "branches")]
    shown = {"lines", *(["statements"] if has_statements(report) else [])}
    shown |= {"branches"} if report.totals.branches.total else set()
    columns = [(head, kind) for head, kind in columns if kind in shown]
    head = ["File", *(name for name, _ in columns), "Not reached"]
    if options.show_missing:
        head.append(f"{'Lines and branches' if 'branches' in shown else 'Lines'} not reached")
    lines = [_line(head), _line([":--", *["--:"] * (len(columns) + 1), *[":--"] * options.show_missing])]
    rows = [_line(_cells(row, [kind for _, kind in columns], options)) for row in found.rows]
    kept = _fitting(found.rows, rows, room - 400 - sum(map(len, found.left_out)))
    lines += [rows[at] for at in kept]
    cut = found.cut + len(rows) - len(kept)
    if not rows:
        lines = ["Everything that was measured ran."] if all(row.complete for row in every) else []
    elif cut:
        lines += ["", f"… and {files(cut)} with no more gaps."]
    for sentence in found.left_out:
        lines += ["", sentence]
    text = "\n".join(lines).strip()
    if len(kept) <= OPEN_UP_TO:
        return text
    return f"<details>\n<summary>{files(len(rows) + found.cut)}</summary>\n\n{text}\n\n</details>"


def _cells(row: Row, kinds: list[str], options: Options) -> list[str]:
    figures = [percent(getattr(row.totals, kind), options.digits) for kind in kinds]
    cells = [_name(row.name), *figures, f"{_missed(row.totals.lines):,}"]
    if options.show_missing:
        cells.append(_some(missing(row.file)))
    return cells


def _some(ranges: list[str]) -> str:
    """As many as a cell takes; ">" of an arm would be markup."""
    text = ", ".join(ranges)
    text = text if len(text) <= MISSING_LIMIT else text[:MISSING_LIMIT].rpartition(",")[0] + ", …"
    return text.replace(">", "&gt;")


def _fitting(shown: list[Row], rows: list[str], room: int) -> list[int]:
    """Which rows to keep, in their order: all when they fit, else those with the most that did not run."""
    if sum(map(len, rows)) + len(rows) <= room:
        return list(range(len(rows)))
    kept: list[int] = []
    for at in by_missed(shown):
        room -= len(rows[at]) + 1
        if room < 0:
            break
        kept.append(at)
    return sorted(kept)


def _missed(ratio: Ratio) -> int:
    return ratio.total - ratio.covered


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _name(name: str) -> str:
    """As code. Long names lose their middle: the end tells files apart."""
    written = code(_short(name, NAME_LIMIT))
    keep = NAME_LIMIT
    while len(written) > WRITTEN_LIMIT:
        keep = keep * 3 // 4
        written = code(_short(name, keep))
    return written


def _short(name: str, limit: int) -> str:
    return name if len(name) <= limit else f"{name[: limit // 5]}…{name[limit // 5 + 1 - limit :]}"


def _cut(text: str) -> str:
    """`text` as plain words, as much of it as a note may have."""
    written = escaped(text[:NOTE_LIMIT])
    if len(text) <= NOTE_LIMIT and len(written) <= NOTE_LIMIT:
        return written
    return re.sub("&[#0-9]*$", "", written[: NOTE_LIMIT - 1]) + "…"  # no part of an entity


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
