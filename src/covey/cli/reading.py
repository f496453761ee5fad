"""The options of every verb that reads bundles and reports, and what they ask for."""

from __future__ import annotations

import functools
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from covey.cli import completing
from covey.cli.output import FilePath, note, say, tell_error
from covey.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from covey.flows.merge import Reading
    from covey.formats.base import Joined
    from covey.model.paths import Alias
    from covey.model.report import Report

Command = TypeVar("Command", bound=Callable[..., Any])
HOWS = ("sum", "max", "presence", "subtract", "intersect")
OPTIONS = [
    click.argument("inputs", nargs=-1, metavar="IN...", shell_complete=completing.files),
    click.option(
        "--part",
        "parts",
        multiple=True,
        metavar="NAME=IN",
        shell_complete=completing.named_files,
        help="An input that is a part of its own, as unit=.coverage: the report tells what each part reached.",
    ),
    click.option(
        "--from",
        "from_format",
        default="",
        metavar="FORMAT",
        shell_complete=completing.read_formats,
        help="The inputs' format, not by content.",
    ),
    click.option("--keep-going", is_flag=True, help="Merge the rest where an input cannot be read; exit code 6 then."),
    click.option(
        "--checkout",
        type=FilePath(file_okay=False, exists=True),
        default=".",
        show_default=True,
        help="Root of the sources. Its coverage configuration and .gitattributes are honoured.",
    ),
    click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="FROM=TO",
        help="Recorded paths under FROM lie under TO in the checkout, as /app=src; * and ** match.",
    ),
    click.option("--include", multiple=True, metavar="GLOB", help="Only these files count, as src/ or *.go."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="These files do not count, as zz_generated*."),
    click.option(
        "--attributes/--no-attributes",
        default=True,
        show_default=True,
        help="Leave out what .gitattributes calls linguist-generated or coverage-excluded.",
    ),
    click.option(
        "--skip-generated/--count-generated",
        default=False,
        show_default=True,
        help="Leave out files whose header says that they are generated.",
    ),
    click.option("--how", type=click.Choice(HOWS), default="sum", show_default=True, help="How hits are merged."),
    click.option("--count-inputs", is_flag=True, help="Hits become the number of inputs in which a line ran."),
    click.option("--relaxed", is_flag=True, help="Keep lines where inputs were built from different sources."),
    click.option("--commit", default="", metavar="SHA", help="Which commit, where inputs come from several."),
]


def reading_options(command: Command) -> Command:
    """Adds OPTIONS to a command, which hands them on to `read`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def cancelled_as_interrupted(act: Callable[..., int]) -> Callable[..., int]:
    """SIGTERM, which is how pipelines cancel, counts as Ctrl-C while a verb runs: what is half written goes."""

    @functools.wraps(act)
    def run(*args: Any, **kwargs: Any) -> int:
        alone = threading.current_thread() is threading.main_thread()
        if not alone or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return act(*args, **kwargs)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return act(*args, **kwargs)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    return run


def read(
    inputs: tuple[str, ...],
    parts: tuple[str, ...],
    how: Any,
    relaxed: bool,
    count_inputs: bool,
    **options: Any,
) -> tuple[Report, Reading]:
    """What the options of `reading_options` ask for."""
    from covey.flows import merge as flow

    named = named_parts(inputs, parts)
    if how in ("subtract", "intersect") and inputs and named:
        raise UsageError(
            f"--how {how} takes its inputs in order, and a --part has none among the others",
            hint="name both without --part, or each with one",
        )
    reading = prepared(**options)
    return flow.load(inputs, reading, named, how, relaxed=relaxed, count_inputs=count_inputs), reading


def unite(
    name: str,
    output: Path | None,
    inputs: tuple[str, ...],
    parts: tuple[str, ...],
    how: Any,
    relaxed: bool,  # noqa: ARG001 - what was recorded has no blocks
    count_inputs: bool,
    **options: Any,
) -> bool:
    """Write inputs that are all of format `name` joined as they were recorded (`flows.merge.united`); False, with
    nothing done, where they are to be read as reports."""
    if parts or count_inputs or how in ("subtract", "intersect") or "" in inputs:
        return False
    from covey.flows.merge import united

    found = united(inputs, prepared(**options), name)
    if found is None:
        return False
    for text in found.notes:
        note(text)
    if output is None:
        _to_stdout(found)
        return True
    from covey.render.whole import whole

    with whole(output) as stream:
        found.write(stream)
    say(f"wrote {output} ({name})")
    return True


def _to_stdout(found: Joined) -> None:
    """By a file: nobody may go back in what was sent to stdout, where that is a file to which is added."""
    import shutil
    import tempfile

    with tempfile.TemporaryFile() as file:
        found.write(file)
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer)


def named_parts(inputs: tuple[str, ...], parts: tuple[str, ...]) -> dict[str, list[str]]:
    """Name of each part -> its inputs; UsageError where there is nothing to read or a part has no name."""
    if not inputs and not parts:
        raise UsageError("there is nothing to read", hint="name bundles or reports, or - for standard input")
    if "" in inputs:
        raise UsageError("an input has an empty name", hint="is a variable of your script not set?")
    named: dict[str, list[str]] = {}
    for part in parts:
        name, equals, file = part.partition("=")
        if not (name and equals and file):
            raise UsageError(f"{part!r} is not NAME=IN", hint="write it as --part unit=.coverage")
        named.setdefault(name, []).append(file)
    if [*inputs, *(file for files in named.values() for file in files)].count("-") > 1:
        raise UsageError("standard input can be read once only, and - is there twice")
    return named


def prepared(
    from_format: str,
    keep_going: bool,
    checkout: Path,
    maps: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    attributes: bool,
    skip_generated: bool,
    commit: str,
) -> Reading:
    """How the inputs are to be read."""
    from covey.flows.merge import Reading
    from covey.flows.scope import scope_of

    given = _aliases(maps)
    sources = _sources(checkout, given)
    scope = scope_of(
        sources,
        include,
        exclude,
        attributes=attributes,
        headers=skip_generated,
        tell_idle=_is_typed("include") or _is_typed("exclude"),
    )
    return Reading(sources, from_format, commit, keep_going, scope, given if _is_typed("maps") else ())


def _is_typed(name: str) -> bool:
    """Whether a flag was given for this very run. Settings speak of all that is ever read: what of them fits nothing
    this time is no mistake."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _aliases(maps: tuple[str, ...]) -> tuple[Alias, ...]:
    from covey.model.paths import Alias

    try:
        return tuple(Alias.parse(text) for text in maps)
    except ValueError as error:
        raise UsageError(str(error), hint="write it as --map /app=src") from error


def _sources(checkout: Path, given: tuple[Alias, ...]) -> Any:
    from covey import config
    from covey.flows.checkout import checkout_sources

    return checkout_sources(checkout, (*given, *config.load_paths(Path.cwd())))


def ended(reading: Reading) -> int:
    """Say what could not be read; the exit code, 6 when there was something."""
    for failure in reading.failures:
        tell_error(failure)
    return PARTIAL if reading.failures else 0
