"""Which figure of a report counts: what --metric takes, what it is called, and by which rule it was counted."""

from __future__ import annotations

from decimal import Decimal

from covey.model.blocks import Blocks
from covey.model.ratio import Ratio, Totals
from covey.model.report import Report
from covey.model.telling import files

METRICS = ("cover", "lines", "statements", "branches", "functions")
MOST_DIGITS = 6
# How the blocks of a format become statements (Blocks.lines_by) -> the tool that counts so.
_RULES = {"touch": "statements as go tool cover", "start": "statements as Istanbul", "": "statements of code regions"}


def measured(totals: Totals, metric: str) -> Ratio:
    """The figure that `metric` names: one of Totals, or "cover": statements and branches together, as `coverage
    report` has it in its column Cover."""
    if metric == "cover":
        return joint(totals)
    found: Ratio = getattr(totals, metric)
    return found


def joint(totals: Totals) -> Ratio:
    """Statements and branches as one figure; statements are lines where a format counts none."""
    return totals.statements + totals.branches


def label(report: Report, metric: str) -> str:
    """What the figure is made of, for a sentence: "statements and branches"."""
    if metric != "cover":
        return metric
    unit = "statements" if has_statements(report) else "lines"
    return f"{unit} and branches" if has_branches(report) else unit


def has_statements(report: Report) -> bool:
    """Whether statements are another figure than lines."""
    return any(isinstance(file.blocks, Blocks) for file in report.files.values())


def has_branches(report: Report) -> bool:
    return any(len(file.branches) for file in report.files.values())


def rule(report: Report) -> str:
    """By which rule the figures were counted, as a phrase: "statements as go tool cover (12 files), lines (3 files) and
    branches"."""
    kinds: dict[str, int] = {}
    for file in report.files.values():
        kind = _RULES[file.blocks.lines_by] if isinstance(file.blocks, Blocks) else "lines"
        kinds[kind] = kinds.get(kind, 0) + 1
    ordered = sorted(kinds, key=lambda kind: (-kinds[kind], kind)) or ["lines"]
    if len(ordered) > 1:
        ordered = [f"{kind} ({files(kinds[kind])})" for kind in ordered]
    return ", ".join(ordered) + (" and branches" if has_branches(report) else "")


def bounds(report: Report) -> list[str]:
    """Notes on figures that are only a lower bound."""
    several = sum("branches" in file.inexact for file in report.files.values())
    if not several:
        return []
    where = f"branches of {files(several)}"
    return [f"{where} are a lower bound: not all that was merged counts branches there, or tells which one ran"]


def below(ratio: Ratio, threshold: Decimal) -> str:
    """ "49.96%" of a ratio below `threshold`: with as many digits as it takes to read so, from 1 up."""
    for digits in range(1, MOST_DIGITS + 1):
        shown = ratio.shown(digits)
        if Decimal(shown) < threshold:
            return f"{shown}%"
    return f"less than {threshold}%"
