"""The files of the index as one plain table, folder by folder: for readers without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from covey.model.ratio import Totals
from covey.render.base import percent
from covey.render.html_shell import esc

# Heading -> which of Totals its percentage is of.
_SHARES = {"Statements": "statements", "Lines": "lines", "Branches": "branches", "Functions": "functions"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: its name as it is shown, the file name of its page, its figures."""

    name: str
    page: str
    totals: Totals


def listing(rows: Sequence[Entry], total: Totals, statements: bool, digits: int) -> Iterator[str]:
    """The table in pieces, one a folder. `statements`: whether they are counted apart from lines."""
    shares = _shares(total, statements)
    heads = [*shares[:1], "Missed", "Of", *shares[1:]]
    cells = "".join(f'<th scope="col" class="{_css(at)}">{head}</th>' for at, head in enumerate(heads))
    yield f'<table class="listing"><thead><tr><th scope="col">File</th>{cells}</tr></thead><tbody>'
    folders: dict[str, list[Entry]] = {}
    for row in rows:
        folders.setdefault(row.name.rpartition("/")[0], []).append(row)
    for folder, inside in sorted(folders.items()):
        whole = sum((row.totals for row in inside), Totals())
        yield (
            f'<tr class="dir"><th scope="rowgroup"><bdi>{esc(folder)}/</bdi></th>{_cells(whole, shares, digits)}</tr>'
        )
        yield "".join(
            f'<tr><td><a href="files/{row.page}"><bdi>{esc(row.name.rpartition("/")[2])}</bdi></a></td>'
            f"{_cells(row.totals, shares, digits)}</tr>"
            for row in inside
        )
    yield "</tbody></table>"


def _shares(total: Totals, statements: bool) -> list[str]:
    """Columns that something was measured for."""
    shown = {"Statements"} if statements else set()
    shown |= {name for name in ("Branches", "Functions") if getattr(total, _SHARES[name]).total}
    return [name for name in _SHARES if name in shown or name == "Lines"]


def _cells(totals: Totals, shares: list[str], digits: int) -> str:
    figures = [percent(getattr(totals, _SHARES[name]), digits) for name in shares]
    first = totals.statements  # lines, where no statements are counted apart
    counts = (f"{first.total - first.covered:,}", f"{first.total:,}")
    shown = enumerate((figures[0], *counts, *figures[1:]))
    return "".join(f'<td class="{_css(at)}">{text}</td>' for at, text in shown)


def _css(at: int) -> str:
    """A narrow window shows the share and what was missed only."""
    return "n" if at < 2 else "n more"
