"""Which reports a threshold can judge: not those with files of which only what ran is known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from covey.errors import InputError
from covey.formats.pyconfig import PYTHON_RULE, SETTINGS, is_python
from covey.model.report import Report
from covey.model.telling import files, some

_BEGINS = "100 % says nothing of "


def headed(report: Report) -> Report:
    """The report with a note, before all others, on the files of which only what ran is known. One of an earlier
    merge, whose files other inputs or the scope have put right since, goes; so does the rule by which Python's files
    count, and what there is to say of it, where none does."""
    gone = (_BEGINS,) if any(is_python(path) for _, path in report.files) else (_BEGINS, PYTHON_RULE, SETTINGS)
    others = [note for note in report.notes if not note.startswith(gone)]
    paths = _unknown(report)
    if paths:
        known = "only what ran is known, not what did not, so no threshold is judged"
        others.insert(0, f"{_BEGINS}{files(len(paths))}: {known}: {some(paths)}")
    return replace(report, notes=tuple(others)) if tuple(others) != report.notes else report


def refuse_unknown(report: Report, threshold: Decimal) -> None:
    """InputError where the figure of a file is 100 % because nothing but what ran is known of it."""
    paths = _unknown(report)
    if paths:
        known = f"of {files(len(paths))} only what ran is known, not what did not: {some(paths)}"
        raise InputError(
            f"{threshold}% cannot be judged: {known}",
            hint="run in the checkout of what ran or name it with --checkout, map other paths with --map FROM=TO, "
            "or leave such files out with --exclude",
        )


def _unknown(report: Report) -> list[str]:
    """One without any line adds nothing to a figure: as a package's empty __init__.py, which no input tells more of."""
    return [path for (_, path), file in report.files.items() if "missing" in file.inexact and file.lines]
