"""The notes of a report as people see them: what the figures are of at all comes before them, the rest behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covey.model.report import Report
from covey.render.base import visible
from covey.render.counting import bounds

_SHOWN = "shown: "  # how a note begins that says what the figures are of


def what_is_shown(how: str, names: Sequence[str]) -> Iterator[str]:
    """The note on a report of two inputs whose figures would else be taken for all that ran."""
    if how == "subtract":
        yield f"{_SHOWN}what {names[0]} reaches and {names[1]} does not"
    elif how == "intersect":
        yield f"{_SHOWN}what {names[0]} and {names[1]} both reach"


def headlines(report: Report) -> list[str]:
    """Sentences on what the figures are of; none where they are of all that was read."""
    return [f"S{visible(note[1:])}." for note in report.notes if note.startswith(_SHOWN)]


def remarks(report: Report) -> list[str]:
    """What a reader must know besides."""
    return [*(note for note in report.notes if not note.startswith(_SHOWN)), *bounds(report)]
