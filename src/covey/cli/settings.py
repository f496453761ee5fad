"""What a settings file says of a verb's flags: by the flag's own name, of the kind the flag takes, and nothing that a
checkout may not decide for whoever works in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from covey.errors import ConfigError

if TYPE_CHECKING:
    from covey.config import Config

# A settings file comes with the checkout, so perhaps from a stranger: it must not choose what program runs as you
# (a kubeconfig may name one too), nor which of your files is read as a secret.
NEVER_FROM_FILE = frozenset({"agent_token_file", "kubeconfig", "python"})

# Nor where of yours is written, or whose files a published report shows the text of: places inside the repository only.
ONLY_INSIDE = frozenset({"output", "checkout"})


def options(command: click.Command) -> Mapping[str, click.Option]:
    """Name of each setting of a verb, which is its flag's name, and the flag."""
    return {name_of(param): param for param in command.params if isinstance(param, click.Option)}


def name_of(option: click.Option) -> str:
    """ "--show-missing" is the setting show_missing."""
    longest = max(option.opts, key=len)
    return longest.lstrip("-").replace("-", "_")


def name_variables(verb: str, command: click.Command) -> None:
    """Where Python calls a flag otherwise than people do, its variable has the flag's name: COVEY_REPORT_FORMAT."""
    for name, option in options(command).items():
        if option.name != name and option.envvar is None:
            option.envvar = f"COVEY_{verb.upper()}_{name.upper()}"


def defaults(found: Config, verb: str, command: click.Command) -> dict[str, Any]:
    """What the settings file says of this verb, for click. ConfigError names file and setting."""
    known = options(command)
    given = {}
    for name, value in found.verbs.get(verb, {}).items():
        where = f"{found.file}: {verb}.{name}"
        option = known[name]
        if name in NEVER_FROM_FILE:
            raise ConfigError(
                f"{where} is not taken from a settings file: a checkout must not choose your programs and secrets",
                hint=f"use {max(option.opts, key=len)} or COVEY_{verb.upper()}_{name.upper()}",
            )
        given[str(option.name)] = _shaped(where, option, value)
        if name in ONLY_INSIDE and not _is_inside(found.file, given[str(option.name)]):
            raise ConfigError(
                f"{where}: from a settings file only places inside the repository are taken",
                hint=f"use --{name} or COVEY_{verb.upper()}_{name.upper()}",
            )
        if name == "url" and not all(_is_here(url) for url in given["url"]):
            raise ConfigError(
                f"{where}: from a settings file only addresses of this machine are taken",
                hint=f"use --url or COVEY_{verb.upper()}_URL",
            )
    return given


def _shaped(where: str, option: click.Option, value: Any) -> Any:
    """The value as click takes it; a flag that may be given several times takes one value or a list of them."""
    if option.multiple:
        return [_single(where, option, one) for one in (value if isinstance(value, list) else [value])]
    return _single(where, option, value)


def _single(where: str, option: click.Option, value: Any) -> Any:
    if isinstance(value, bool) != option.is_flag or not isinstance(value, (str, int, float)):
        wanted = "true or false" if option.is_flag else "text or a number"
        raise ConfigError(f"{where} must be {wanted}, not {str(value)[:60]!r}")
    return value if option.is_flag or isinstance(option.type, click.types.IntParamType) else str(value)


def _is_inside(file: Path | None, place: str) -> bool:
    """Whether a path lies in the settings file's repository, wherever links lead, and not in what is git's own."""
    if file is None:
        return True
    root = next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)
    real, top = os.path.realpath(place), os.path.realpath(root)
    inner = Path(os.path.relpath(real, top)).parts
    return inner[:1] != (os.pardir,) and ".git" not in (part.lower() for part in inner)


def _is_here(url: str) -> bool:
    from covey.oci import is_local

    return is_local(urlsplit(url if "://" in url else f"//{url}").netloc)
