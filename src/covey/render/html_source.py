"""The page of one source file: its text, a mark for each line, and what the script needs to draw the rest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from covey.model.ranges import to_ranges
from covey.model.report import FileCoverage, Report, lines_of
from covey.render.base import as_range, leads_to, percent, ranges_of_missing, untaken, visible
from covey.render.html_shell import Shell, esc, figure, script_data
from covey.render.slices import main_kind, only_bits, split
from covey.render.source_text import readable

LINES_LIMIT = 200_000  # of a file whose text is not there: line numbers come from outside
NAMED_LIMIT = 400  # ranges written out for readers without scripts
_RAN, _MISSED, _PARTIAL = b"+-~"


@dataclass(slots=True)
class SourcePages:
    """Makes the pages of one report. `links`: file names of the pages before and after, "" at the ends."""

    report: Report
    shell: Shell
    _kind: str | None = field(init=False)
    _numbers: str = field(init=False, default="")
    _counted: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._kind = main_kind(self.report)

    def page(self, file: FileCoverage, name: str, source: bytes | None, links: tuple[str, str]) -> str:
        notes: list[str] = []
        text = readable(source, notes)
        last = file.lines.numbers[-1] if file.lines.numbers else 0
        count = text.count("\n") + 1 if text is not None else min(last, LINES_LIMIT)
        _warn(file, source, last, count, notes)
        marks, partial = _marks(file, count)
        slices = self._slices(file)
        data = _data(file, count, partial, slices, self._kind)
        totals = file.totals
        folder, _, base = name.rpartition("/")
        figures = [
            figure("Lines", totals.lines, self.shell.digits),
            figure("Branches", totals.branches, self.shell.digits),
        ]
        figures.append(figure("Functions", totals.functions, self.shell.digits))
        if totals.statements != totals.lines:
            figures.append(figure("Statements", totals.statements, self.shell.digits))
        spaced = bytearray(b" \n") * count
        spaced[0::2] = marks
        return "".join(
            (
                self.shell.head(f"{base} · {percent(totals.lines, self.shell.digits)}", "../", "source"),
                self._header(folder, base, "".join(figures), links),
                '<main id="code" tabindex="-1">',
                "".join(f'<p class="note">{esc(note)}</p>' for note in notes),
                self._spoken(file, partial, slices),
                '<div class="plain" id="plain"><pre class="numbers">\n',
                self._number_column(count),
                '</pre><pre class="marks" id="marks">\n',
                spaced.decode(),
                '</pre><pre class="text" id="text">\n',
                text.replace("&", "&amp;").replace("<", "&lt;") if text is not None else "",
                "</pre></div></main>",
                script_data(data),
                self.shell.foot("../", "source.js"),
            )
        )

    def _header(self, folder: str, base: str, figures: str, links: tuple[str, str]) -> str:
        before, after = links
        steps = [
            f'<a rel="{rel}" href="{page}" title="{label} file">{arrow}<span class="hear"> {label} file</span></a>'
            if page
            else f'<span class="off" aria-hidden="true">{arrow}</span>'
            for rel, page, label, arrow in (("prev", before, "Previous", "←"), ("next", after, "Next", "→"))
        ]
        path = f'<span class="folder">{esc(folder)}/</span>' if folder else ""
        return (
            '<header class="bar"><a class="home" id="home" href="../index.html">'
            f"{self.shell.mark}<span>All files</span></a>"
            f'<h1><bdi>{path}<b>{esc(base)}</b></bdi></h1><nav class="steps" aria-label="Files">{"".join(steps)}</nav>'
            f'<div class="tools" id="tools"></div><dl class="figures">{figures}</dl></header>'
        )

    def _number_column(self, count: int) -> str:
        """ "1\\n2\\n...", cut from one text that serves all pages."""
        if count > self._counted:
            self._counted = max(count, 2 * self._counted, 2000)
            self._numbers = "\n".join(map(str, range(1, self._counted + 1)))
        digits = len(str(count))
        length = digits * (count + 1) - (10**digits - 1) // 9 + count - 1  # digits of all numbers, newlines between
        return self._numbers[:length] if count else ""

    def _slices(self, file: FileCoverage) -> list[tuple[str, str, int]]:
        found = [(name, bit_sets[file.key]) for name, bit_sets in self.report.slices.items() if file.key in bit_sets]
        return sorted((*split(name), bits) for name, bits in found)

    def _spoken(self, file: FileCoverage, partial: dict[int, list[str]], slices: list[tuple[str, str, int]]) -> str:
        """The findings in words: the way to read the page without scripts or without eyes."""
        runs = ranges_of_missing(file)
        parts = [("Not reached", ", ".join(as_range(*run) for run in runs[:NAMED_LIMIT]), len(runs) > NAMED_LIMIT)]
        some = list(partial)
        parts.append(("Partly reached", ", ".join(map(str, some[:NAMED_LIMIT])), len(some) > NAMED_LIMIT))
        compared = [(name, bits) for kind, name, bits in slices if kind == self._kind]
        for (name, _), bits in zip(compared, only_bits([bits for _, bits in compared]), strict=True):
            ranges = to_ranges(lines_of(bits), ", ").split(", ") if bits else []
            parts.append((f"Only in {name}", ", ".join(ranges[:NAMED_LIMIT]), len(ranges) > NAMED_LIMIT))
        said = [
            f"<div><dt>{esc(visible(label))}</dt><dd>{text}{' …' if more else ''}</dd></div>"
            for label, text, more in parts
            if text
        ]
        legend = (
            '<p class="legend"><code>+</code> ran <code>-</code> did not run <code>~</code> some branches not taken</p>'
        )
        return f'<div class="spoken" id="spoken"><dl>{"".join(said)}</dl>{legend}</div>' if file.lines.numbers else ""


def _warn(file: FileCoverage, source: bytes | None, last: int, count: int, notes: list[str]) -> None:
    known = file.source_hash or ""
    if source is not None and known.startswith("sha256:") and hashlib.sha256(source).hexdigest() != known[7:]:
        notes.append("This is not the version of the file that ran: marks may stand beside the wrong lines.")
    if last > count:
        notes.append(
            f"Coverage names line {last:,}, and only {count:,} lines are shown"
            + (": this is probably another version of the file." if source is not None else ".")
        )
    if "branches" in file.inexact:
        notes.append("Branches were merged from counts without names: their figure is a lower bound.")


def _marks(file: FileCoverage, count: int) -> tuple[bytearray, dict[int, list[str]]]:
    """A byte a line, and the arms not taken of each line that ran."""
    marks = bytearray(b" ") * count
    for number, hits in zip(file.lines.numbers, file.lines.hits, strict=True):
        if number > count:
            break
        marks[number - 1] = _RAN if hits else _MISSED
    partial: dict[int, list[str]] = {}
    for line, key in untaken(file) if file.branches else ():
        partial.setdefault(line, []).append(key)
        if line <= count:
            marks[line - 1] = _PARTIAL
    return marks, partial


def _data(
    file: FileCoverage, count: int, partial: dict[int, list[str]], slices: list[tuple[str, str, int]], kind: str | None
) -> str:
    """JSON for the script.

    hits: of the lines that hold code, in order; absent where they are only 0 and 1. branches: line -> [taken, arms,
    keys not taken]. parts, others: [name, bit set in hexadecimal] of the slices that are compared and of the rest.
    """
    data: dict[str, object] = {}
    hits = file.lines.hits
    if file.mode == "count" and len(hits) and max(hits) > 1:
        data["hits"] = hits.tolist()
    if file.branches:
        arms: dict[int, list[int]] = {}
        for arm in file.branches:
            found = arms.setdefault(arm.line, [0, 0])
            found[0] += arm.hits > 0
            found[1] += 1
        data["branches"] = {
            line: [
                *found,
                *(
                    [[lead for lead in (leads_to(file, key) for key in partial[line]) if lead]]
                    if line in partial
                    else []
                ),
            ]
            for line, found in arms.items()
            if line <= count
        }
    if slices:
        mask = (1 << (count + 1)) - 1
        data["parts"] = [[visible(name), f"{bits & mask:x}"] for at, name, bits in slices if at == kind]
        data["others"] = [
            [visible(f"{at} {name}".strip()), f"{bits & mask:x}"] for at, name, bits in slices if at != kind
        ]
    return json.dumps(data, separators=(",", ":"))
