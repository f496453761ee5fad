"""How the command line speaks: results on stdout, words for people on stderr, colour and bars on a terminal only."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from covey.errors import BUG, REFUSED, CoveyError
from covey.model.outside import clean

if TYPE_CHECKING:
    from rich.console import Console


class FilePath(click.Path):
    """A path; empty, as a variable that is not set gives it, it would be the working directory."""

    def __init__(self, **more: Any) -> None:
        super().__init__(path_type=Path, **more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty", param, ctx)
        return super().convert(value, param, ctx)


class OutputPath(FilePath):
    """A file to write, or "-": standard output, as None. A file of that name is ./-."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return None if value == "-" else super().convert(value, param, ctx)


UNBROKEN = 2000  # columns where stderr is no terminal: a name in a log must stay whole, to be searched for


def console() -> Console:
    """The terminal's console on stderr; plain text without colour or breaks in names where stderr is no terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else UNBROKEN)


def is_terminal() -> bool:
    """Whether a person watches stderr, so that bars make sense."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


def note(text: str) -> None:
    """A line that a reader must know, on stderr. Names in it may come from outside: it stays one line."""
    click.echo(f"note: {clean(text)}", err=True)


def warn(text: str) -> None:
    """A line about what may be wrong, on stderr."""
    click.echo(click.style("warning: ", fg="yellow") + clean(text), err=True)


def print_json(value: Any) -> None:
    """A result for programs, on stdout."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def tell_error(error: BaseException) -> int:
    """Say what failed and what mends it; the exit code. COVEY_DEBUG=1 shows where in the code it happened."""
    if isinstance(error, BaseExceptionGroup):
        inner = _worst_of(error)
        return tell_error(inner)
    if os.environ.get("COVEY_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, CoveyError):
        _tell(error.what)
        if error.hint:
            click.echo(f"  {clean(error.hint)}", err=True)
        return error.exit_code
    if isinstance(error, OSError) and error.strerror:  # the machine's word, such as a full disk, is no bug of ours
        _tell(f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror)
        return REFUSED
    if isinstance(error, MemoryError):
        _tell("there is not enough memory for this input")
        return REFUSED
    _tell(f"this is a bug in covey: {error!r}")
    click.echo("  run it again with COVEY_DEBUG=1 and report what it prints", err=True)
    return BUG


def _tell(what: str) -> None:
    """What a file or an agent is called may hold what a terminal obeys, or lines that a pipeline does."""
    click.echo(click.style("error: ", fg="red", bold=True) + " ".join(map(clean, what.splitlines())), err=True)


def _worst_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception of a group that decides: an unexpected one before an expected one."""
    leaves: list[BaseException] = []
    stack: list[BaseException] = [group]
    while stack:
        error = stack.pop()
        if isinstance(error, BaseExceptionGroup):
            stack.extend(error.exceptions)
        else:
            leaves.append(error)
    return next((error for error in leaves if not isinstance(error, CoveyError)), leaves[0])
