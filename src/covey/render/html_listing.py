"""The files of the index as one plain table, folder by folder: for readers without scripts."""

from __future__ import annotations

from dataclasses import dataclass

from covey.model.ratio import Totals
from covey.render.base import percent
from covey.render.html_shell import esc

# Heading -> which of Totals its percentage is of.
_SHARES = {"Statements": "statements", "Lines": "lines", "Branches": "branches", "Functions": "functions"}


@dataclass(frozen=True, slots=True)
class Listing:
    """`rows`: name, file name of the page and figures of each file. `statements`: whether they are counted apart."""

    rows: list[tuple[str, str, Totals]]
    total: Totals
    statements: bool
    digits: int

    def table(self) -> str:
        shares = self._shares()
        folders: dict[str, list[str]] = {}
        sums: dict[str, Totals] = {}
        for name, page, totals in self.rows:
            folder, _, base = name.rpartition("/")
            link = f'<td><a href="files/{page}"><bdi>{esc(base)}</bdi></a></td>'
            folders.setdefault(folder, []).append(f"<tr>{link}{self._cells(totals, shares)}</tr>")
            sums[folder] = sums.get(folder, Totals()) + totals
        body = []
        for folder, lines in sorted(folders.items()):
            head = f'<th scope="rowgroup"><bdi>{esc(folder)}/</bdi></th>'
            body.append(f'<tr class="dir">{head}{self._cells(sums[folder], shares)}</tr>{"".join(lines)}')
        heads = [*shares[:1], "Missed", "Of", *shares[1:]]
        cells = "".join(f'<th scope="col" class="n">{head}</th>' for head in heads)
        head = f'<thead><tr><th scope="col">File</th>{cells}</tr></thead>'
        return f'<table class="listing">{head}<tbody>{"".join(body)}</tbody></table>'

    def _shares(self) -> list[str]:
        """Columns that something was measured for."""
        shown = {"Statements"} if self.statements else set()
        shown |= {name for name in ("Branches", "Functions") if getattr(self.total, _SHARES[name]).total}
        return [name for name in _SHARES if name in shown or name == "Lines"]

    def _cells(self, totals: Totals, shares: list[str]) -> str:
        figures = [percent(getattr(totals, _SHARES[name]), self.digits) for name in shares]
        first = totals.statements  # lines, where no statements are counted apart
        counts = (f"{first.total - first.covered:,}", f"{first.total:,}")
        return "".join(f'<td class="n">{text}</td>' for text in (figures[0], *counts, *figures[1:]))
