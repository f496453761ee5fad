"""What a settings file says of a verb's flags: by the flag's own name, of the kind the flag takes, and nothing that a
checkout may not decide for whoever works in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
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
    """Name of each setting of a verb, which is its flag's first long name, and the flag."""
    return {names_of(param)[0]: param for param in command.params if isinstance(param, click.Option)}


def names_of(option: click.Option) -> list[str]:
    """What the setting may be called, its own name first: "--show-missing" is show_missing, and of --threshold, which
    is --fail-under too, both are taken."""
    long = [name for name in option.opts if name.startswith("--")] or option.opts
    return [name.lstrip("-").replace("-", "_") for name in long]


def own_names(command: click.Command) -> dict[str, str]:
    """Whatever a setting of a verb may be called -> its own name."""
    return {name: own for own, option in options(command).items() for name in names_of(option)}


def name_variables(verb: str, command: click.Command) -> None:
    """Where Python calls a flag otherwise than people do, its variable has the flag's name: COVEY_REPORT_FORMAT."""
    for option in options(command).values():
        names = names_of(option)
        if names != [option.name] and option.envvar is None:
            option.envvar = [variable(verb, name) for name in names]


def variable(verb: str, name: str) -> str:
    """The environment's variable of a setting."""
    return f"COVEY_{verb.upper()}_{name.upper()}"


def unknown_variables(verb: str, command: click.Command, environment: Iterable[str]) -> Iterator[str]:
    """What is to be said of variables that look like settings of this verb and are none, without their values. They
    are no error: COVEY_REPORT_FOLDER may be a pipeline's own."""
    prefix = variable(verb, "")
    known = [variable(verb, name) for name in own_names(command)]
    for name in sorted(environment):
        if name.startswith(prefix) and name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, 1)
            cure = f"did you mean {near[0]}?" if near else f"`covey config {verb}` lists the settings"
            yield f"{name} of the environment is no setting and has no effect: {cure}"


def defaults(found: Config, verb: str, command: click.Command) -> dict[str, Any]:
    """What the settings file says of this verb, for click. ConfigError names file and setting."""
    known, own = options(command), own_names(command)
    given: dict[str, Any] = {}
    for written, value in found.verbs.get(verb, {}).items():
        where = f"{found.file}: {verb}.{written}"
        name = own[written]
        option = known[name]
        if option.name in given:
            raise ConfigError(f"{where} is there twice", hint=f"it is another name of {verb}.{name}")
        if name in NEVER_FROM_FILE:
            raise ConfigError(
                f"{where} is not taken from a settings file: a checkout must not choose your programs and secrets",
                hint=f"use {max(option.opts, key=len)} or {variable(verb, name)}",
            )
        given[str(option.name)] = _shaped(where, option, value)
        if name in ONLY_INSIDE and not _is_inside(found.file, given[str(option.name)]):
            raise ConfigError(
                f"{where}: from a settings file only places inside the repository are taken",
                hint=f"use --{name} or {variable(verb, name)}",
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
