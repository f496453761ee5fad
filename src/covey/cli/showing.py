"""The options of `covey report` on how a report is shown and judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from covey.cli import completing
from covey.cli.output import tell_error, warn
from covey.errors import GOOD, TOO_LOW, NothingCollected

if TYPE_CHECKING:
    from decimal import Decimal

    from covey.model.report import Report
    from covey.render.base import Options, Texts

Command = TypeVar("Command", bound=Callable[..., Any])
METRICS = ("cover", "lines", "statements", "branches", "functions")
SORTS = "name, stmts, miss, branch, brpart, cover"


def percent(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """An exact decimal from 0 to 100, "%" allowed. A share, as 0.8 for 80 %, is taken for what it says, with a warning:
    other tools mean shares, and as a gate it would let everything pass."""
    if value is None:
        return None
    from decimal import Decimal, InvalidOperation

    try:
        found = Decimal(value.removesuffix("%"))
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is no percentage") from None
    if not (found.is_finite() and 0 <= found <= 100):
        raise click.BadParameter(f"{value} is not from 0 to 100")
    if 0 < found < 1 and not value.endswith("%") and not ctx.resilient_parsing:
        hundredfold = f"{(found * 100).normalize():f}"
        warn(f"{param.opts[0]} {found} is {found} %; {hundredfold} means {hundredfold} %")
    return found


SHOWING = [
    click.option("--title", default="", help="A heading of your own."),
    click.option("-m", "--show-missing", is_flag=True, help="Name the lines and branches that did not run."),
    click.option(
        "--precision", type=click.IntRange(0, 6), default=0, show_default=True, help="Digits after the point."
    ),
    click.option(
        "--threshold",
        "--fail-under",
        callback=percent,
        metavar="PERCENT",
        help="Exit code 1 when the total is below; JUnit cases below fail, the badge and pages say so.",
    ),
    click.option(
        "--metric",
        type=click.Choice(METRICS),
        default="cover",
        show_default=True,
        help="What the threshold, JUnit and the badge look at. cover: statements (or lines) and branches together.",
    ),
    click.option(
        "--sort",
        default="",
        metavar="COLUMN",
        shell_complete=completing.columns,
        help=f"Order of a table: {SORTS}; -COLUMN downwards.",
    ),
    click.option("--below", callback=percent, metavar="PERCENT", help="Show only files whose metric is below."),
    click.option("--skip-covered", is_flag=True, help="Leave out files in which everything ran."),
    click.option("--skip-empty", is_flag=True, help="Leave out files that hold no code."),
    click.option(
        "--limit",
        type=click.IntRange(min=0),
        default=1000,
        show_default=True,
        help="Most files in a table: those that lack most stay, the rest is counted. 0: all.",
    ),
]
SHOWN = (
    "title",
    "show_missing",
    "precision",
    "threshold",
    "metric",
    "sort",
    "below",
    "skip_covered",
    "skip_empty",
    "limit",
)  # the parameters they make


def showing_options(command: Command) -> Command:
    """Adds SHOWING to a command, which hands them on to `shown_as`."""
    for option in reversed(SHOWING):
        command = option(command)
    return command


def shown_as(texts: Texts, precision: int, **options: Any) -> Options:
    """What the options of `showing_options` ask for."""
    from covey.render.base import Options

    return Options(texts, digits=precision, **options)


def judged(report: Report, options: Options) -> int:
    """The exit code of the threshold, once what was asked for is written: 0 good or none given, 1 below, 3 no code was
    measured. Says which on stderr."""
    from covey.render.counting import below, label, measured

    if options.threshold is None:
        return GOOD
    ratio, of = measured(report.totals, options.metric), label(report, options.metric)
    if not ratio.total:
        return tell_error(NothingCollected(f"no {of} were measured, so {options.threshold}% cannot be judged"))
    if ratio.below(options.threshold):
        told = click.style("too low: ", fg="red", bold=True)
        click.echo(f"{told}{below(ratio, options.threshold)} of {of} ran, {options.threshold}% is wanted", err=True)
        return TOO_LOW
    return GOOD
