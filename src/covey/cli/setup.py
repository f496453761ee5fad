"""Verbs about covey itself: config, plugins, completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from covey.cli import completing
from covey.cli.output import print_json


@click.command(epilog="\b\nExamples:\n  covey config\n  covey config collect --json")
@click.argument("verb", required=False, shell_complete=completing.verbs)
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
@click.pass_context
def config(ctx: click.Context, verb: str | None, as_json: bool) -> None:
    """Show every setting, its value and where that comes from: environment, file or default.

    Every flag is a setting: --port of collect is COVEY_COLLECT_PORT, and port under [collect] of covey.toml
    or under [tool.covey.collect] of pyproject.toml.
    """
    from covey import config as settings
    from covey.cli import app

    if verb is not None and verb not in app.VERBS:
        raise click.BadParameter(f"there is no verb {verb!r}", ctx)
    found = settings.load(Path.cwd(), app.flags())
    rows = [row for name in sorted(app.VERBS) if verb in (None, name) for row in _rows(ctx, name, found)]
    if as_json:
        aliases = {alias.pattern: alias.target or "." for alias in found.aliases}
        print_json({"schema": "covey.config/1", "file": str(found.file or ""), "paths": aliases, "settings": rows})
        return
    click.echo(f"settings file: {found.file or 'none (covey.toml, or [tool.covey] of pyproject.toml)'}")
    for row in rows:
        click.echo(f"{row['setting']} = {row['value']}  ({row['from']})")
    for alias in found.aliases:
        click.echo(f"paths.{alias.pattern} = {alias.target or '.'}  ({found.file})")


def _rows(ctx: click.Context, verb: str, found: Any) -> list[dict[str, Any]]:
    """One row a flag of a verb. Secrets are not settings: flags name files that hold them."""
    from covey.cli import app, settings

    command = app.command_of(verb)
    inner = click.Context(command, parent=ctx.parent, info_name=verb, resilient_parsing=True)
    inner.default_map = settings.defaults(found, verb, command)
    inner.auto_envvar_prefix = None if verb in app.NOT_FROM_ENVIRONMENT else f"COVEY_{verb.upper()}"
    rows = []
    for name, param in settings.options(command).items():
        if name in ("help", "json"):
            continue
        value, source = param.consume_value(inner, {})
        rows.append({"setting": f"{verb}.{name}", "value": _plain(value), "from": _origin(source, found.file)})
    return rows


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
    from covey import plugins as registry

    found = [plugin for room in registry.OURS for plugin in registry.every(room)]
    if as_json:
        rows = [{"room": p.room, "name": p.name, "value": p.value, "package": p.package} for p in found]
        print_json({"schema": "covey.plugins/1", "plugins": rows})
        return
    for plugin in found:
        click.echo(f"{plugin.room:10} {plugin.name:14} {plugin.package}")


@click.command(epilog='\b\nExamples:\n  eval "$(covey completion bash)"\n  covey completion fish | source')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell."""
    from click.shell_completion import get_completion_class

    from covey.cli import app

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(app.cli, {}, "covey", "_COVEY_COMPLETE").source())
