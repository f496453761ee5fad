"""The notes of a report as people see them: what the figures are of at all comes before them, the rest behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from covey.model.report import Report
from covey.render.base import visible
from covey.render.counting import bounds

_SHOWN = "shown: "  # how a note begins that says what the figures are of


def what_is_shown(report: Report, how: str, names: Sequence[str]) -> Report:
    """The report of inputs of these names, with the note that its figures would else be taken for all that ran. That of
    an earlier report which is but one of the inputs is true no more, and goes."""
    notes = [note for note in report.notes if len(names) == 1 or not note.startswith(_SHOWN)]
    if how == "subtract":
        notes.append(f"{_SHOWN}what {names[0]} reaches and {names[1]} does not")
    elif how == "intersect":
        notes.append(f"{_SHOWN}what {names[0]} and {names[1]} both reach")
    return replace(report, notes=tuple(notes)) if tuple(notes) != report.notes else report


def headlines(report: Report) -> list[str]:
    """Sentences on what the figures are of; none where they are of all that was read."""
    return [f"S{visible(note[1:])}." for note in report.notes if note.startswith(_SHOWN)]


def remarks(report: Report) -> list[str]:
    """What a reader must know besides."""
    return [*(note for note in report.notes if not note.startswith(_SHOWN)), *bounds(report)]
