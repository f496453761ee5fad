"""Verbs that read bundles and reports: report, merge."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from covey import plugins
from covey.cli import completing
from covey.cli.output import OutputPath, note, print_json, say
from covey.cli.reading import cancelled_as_interrupted, ended, read, reading_options, unite
from covey.cli.showing import SHOWN, judged, showing_options, shown_as
from covey.errors import UsageError, worst

if TYPE_CHECKING:
    from covey.flows.merge import Reading
    from covey.model.report import Report

NOTED = ("text", "markdown", "html")  # what shows notes itself
MOST_NOTES = 50


def _tell_notes(report: Report, wanted: str, reading: Reading) -> None:
    """What a reader must know, where the output has no place for it."""
    if wanted in NOTED:
        return
    from covey.flows.show import losses
    from covey.render.counting import bounds

    notes = [*report.notes, *bounds(report)]
    for text in notes[:MOST_NOTES]:
        note(text)
    if len(notes) > MOST_NOTES:
        note(f"and {len(notes) - MOST_NOTES:,} more; covey report shows all")
    for text in losses(report, wanted, reading.sources):
        note(text)


@click.command(
    epilog="\b\nExamples:\n"
    "  covey report bundle\n"
    "  covey report bundle --format html -o coverage\n"
    "  covey report --part unit=.coverage --part e2e=bundle\n"
    "  covey report bundle --format json | jq .totals\n"
    "  covey report cover.out --threshold 80 -o artifacts/junit_coverage.xml\n"
    "  covey report cover.out --format spyglass -o artifacts\n"
    "  covey report coverage.info --format badge -o coverage.svg\n",
)
@reading_options
@click.option(
    "--format",
    "name",
    metavar="FORMAT",
    shell_complete=completing.written_formats,
    help="text, markdown, html, junit, badge, spyglass, json, or a data format; by -o's name.",
)
@click.option("-o", "--output", type=OutputPath(), help="File, or folder for html and spyglass; stdout by default.")
@showing_options
@click.option("--explain-paths", is_flag=True, help="Show instead which rule mapped each file, or why none did.")
@click.option("--json", "as_json", is_flag=True, help="With --explain-paths: as covey.paths/1.")
@cancelled_as_interrupted
def report(name: str | None, output: Path | None, explain_paths: bool, as_json: bool, **options: Any) -> int:
    """Show bundles and reports to people: text, Markdown, HTML; --format json is covey's own report.

    IN is a bundle, a report of any known format, also packed by gzip or zstd, a folder or a "glob" of them, or - for
    standard input.
    """
    from covey.flows.judging import refuse_unknown
    from covey.flows.show import CheckoutTexts, check, name_for, show

    if as_json and not explain_paths:
        raise UsageError("--json goes with --explain-paths", hint="the report as data is --format json")
    if explain_paths and (name or output):
        raise UsageError("--explain-paths goes to standard output, as text or with --json as data")
    wanted = name or name_for(output, "text")
    check(wanted)
    showing = {option: options.pop(option) for option in SHOWN}
    merged, reading = read(**options)
    if explain_paths:
        _explain(reading, merged, as_json)
        return ended(reading)
    _spare_inputs(output, merged)
    if showing["threshold"] is not None:
        refuse_unknown(merged, showing["threshold"])
    _tell_notes(merged, wanted, reading)
    shown = shown_as(CheckoutTexts(reading.sources), **showing)
    for path in show(merged, wanted, output or sys.stdout.buffer, shown):
        say(f"wrote {path}")
    return worst((ended(reading), judged(merged, shown)))


def _spare_inputs(output: Path | None, merged: Report) -> None:
    """What shows a report to people does not hold all of it, so it is no new state of an input."""
    if output is None or not output.is_file():
        return
    for path in {source.path for source in merged.sources if source.path}:
        with suppress(OSError):
            if output.samefile(path):
                raise UsageError(f"{output} is one of the inputs", hint="name another -o; covey merge writes data back")


def _explain(reading: Reading, report: Report, as_json: bool) -> None:
    from covey.flows import explain

    found = explain.explain(reading.sources, report)
    if as_json:
        print_json(explain.document(found))
    else:
        click.echo("\n".join(explain.lines(found)))


@click.command(
    epilog="\b\nExamples:\n"
    "  covey merge bundle-1 bundle-2 -o merged.json\n"
    "  covey merge --part unit=.coverage --part e2e=bundle -o coverage.xml\n"
    "  covey merge a.info b.info --how max -o all.info\n"
    '  covey merge "shards/**/*.out.gz" --exclude "zz_generated*" -o all.out\n',
)
@reading_options
@click.option("-o", "--output", type=OutputPath(), help="File to write; stdout by default.")
@click.option(
    "--format",
    "name",
    metavar="FORMAT",
    shell_complete=completing.written_formats,
    help="Data format to write; by -o's name; covey's own to stdout.",
)
@cancelled_as_interrupted
def merge(output: Path | None, name: str | None, **options: Any) -> int:
    """Merge bundles and reports of any known format into one file."""
    from covey.flows.show import CheckoutTexts, check, name_for, show

    wanted = name or name_for(output, "native", strict=True)
    if wanted in plugins.names("renderers"):
        raise UsageError(f"merge writes data, and {wanted} is none", hint=f"covey report --format {wanted} writes it")
    check(wanted, only_data=True)
    if unite(wanted, output, **options):
        return 0
    from covey.render.base import Options

    merged, reading = read(**options)
    _tell_notes(merged, wanted, reading)
    show(merged, wanted, output or sys.stdout.buffer, Options(CheckoutTexts(reading.sources)))
    if output is not None:
        say(f"wrote {output} ({wanted})")
    return ended(reading)
