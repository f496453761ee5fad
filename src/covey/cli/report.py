"""Verbs that read bundles and reports: report, merge."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from covey.cli.output import FilePath, note, say
from covey.errors import UsageError

if TYPE_CHECKING:
    from covey.flows.merge import Reading
    from covey.model.report import Report

Command = TypeVar("Command", bound=Callable[..., Any])
RENDERED = ("text", "markdown", "html")
MOST_NOTES = 50
HOWS = ("sum", "max", "presence", "subtract", "intersect")


def reading_options(command: Command) -> Command:
    """The options of every verb that reads inputs."""
    options = [
        click.argument("inputs", nargs=-1, metavar="IN..."),
        click.option(
            "--part",
            "parts",
            multiple=True,
            metavar="NAME=IN",
            help="An input that is a part of its own, as unit=.coverage: the report tells what each part reached.",
        ),
        click.option("--from", "from_format", default="", metavar="FORMAT", help="The inputs' format, not by content."),
        click.option(
            "--checkout",
            type=FilePath(file_okay=False, exists=True),
            default=".",
            show_default=True,
            help="Root of the sources. Its coverage configuration is honoured.",
        ),
        click.option(
            "--map",
            "maps",
            multiple=True,
            metavar="FROM=TO",
            help="Recorded paths under FROM lie under TO in the checkout, as /app=src; * and ** match.",
        ),
        click.option("--how", type=click.Choice(HOWS), default="sum", show_default=True, help="How hits are merged."),
        click.option("--relaxed", is_flag=True, help="Keep lines where inputs were built from different sources."),
        click.option("--commit", default="", metavar="SHA", help="Which commit, where captures come from several."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def read(
    inputs: tuple[str, ...],
    parts: tuple[str, ...],
    from_format: str,
    checkout: Path,
    maps: tuple[str, ...],
    how: Any,
    relaxed: bool,
    commit: str,
) -> tuple[Report, Reading]:
    """What the options of `reading_options` ask for."""
    from covey.flows import merge as flow

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
    reading = flow.Reading(_sources(checkout, maps), from_format, commit)
    return flow.load(inputs, reading, named, how, relaxed=relaxed), reading


def _sources(checkout: Path, maps: tuple[str, ...]) -> Any:
    from covey import config
    from covey.flows.checkout import checkout_sources
    from covey.model.paths import Alias

    try:
        explicit = [Alias.parse(text) for text in maps]
    except ValueError as error:
        raise UsageError(str(error), hint="write it as --map /app=src") from error
    return checkout_sources(checkout, (*explicit, *config.load_paths(Path.cwd())))


def _tell_notes(report: Report, wanted: str) -> None:
    """What a reader must know, where the output has no place for it."""
    if wanted not in RENDERED:
        for text in report.notes[:MOST_NOTES]:
            note(text)
        if len(report.notes) > MOST_NOTES:
            note(f"and {len(report.notes) - MOST_NOTES} more; covey report shows all")


@click.command(
    epilog="\b\nExamples:\n"
    "  covey report bundle\n"
    "  covey report bundle --format html -o coverage\n"
    "  covey report --part unit=.coverage --part e2e=bundle\n"
    "  covey report bundle --format json | jq .totals\n",
)
@reading_options
@click.option("--format", "name", metavar="FORMAT", help="text, markdown, html, json, or a data format; by -o's name.")
@click.option("-o", "--output", type=FilePath(), help="File, or folder for html; stdout by default.")
@click.option("--title", default="", help="A heading of your own.")
@click.option("-m", "--show-missing", is_flag=True, help="Name the lines and branches that did not run.")
@click.option("--skip-covered", is_flag=True, help="Leave out files in which everything ran.")
@click.option("--precision", type=click.IntRange(0, 6), default=0, show_default=True, help="Digits after the point.")
def report(
    name: str | None,
    output: Path | None,
    title: str,
    show_missing: bool,
    skip_covered: bool,
    precision: int,
    **options: Any,
) -> None:
    """Show bundles and reports to people: text, Markdown, HTML; --format json is covey's own report.

    IN is a bundle, a report of any known format, a folder of them, or - for standard input.
    """
    from covey.flows.show import CheckoutTexts, name_for, show
    from covey.render.base import Options

    merged, reading = read(**options)
    wanted = name or name_for(output, "text")
    _tell_notes(merged, wanted)
    shown = Options(CheckoutTexts(reading.sources), title, show_missing, skip_covered, precision)
    show(merged, wanted, output or sys.stdout.buffer, shown)
    if output is not None:
        say(f"wrote {output / 'index.html' if wanted == 'html' else output}")


@click.command(
    epilog="\b\nExamples:\n"
    "  covey merge bundle-1 bundle-2 -o merged.json\n"
    "  covey merge --part unit=.coverage --part e2e=bundle -o coverage.xml\n"
    "  covey merge a.info b.info --how max -o all.info\n",
)
@reading_options
@click.option("-o", "--output", type=FilePath(), help="File to write; stdout by default.")
@click.option("--format", "name", metavar="FORMAT", help="Data format to write; by -o's name, else covey's own.")
def merge(output: Path | None, name: str | None, **options: Any) -> None:
    """Merge bundles and reports of any known format into one file."""
    from covey.flows.show import name_for, show
    from covey.render.base import Options

    merged, _ = read(**options)
    wanted = name or name_for(output, "native")
    _tell_notes(merged, wanted)
    if wanted in RENDERED:
        raise UsageError(f"{wanted} is for people", hint=f"covey report --format {wanted} writes it")
    show(merged, wanted, output or sys.stdout.buffer, Options())
    if output is not None:
        say(f"wrote {output} ({wanted})")
