"""A badge: one figure as a small SVG picture, for a README."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from covey.model.ratio import Ratio
from covey.model.report import Report
from covey.render.base import Options, put, visible
from covey.render.counting import label, measured
from covey.render.html_shell import esc

NAME_LIMIT = 60  # characters of a title
HEIGHT = 22
PADDING = 8
_MARK = (
    '<path d="M1 17c0-4 3-6 6-6 2 0 3 1 4 2l2-.6-1.2 1.8C12 18 10 20 7 20c-2 0-4-1-6-3z" opacity=".5"/>'
    '<path d="M8 13c0-4 3-7 7-7 2 0 4 1 5 3l2.6-.6-1.6 2.2C21 15 18 17 15 17c-3 0-5-1-7-4z" opacity=".75"/>'
    '<path d="M15 9c0-4 3.4-7 7.4-7C25 2 27 3.4 28 5.4l3-.6-2 2.6C29 12 26 14 22.4 14 19 14 17 12 15 9z"/>'
)
_MARK_WIDTH = 18  # as drawn here, with the space after it
# From which percentage on, ground of the figure; white on each is at least 4.5:1. Without a threshold.
_STEPS = ((90, "#0c7d77"), (75, "#4d7a1e"), (60, "#855700"), (40, "#a04a0b"), (0, "#ad3718"))
_GOOD, _LOW, _UNKNOWN = _STEPS[0][1], _STEPS[-1][1], "#5a6372"
_LABEL_GROUND = "#2b3440"
# Widths in tenths of a pixel at 12 px, near those of common sans-serif faces; textLength makes them true everywhere.
_NARROW, _WIDE, _USUAL = "iljtfrI.,:;'|!()[] ", "mwMWQO%@ÀÉ—", 68


class Badge:
    """The metric's name and its percentage. The colour goes by the threshold, where one is given: reached or not; else
    by steps. It never stands alone: the figure is text, and the picture's title says what it is."""

    name = "badge"
    folder = False

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> list[Path]:
        return put(drawn(report, options), out)


def drawn(report: Report, options: Options) -> str:
    ratio = measured(report.totals, options.metric)
    figure = f"{ratio.shown(options.digits)}%" if ratio.total else "no data"
    usual = "coverage" if options.metric == "cover" else f"{options.metric} covered"
    name = visible(options.title)[:NAME_LIMIT] or usual
    left = PADDING + _MARK_WIDTH + _width(name) + PADDING
    right = PADDING + _width(figure, bold=True) + PADDING
    told = f"{name}: {figure}"
    if ratio.total:
        told += f" of {label(report, options.metric)}"
    if options.threshold is not None and ratio.total:
        told += f", {options.threshold}% wanted"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" '
        f'viewBox="0 0 {left + right} {HEIGHT}" role="img" aria-labelledby="t"><title id="t">{esc(told)}</title>'
        f'<clipPath id="c"><rect width="{left + right}" height="{HEIGHT}" rx="5"/></clipPath>'
        f'<g clip-path="url(#c)"><rect width="{left}" height="{HEIGHT}" fill="{_LABEL_GROUND}"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{colour(ratio, options.threshold)}"/></g>'
        f'<g fill="#fff" transform="translate({PADDING - 1} 5.5) scale(.46)">{_MARK}</g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="12" aria-hidden="true">'
        f"{_text(name, PADDING + _MARK_WIDTH)}{_text(figure, left + PADDING, bold=True)}</g></svg>\n"
    )


def colour(ratio: Ratio, threshold: Decimal | None) -> str:
    """The ground behind the figure, as "#rrggbb"."""
    if not ratio.total:
        return _UNKNOWN
    if threshold is not None:
        return _LOW if ratio.below(threshold) else _GOOD
    return next(shade for least, shade in _STEPS if not ratio.below(least))


def _text(text: str, at: int, *, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{at}" y="15.2" textLength="{_width(text, bold=bold)}"{weight}>{esc(text)}</text>'


def _width(text: str, *, bold: bool = False) -> int:
    """Pixels; the same on every machine, whatever fonts it has."""
    tenths = sum(_tenths(sign) for sign in text)
    return -(-tenths * (12 if bold else 10) // 100)


def _tenths(sign: str) -> int:
    """Characters of East Asian scripts are as wide as high."""
    return 42 if sign in _NARROW else 108 if sign in _WIDE else 120 if ord(sign) > 0x2E7F else _USUAL


RENDERER = Badge()
