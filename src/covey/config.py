"""The user's settings file: covey.toml, or [tool.covey] of pyproject.toml, found from the working directory upwards.

Every flag of every verb is a setting: `[collect] port = 9095` is `covey collect --port 9095`, and COVEY_COLLECT_PORT
is the same from the environment. Flags come first, then the environment, then the file, then the default; `covey
config` shows each value with where it came from. `[paths]` maps recorded paths to the repository: `"/app" = "src"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from covey.errors import ConfigError
from covey.model.paths import Alias

FILES = ("covey.toml", "pyproject.toml")
LARGEST = 4 * 2**20  # bytes of a settings file
_LONGEST = 20.0  # seconds to read one: a name of very many parts takes the square of their number


@dataclass(frozen=True)
class Config:
    """file: where it was read from, None when there is none. verbs: verb -> flag -> value. aliases: of `[paths]`."""

    file: Path | None = None
    verbs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: tuple[Alias, ...] = ()


def find(start: Path) -> Path | None:
    """The settings file that holds for a folder: the nearest one upwards, not past a repository's root."""
    for folder in (start, *start.parents):
        for name in FILES:
            file = folder / name
            if file.is_file() and (name != "pyproject.toml" or _of_tool(file) is not None):
                return file
        if (folder / ".git").exists():
            break
    return None


def load(start: Path, flags: Mapping[str, frozenset[str]]) -> Config:
    """The settings that hold for a folder.

    flags: verb -> names of its flags ("agent_token_file"). ConfigError with the nearest name for what is not one.
    """
    file = find(start)
    if file is None:
        return Config()
    table = _table(file)
    verbs: dict[str, Mapping[str, Any]] = {}
    aliases: tuple[Alias, ...] = ()
    for name, value in table.items():
        if name == "paths":
            aliases = _aliases(file, value)
        elif name not in flags:
            raise _unknown(file, name, [*flags, "paths"])
        elif not isinstance(value, dict):
            raise ConfigError(f"{file}: [{name}] must be a table of settings")
        else:
            verbs[name] = _settings(file, name, value, flags[name])
    return Config(file, verbs, aliases)


def load_paths(start: Path) -> tuple[Alias, ...]:
    """Only `[paths]` of the settings file that holds for a folder."""
    file = find(start)
    if file is None:
        return ()
    return _aliases(file, _table(file).get("paths", {}))


def _table(file: Path) -> Mapping[str, Any]:
    table = _of_tool(file) if file.name == "pyproject.toml" else _toml(file)
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: [tool.covey] must be a table of settings")
    return table


def _of_tool(file: Path) -> Any:
    """`[tool.covey]` of a pyproject.toml; None when there is none."""
    tool = _toml(file).get("tool")
    return tool.get("covey") if isinstance(tool, dict) else None


def _settings(file: Path, verb: str, table: Mapping[str, Any], flags: frozenset[str]) -> Mapping[str, Any]:
    settings = {}
    for name, value in table.items():
        flag = name.replace("-", "_")
        if flag not in flags:
            raise _unknown(file, f"{verb}.{name}", [f"{verb}.{known}" for known in sorted(flags)])
        settings[flag] = value
    return settings


def _aliases(file: Path, table: object) -> tuple[Alias, ...]:
    if not isinstance(table, dict) or not all(isinstance(target, str) for target in table.values()):
        raise ConfigError(f"{file}: [paths] must be a table of text", hint='write it as: "/app" = "src"')
    try:
        return tuple(Alias.parse(f"{pattern}={target}") for pattern, target in table.items())
    except ValueError as error:
        raise ConfigError(f"{file}: [paths]: {error}") from error


def _unknown(file: Path, name: str, known: list[str]) -> ConfigError:
    import difflib

    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known)[:20])}"
    return ConfigError(f"{file}: there is no setting {name!r}", hint=hint)


def _toml(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ConfigError(f"{file} is larger than {LARGEST} bytes")
    import tomllib

    from covey.patience import at_most

    try:
        with at_most(_LONGEST, ConfigError(f"{file} took longer than {_LONGEST:g} s to read")):
            return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error
