"""The notes of a report as people see them: what the figures are of at all comes before them, the rest behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from covey.model.report import Report
from covey.render.base import visible
from covey.render.counting import bounds

# What a note is about is told by how it begins, in covey's own report too.
_SHOWN = "shown: "  # what the figures are of
_COUNTED = "counted: "  # by which rule
_RULES = (_COUNTED, "not counted by ")  # what a rule did that holds for the repository or that was asked for


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


def explains(note: str) -> bool:
    """Whether a note says how it was counted and asks for nothing; all others tell of something amiss, or may do so."""
    return note.startswith(_RULES)


def sentence(note: str) -> str:
    """A note as a line of text."""
    return f"C{visible(note[1:])}." if note.startswith(_COUNTED) else f"Note: {visible(note)}"
