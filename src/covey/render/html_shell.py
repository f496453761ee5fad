"""What all pages share: the head, the foot, figures and bars. Page shells are plain strings: no template engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from covey._version import VERSION
from covey.model.ratio import Ratio
from covey.render.base import percent

# Scripts and styles come from the report's own folder, by file:// too, and from nowhere else; nothing is ever fetched.
_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)

# The mark: three birds of a covey, one behind the other.
MARK = (
    '<svg class="mark" viewBox="0 0 32 24" aria-hidden="true">'
    '<path d="M1 17c0-4 3-6 6-6 2 0 3 1 4 2l2-.6-1.2 1.8C12 18 10 20 7 20c-2 0-4-1-6-3z" opacity=".45"/>'
    '<path d="M8 13c0-4 3-7 7-7 2 0 4 1 5 3l2.6-.6-1.6 2.2C21 15 18 17 15 17c-3 0-5-1-7-4z" opacity=".7"/>'
    '<path d="M15 9c0-4 3.4-7 7.4-7C25 2 27 3.4 28 5.4l3-.6-2 2.6C29 12 26 14 22.4 14 19 14 17 12 15 9z"/></svg>'
)


def esc(text: str) -> str:
    """For element content and for attributes in double quotes."""
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def script_data(json_text: str) -> str:
    """JSON as an inert script element; nothing in it can close the element."""
    return f'<script type="application/json" id="data">{in_script(json_text)}</script>'


def in_script(json_text: str) -> str:
    """JSON that closes no element; "<" is in texts only, where its escape means the same."""
    return json_text.replace("<", "\\u003c")


def bar(ratio: Ratio) -> str:
    """A bar of 100 units: what is covered, solid. Decoration: the figure stands beside it."""
    width = ratio.covered * 100 / ratio.total if ratio.total else 0
    return (
        '<svg class="meter" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width:.4g}" height="1"/></svg>'
    )


def figure(label: str, ratio: Ratio, digits: int) -> str:
    """One line of a definition list; nothing where there is nothing to cover."""
    if not ratio.total:
        return ""
    counts = f"{ratio.covered:,} of {ratio.total:,}"
    return f"<div><dt>{label}</dt><dd><b>{percent(ratio, digits)}</b> <span>{counts}</span></dd></div>"


@dataclass(frozen=True)
class Shell:
    """The frame around every page. title: the report's. digits: of percentages, after the point."""

    title: str
    digits: int
    mark: str = MARK

    def head(self, title: str, root: str, kind: str) -> str:
        """Up to the body's first element. `root` leads from the page to the report's folder."""
        before, after = self._head(root, kind)
        return f"{before}{esc(title)}{after}"

    @cache  # noqa: B019 - one shell a report, and thousands of pages
    def _head(self, root: str, kind: str) -> tuple[str, str]:
        """What comes before and after the title."""
        skip = ("#code", "source") if kind == "source" else ("#files", "files")
        before = (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="covey">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><title>'
        )
        after = (
            f'</title><link rel="stylesheet" href="{root}assets/covey.css">'
            f'<script src="{root}assets/page.js"></script></head>\n<body class="{kind}" data-digits="{self.digits}">'
            f'<a class="skip" href="{skip[0]}">Skip to the {skip[1]}</a>'
        )
        return before, after

    @cache  # noqa: B019
    def foot(self, root: str, script: str) -> str:
        line = f"<footer>{esc(self.title)} · covey {VERSION}</footer>"
        return f'{line}\n<script src="{root}assets/{script}"></script></body></html>\n'
