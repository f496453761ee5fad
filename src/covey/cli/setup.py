"""Verbs about covey itself: config, plugins, completion."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from covey import plugins as registry
from covey.cli import completing, settings
from covey.cli.output import print_json
from covey.errors import UsageError


@click.command(epilog="\b\nExamples:\n  covey config\n  covey config collect --json")
@click.argument("verb", required=False, shell_complete=completing.verbs)
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
@click.pass_context
def config(ctx: click.Context, verb: str | None, as_json: bool) -> None:
    """Show every setting, its value and where that comes from: environment, file or default.

    Every flag is a setting: --port of collect is COVEY_COLLECT_PORT, and port under [collect] of covey.toml
    or under [tool.covey.collect] of pyproject.toml.
    """
    from covey import config as file
    from covey.cli import app

    if verb is not None and verb not in app.VERBS:
        raise UsageError(f"there is no verb {verb!r}", hint=registry.nearest(verb, sorted(app.VERBS)))
    found = file.load(Path.cwd(), app.flags())
    rows = [row for name in sorted(app.VERBS) if verb in (None, name) for row in _rows(ctx, name, found)]
    if as_json:
        aliases = {alias.pattern: alias.target or "." for alias in found.aliases}
        print_json({"schema": "covey.config/1", "file": str(found.file or ""), "paths": aliases, "settings": rows})
        return
    click.echo("\n".join(_as_toml(rows, found)))


def _as_toml(rows: list[dict[str, Any]], found: Any) -> Iterator[str]:
    """Lines of a settings file that says the same, where it may say it; each with where the value is from."""
    yield f"# settings file: {found.file or 'none (covey.toml, or [tool.covey] of pyproject.toml)'}"
    table = ""
    for row in rows:
        verb, _, name = row["setting"].partition(".")
        if verb != table:
            yield f"\n[{verb}]"
        table = verb
        if row["value"] is None:
            yield f"# {name} is not set"
        elif name in settings.NEVER_FROM_FILE:
            yield f"# {name} = {_toml(row['value'])}  # {row['from']}; not taken from a settings file"
        else:
            yield f"{name} = {_toml(row['value'])}  # {row['from']}"
    if found.aliases:
        yield "\n[paths]"
    for alias in found.aliases:
        yield f"{_toml(alias.pattern)} = {_toml(alias.target or '.')}  # {found.file}"


def _toml(value: Any) -> str:
    """JSON's text, numbers, booleans and lists are TOML's, but for one character that TOML wants written out."""
    import json

    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _rows(ctx: click.Context, verb: str, found: Any) -> list[dict[str, Any]]:
    """One row a flag of a verb. Secrets are not settings: flags name files that hold them."""
    from covey.cli import app

    command = app.command_of(verb)
    inner = click.Context(command, parent=ctx.parent, info_name=verb, resilient_parsing=True)
    inner.default_map = settings.defaults(found, verb, command)
    inner.auto_envvar_prefix = None if verb in app.NOT_FROM_ENVIRONMENT else f"COVEY_{verb.upper()}"
    rows = []
    for name, param in settings.options(command).items():
        if name in ("help", "json") or param.hidden:
            continue
        value, source = param.consume_value(inner, {})
        rows.append(
            {"setting": f"{verb}.{name}", "value": _plain(_typed(param, value)), "from": _origin(source, found.file)}
        )
    return rows


def _typed(option: click.Option, value: Any) -> Any:
    """What the environment says in text, as what it stands for; what stands for nothing stays, the verb refuses it."""
    if isinstance(value, str) and (option.is_flag or isinstance(option.type, click.types.IntParamType)):
        with contextlib.suppress(click.BadParameter):
            return option.type.convert(value, option, None)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) else None


def _origin(source: Any, file: Path | None) -> str:
    name = getattr(source, "name", "DEFAULT")
    return {"ENVIRONMENT": "environment", "DEFAULT_MAP": str(file)}.get(name, "default")


@click.command(epilog="\b\nExample:\n  covey plugins --json")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def plugins(as_json: bool) -> None:
    """List the formats, renderers and agents that are installed, and which package brings each."""
    found = [plugin for room in registry.OURS for plugin in registry.every(room)]
    if as_json:
        rows = [
            {"room": p.room, "name": p.name, "value": p.value, "package": p.package, "does": list(_does(p))}
            for p in found
        ]
        print_json({"schema": "covey.plugins/1", "plugins": rows})
        return
    for plugin in found:
        click.echo(f"{plugin.room:10} {plugin.name:14} {' and '.join(_does(plugin)):16} {plugin.package}")


def _does(plugin: registry.Plugin) -> tuple[str, ...]:
    """What a plug-in does with reports: agents make none."""
    if plugin.room == "formats":
        return ("reads", "writes") if registry.writes(plugin.name) else ("reads",)
    return ("writes",) if plugin.room == "renderers" else ()


@click.command(epilog='\b\nExamples:\n  eval "$(covey completion bash)"\n  covey completion fish | source')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell."""
    from click.shell_completion import get_completion_class

    from covey.cli import app

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(app.cli, {}, "covey", "_COVEY_COMPLETE").source())
