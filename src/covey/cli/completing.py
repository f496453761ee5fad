"""What a shell is offered for what is half typed. Files are left to the shell, which knows its user's ways with them;
only behind NAME= covey lists them itself, where the shell holds NAME=FILE to be one word."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from covey import plugins

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

MOST = 1000  # files offered behind NAME=


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders."""
    return _items([incomplete], kind="file")


def named_files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The files of NAME=FILE; for NAME alone nothing, it is the user's own. bash breaks words at "=" and asks for
    FILE alone, as it asks for any input."""
    name, equals, start = incomplete.partition("=")
    return _items([f"{name}={path}" for path in _paths(start)]) if equals else []


def read_formats(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What --from takes."""
    return _starting(plugins.names("formats"), incomplete)


def written_formats(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What --format takes: of merge data formats only."""
    from covey.flows.show import known

    shown = plugins.names("renderers") if context.info_name == "merge" else ()
    return _starting([name for name in known() if name not in shown], incomplete)


def verbs(_: click.Context, __: click.Parameter | None, incomplete: str) -> list[CompletionItem]:
    """The verbs, with what they do where a shell shows it."""
    from click.shell_completion import CompletionItem

    from covey.cli.app import VERBS

    return [CompletionItem(verb, help=text) for verb, (_, text) in VERBS.items() if verb.startswith(incomplete)]


def columns(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What --sort takes, upwards."""
    from covey.cli.showing import SORTS

    return _starting(SORTS.split(", "), incomplete)


def _starting(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return _items(name for name in names if name.startswith(incomplete))


def _items(values: Iterable[str], kind: str = "plain") -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(value, type=kind) for value in values]


def _paths(start: str) -> list[str]:
    """What begins so, ascending; folders end in a slash. Hidden files where their dot was typed."""
    folder, _, name = start.rpartition("/")
    shown = folder + "/" if "/" in start else ""
    try:
        with os.scandir(shown or ".") as found:
            fits = [one for one in found if one.name.startswith(name) and (name or not one.name.startswith("."))]
            return sorted(shown + one.name + ("/" if one.is_dir() else "") for one in fits[:MOST])
    except OSError:
        return []  # there is no such folder, or it is not ours to read: nothing to offer
