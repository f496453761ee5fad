"""The command line's frame: finds a verb without importing the others, turns errors into messages and exit codes."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from covey._version import VERSION
from covey.cli import settings
from covey.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Verb -> (module:command, what `covey --help` says of it). Importing a verb costs up to 300 ms; listing them nothing.
VERBS: Mapping[str, tuple[str, str]] = {
    "agent": ("covey.cli.agent:agent", "Write the files to put into an image, and print the Dockerfile lines."),
    "collect": ("covey.cli.collect:collect", "Bring the coverage of running pods home as a bundle."),
    "completion": ("covey.cli.setup:completion", "Print the completion script for a shell."),
    "config": (
        "covey.cli.setup:config",
        "Show every setting, its value and where that comes from: environment, file or default.",
    ),
    "demo": (
        "covey.cli.demo:demo",
        "Show the whole path on this machine in a minute: no Kubernetes, no root, no network.",
    ),
    "discover": ("covey.cli.collect:discover", "List the pods that collect would ask, without touching them."),
    "doctor": ("covey.cli.doctor:doctor", "Check access, permissions, agents and tools; say what mends them."),
    "merge": ("covey.cli.report:merge", "Merge bundles and reports of any known format into one file."),
    "plugins": (
        "covey.cli.setup:plugins",
        "List the formats, renderers and agents that are installed, and which package brings each.",
    ),
    "report": (
        "covey.cli.report:report",
        "Show bundles and reports to people: text, Markdown, HTML; --format json is covey's own report.",
    ),
    "reset": (
        "covey.cli.collect:reset",
        "Begin a new window in running agents; nothing is lost, the old one is kept where the agent can.",
    ),
    "run": ("covey.cli.agent:run", "Run a Python program under the agent, with every process that it starts."),
}
NOT_FROM_ENVIRONMENT = ("agent", "run")  # COVEY_AGENT_* are the agent's own settings, not flags of `covey agent`


def command_of(verb: str) -> click.Command:
    """The click command of a verb."""
    module, _, attribute = VERBS[verb][0].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    if verb not in NOT_FROM_ENVIRONMENT:
        settings.name_variables(verb, command)
    return command


def flags() -> dict[str, frozenset[str]]:
    """Verb -> the names of its flags, which are also its settings."""
    return {verb: frozenset(settings.own_names(command_of(verb))) for verb in VERBS}


class Verbs(click.Group):
    """A group that imports a verb when it is asked for, and lists them from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        return command_of(cmd_name) if cmd_name in VERBS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, 1)
            if not near:
                raise
            raise click.UsageError(f"{error.format_message()} Did you mean {near[0]!r}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in sorted(VERBS.items())])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs from the table: click would import each."""
        from covey.cli import completing

        return completing.verbs(ctx, None, incomplete) + click.Command.shell_complete(self, ctx, incomplete)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _reader_may_go():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        verb = ctx._protected_args[0] if ctx._protected_args else ""  # noqa: SLF001 - click has no public way
        if verb in VERBS:
            ctx.default_map = _defaults(verb)
            if verb in NOT_FROM_ENVIRONMENT:
                ctx.auto_envvar_prefix = None
            else:
                _tell_unknown_variables(verb)
        with _reader_may_go():
            return super().invoke(ctx)


class _ReaderGone(Exception):
    """Nobody reads our output any more. Of its own name click makes exit code 1, which has a meaning here."""


@contextlib.contextmanager
def _reader_may_go() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGone from error


def _tell_unknown_variables(verb: str) -> None:
    """A mistyped COVEY_REPORT_THRESHOLD is a gate that is off."""
    prefix = settings.variable(verb, "")
    if not any(name.startswith(prefix) for name in os.environ):
        return
    from covey.cli.output import warn

    for text in settings.unknown_variables(verb, command_of(verb), os.environ):
        warn(text)


def _defaults(verb: str) -> dict[str, Any]:
    """What the settings file says of a verb's flags. Only a settings file makes the other verbs be imported."""
    from covey import config

    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise UsageError("the working directory does not exist any more", hint="cd to one that does") from None
    if config.find(here) is None:
        return {}
    return {verb: settings.defaults(config.load(here, flags()), verb, command_of(verb))}


EPILOG = """\b
Examples:
  covey demo
  covey collect -l app=shop -n staging -o bundle
  covey report bundle --format html -o coverage
"""


@click.group(
    cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(VERSION, "-V", "--version", message="covey %(version)s")
def cli() -> None:
    """Show which lines any test executed, wherever the code ran.

    Agents record in running processes, `collect` brings it home, `report` shows it, `merge` joins it with the rest.
    """


def main() -> None:
    """Runs what the command line says, and ends the process."""
    # Reports are many objects and no cycles: looking for some every 700 objects costs a tenth of all time.
    gc.set_threshold(50_000, 20, 100)
    code = run(sys.argv[1:])
    gc.freeze()  # nor does the end of the process look for any
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line; the exit code of DESIGN 6 and docs/reference/errors.md."""
    _open_streams()
    try:
        try:
            result = cli.main(arguments, prog_name="covey", standalone_mode=False, auto_envvar_prefix="COVEY")
            sys.stdout.flush()
        except BaseExceptionGroup as group:
            if group.subgroup(KeyboardInterrupt):  # Ctrl-C, pressed again where the first one was being dealt with
                raise KeyboardInterrupt from None
            raise
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed again, it would be a traceback of Python's own end
        click.echo("covey: interrupted", err=True)
        return 130
    except (_ReaderGone, BrokenPipeError):  # the reader of our output has gone, as in `covey report ... | head`
        _drop_output()
        return 0
    except Exception as error:  # noqa: BLE001 - the last door: nothing passes it as a traceback unasked
        from covey.cli.output import tell_error

        if isinstance(error, OSError) and error.filename is None:  # perhaps stdout's disk is full: it will not empty
            _drop_output()
        return tell_error(error)
    return result if isinstance(result, int) else 0


def _open_streams() -> None:
    """Closed standard streams become the null device, else the next file that is opened would take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _drop_output() -> None:
    """What is still to be written to stdout is lost: Python would try again at its end, and complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
