"""The index: totals, what each part adds, and every file in a tree that sorts and filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from covey.model.provenance import Provenance
from covey.model.ratio import Ratio, Totals
from covey.model.report import Report
from covey.model.telling import files, many
from covey.render.base import Options, percent, several_repositories, visible
from covey.render.counting import below, has_statements, joint, label, measured, rule
from covey.render.html_data import as_json
from covey.render.html_listing import Entry, listing
from covey.render.html_shell import Shell, bar, esc, in_script, script_data
from covey.render.notes import explains, headlines, remarks
from covey.render.slices import Part, parts_of

COLUMN_LIMIT = 4  # parts that get a column of their own
SOURCES_LIMIT = 200
NOTES_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Index:
    """Makes the index page. `rows`: one a file, in the report's order; `total`: their sum."""

    report: Report
    shell: Shell
    rows: Sequence[Entry]
    total: Totals
    options: Options

    def page(self) -> Iterator[str]:
        """The page in pieces: with thousands of files it need not be in memory as one."""
        shell = self.shell
        parts = parts_of(self.report)
        yield shell.head(f"{shell.title} · {percent(joint(self.total), shell.digits)}", "", "index")
        yield f'<header class="top"><span class="brand">{shell.mark}<span>covey</span></span>'
        yield f'<h1><bdi>{esc(shell.title)}</bdi></h1><div class="tools" id="tools"></div></header><main>'
        yield "".join(f'<p class="shown">{esc(said)}</p>' for said in headlines(self.report))
        yield self._overview(parts)
        yield self._notes()
        yield from self._files(parts[:COLUMN_LIMIT])
        yield self._sources()
        yield "</main>"
        yield shell.foot("", "index.js")

    def _overview(self, parts: list[Part]) -> str:
        totals, digits = self.total, self.shell.digits
        shown = [("Lines", totals.lines), ("Branches", totals.branches), ("Functions", totals.functions)]
        if has_statements(self.report):
            shown.insert(0, ("Statements", totals.statements))
        tiles = [_tile(label, ratio, digits) for label, ratio in shown if ratio.total]
        note = f'<p class="aside">{files(len(self.report.files))} · counted: {rule(self.report)}'
        if totals.branches.total:
            both = percent(joint(totals), digits)
            unit = label(self.report, "cover")
            note += f" · {unit} together, as <code>coverage report</code> counts them: {both}"
        body = "".join(tiles) or "<p>No code was measured.</p>"
        halves = f'<div class="overview{" halves" if parts else ""}">'
        return (
            f'{halves}<section class="totals" aria-label="Totals">{body}</section>{self._parts(parts)}</div>{note}</p>'
            + self._judged()
        )

    def _judged(self) -> str:
        """Whether the total reaches the threshold, where one was given."""
        wanted, metric = self.options.threshold, self.options.metric
        ratio = measured(self.total, metric)
        if wanted is None or not ratio.total:
            return ""
        figure = f"of {label(self.report, metric)}"
        if ratio.below(wanted):
            return f'<p class="note low">✗ <b>{below(ratio, wanted)}</b> {figure} is below the {wanted}% asked for.</p>'
        return (
            f'<p class="note met">✓ <b>{percent(ratio, self.shell.digits)}</b> {figure}; {wanted}% was asked for.</p>'
        )

    def _parts(self, parts: list[Part]) -> str:
        if not parts:
            return ""
        rows = [
            f'<tr><th scope="row"><bdi>{esc(visible(part.name))}</bdi></th>'
            f'<td class="cover">{bar(part.lines)}<span>{percent(part.lines, self.shell.digits)}</span></td>'
            f'<td class="n">{part.lines.covered:,}</td><td class="n only">{part.only:,}</td></tr>'
            for part in parts
        ]
        return (
            '<section class="parts" aria-labelledby="parts"><h2 id="parts">What each part reaches</h2>'
            "<table><thead><tr>"
            f'<th scope="col">{esc(visible(parts[0].kind.capitalize()))}</th><th scope="col">Of all lines</th>'
            '<th scope="col" class="n">Lines</th><th scope="col" class="n">Only here</th></tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></section>"
        )

    def _notes(self) -> str:
        notes = remarks(self.report)
        kinds = ["note plain" if explains(note) else "note" for note in notes[:NOTES_LIMIT]]
        shown = [f'<p class="{kind}">{esc(visible(note))}</p>' for kind, note in zip(kinds, notes, strict=False)]
        if len(notes) > NOTES_LIMIT:
            more = many(len(notes) - NOTES_LIMIT, "more note")
            shown.append(f'<p class="note">… and {more}.</p>')
        return "".join(shown)

    def _files(self, parts: list[Part]) -> Iterator[str]:
        statements = has_statements(self.report)
        yield '<section class="files" id="files" tabindex="-1" aria-labelledby="files-title">'
        yield '<h2 id="files-title">Files</h2><div id="tree"></div><noscript>'
        yield from listing(self.rows, self.total, statements, self.shell.digits)
        yield "</noscript></section>"
        data = {
            "parts": [visible(part.name) for part in parts],
            "several": several_repositories(self.report),
            "statements": statements,
        }
        before, _, after = script_data(as_json(data)[:-1] + ',"files":[]}').rpartition("]")
        yield before
        comma = ""
        for key, row in zip(self.report.files, self.rows, strict=True):
            only = [part.per_file.get(key, 0).bit_count() for part in parts]
            yield comma + in_script(as_json([row.name, row.page, *_numbers(row.totals), *only]))
            comma = ","
        yield "]" + after

    def _sources(self) -> str:
        sources = self.report.sources
        if not sources:
            return ""
        rows = "".join(f"<li>{esc(visible(described(source)))}</li>" for source in sources[:SOURCES_LIMIT])
        if len(sources) > SOURCES_LIMIT:
            rows += f"<li>… and {len(sources) - SOURCES_LIMIT:,} more</li>"
        count = many(len(sources), "capture or file", "captures and files")
        return f'<details class="sources"><summary>Made from {count}</summary><ul>{rows}</ul></details>'


def _tile(label: str, ratio: Ratio, digits: int) -> str:
    missed = ratio.total - ratio.covered
    return (
        f'<div class="tile"><h2>{label}</h2><p class="big">{percent(ratio, digits)}</p>{bar(ratio)}'
        f'<p class="aside">'
        f"<span>{ratio.covered:,} of {ratio.total:,}</span> <span>· {missed:,} missed</span></p></div>"
    )


def _numbers(totals: Totals) -> list[int]:
    """Reached and all: of lines, branches, functions, statements, in this order."""
    ratios = (totals.lines, totals.branches, totals.functions, totals.statements)
    return [number for ratio in ratios for number in (ratio.covered, ratio.total)]


def described(source: Provenance) -> str:
    """One line about where figures come from: what is known, most telling first."""
    process = f"process {source.capture.pid}" if source.capture and source.capture.pid else ""
    where = "/".join(part for part in (source.namespace, source.pod, source.container) if part)
    when = source.collected_at.strftime("%Y-%m-%d %H:%M:%S UTC") if source.collected_at else ""
    known = (source.component, source.test, where, process, source.commit[:12], source.format, when, source.path)
    return " · ".join(part for part in known if part) or "unknown"
