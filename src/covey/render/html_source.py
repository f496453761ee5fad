"""The page of one source file: its text, a mark for each line, and what the script needs to draw the rest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from itertools import compress, islice
from operator import not_

from covey.model.blocks import Blocks
from covey.model.ranges import to_ranges
from covey.model.ratio import Totals
from covey.model.report import FileCoverage, Report, lines_of
from covey.model.telling import many
from covey.render.base import as_range, percent, visible
from covey.render.counting import joint
from covey.render.html_data import page_data
from covey.render.html_listing import Entry
from covey.render.html_shell import Shell, esc, figure, script_data
from covey.render.marks import Numbers, marks_of
from covey.render.partly import partly
from covey.render.slices import main_kind, only_bits, split
from covey.render.source_text import readable

LINES_LIMIT = 200_000  # of a file whose text is not there: line numbers come from outside
NAMED_LIMIT = 400  # ranges written out for readers without scripts
_GAP = re.compile(b"-[- ]*-|-")  # on marks: lines that did not run, and what is no code between them


@dataclass(frozen=True, slots=True)
class Links:
    """File names of other pages: the files before and after; the nearest with gaps before and after, going round.

    "" where there is none; `gap_name` is the name of the file with gaps that comes after.
    """

    before: str = ""
    after: str = ""
    gap_before: str = ""
    gap_after: str = ""
    gap_name: str = ""


@dataclass(slots=True)
class SourcePages:
    """Makes the pages of one report."""

    report: Report
    shell: Shell
    _kind: str | None = field(init=False)
    _numbers: Numbers = field(init=False, default_factory=Numbers)

    def __post_init__(self) -> None:
        self._kind = main_kind(self.report)

    def page(self, file: FileCoverage, row: Entry, source: bytes | None, links: Links) -> str:
        notes: list[str] = []
        text = readable(source, notes)
        last = file.lines.numbers[-1] if file.lines.numbers else 0
        count = text.count("\n") + 1 if text is not None else min(last, LINES_LIMIT)
        _warn(file, source, last, count, notes)
        partial = partly(file, text)
        marks = marks_of(file, count, partial)
        slices = self._slices(file)
        totals = row.totals
        folder, _, base = row.name.rpartition("/")
        spaced = bytearray(b" \n") * count
        spaced[0::2] = marks
        return "".join(
            (
                self.shell.head(f"{base} · {percent(joint(totals), self.shell.digits)}", "../", "source"),
                self._header(folder, base, totals, isinstance(file.blocks, Blocks), links),
                '<main id="code" tabindex="-1">',
                "".join(f'<p class="note">{esc(note)}</p>' for note in notes),
                self._spoken(file, marks, partial, slices),
                '<div class="plain" id="plain"><pre class="numbers">\n',
                self._numbers.up_to(count),
                '</pre><pre class="marks" id="marks">\n',
                spaced.decode(),
                '</pre><pre class="text" id="text">\n',
                text.replace("&", "&amp;").replace("<", "&lt;") if text is not None else "",
                "</pre></div></main>",
                script_data(page_data(file, count, slices, self._kind, (links.gap_before, links.gap_after))),
                self.shell.foot("../", "source.js"),
            )
        )

    def _header(self, folder: str, base: str, totals: Totals, statements: bool, links: Links) -> str:
        digits = self.shell.digits
        figures = [figure("Lines", totals.lines, digits), figure("Branches", totals.branches, digits)]
        figures.append(figure("Functions", totals.functions, digits))
        if statements:
            figures.insert(0, figure("Statements", totals.statements, digits))
        if links.gap_name:
            figures.append(
                f'<div class="onward"><dt>Next file with gaps</dt><dd><a href="{links.gap_after}#first">'
                f"<bdi>{esc(links.gap_name)}</bdi></a></dd></div>"
            )
        steps = [
            f'<a rel="{rel}" href="{page}" title="{label} file">{arrow}<span class="hear"> {label} file</span></a>'
            if page
            else f'<span class="off" aria-hidden="true">{arrow}</span>'
            for rel, page, label, arrow in (
                ("prev", links.before, "Previous", "←"),
                ("next", links.after, "Next", "→"),
            )
        ]
        path = f'<span class="folder">{esc(folder)}/</span>' if folder else ""
        return (
            '<header class="bar"><a class="home" id="home" href="../index.html">'
            f"{self.shell.mark}<span>All files</span></a>"
            f'<h1><bdi>{path}<b>{esc(base)}</b></bdi></h1><nav class="steps" aria-label="Files">{"".join(steps)}</nav>'
            f'<div class="tools" id="tools"></div><dl class="figures">{"".join(figures)}</dl></header>'
        )

    def _slices(self, file: FileCoverage) -> list[tuple[str, str, int]]:
        found = [(name, bit_sets[file.key]) for name, bit_sets in self.report.slices.items() if file.key in bit_sets]
        return sorted((*split(name), bits) for name, bits in found)

    def _spoken(
        self, file: FileCoverage, marks: bytearray, partial: set[int], slices: list[tuple[str, str, int]]
    ) -> str:
        """The findings in words: the way to read the page without scripts or without eyes."""
        if not file.lines.numbers:
            return ""
        runs = [as_range(run.start() + 1, run.end()) for run in islice(_GAP.finditer(marks), NAMED_LIMIT + 1)]
        functions = zip(file.functions.names, file.functions.firsts, strict=True)
        never = [
            f"{name} ({first})"
            for name, first in islice(compress(functions, map(not_, file.functions.hits)), NAMED_LIMIT + 1)
        ]
        parts = [("Not reached", runs), ("Partly reached", [str(line) for line in sorted(partial)])]
        parts.append(("Functions not reached", never))
        compared = [(name, bits) for kind, name, bits in slices if kind == self._kind]
        for (name, _), bits in zip(compared, only_bits([bits for _, bits in compared]), strict=True):
            parts.append((f"Only in {name}", to_ranges(lines_of(bits), ", ").split(", ") if bits else []))
        said = [
            f"<div><dt>{esc(visible(label))}</dt><dd>{esc(visible(', '.join(items[:NAMED_LIMIT])))}"
            f"{' …' if len(items) > NAMED_LIMIT else ''}</dd></div>"
            for label, items in parts
            if items
        ]
        legend = '<p class="legend"><code>+</code> ran <code>-</code> did not run <code>~</code> ran in part</p>'
        return f'<div class="spoken" id="spoken"><dl>{"".join(said)}</dl>{legend}</div>'


def _warn(file: FileCoverage, source: bytes | None, last: int, count: int, notes: list[str]) -> None:
    known = file.source_hash or ""
    if source is not None and known.startswith("sha256:") and hashlib.sha256(source).hexdigest() != known[7:]:
        notes.append("This is not the version of the file that ran: marks may stand beside the wrong lines.")
    if last > count:
        notes.append(
            f"Coverage names line {last:,}, and only {many(count, 'line is', 'lines are')} shown"
            + (": this is probably another version of the file." if source is not None else ".")
        )
    if file.blocks == "conflict":
        notes.append("What was merged came from different sources: statements could not be added up, lines remain.")
    if "branches" in file.inexact:
        notes.append(
            "Branches are a lower bound: not all that was merged counts branches here, or tells which one ran."
        )
