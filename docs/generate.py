"""Writes docs/reference/cli.md from the command line itself; a test compares (`make docs` renews it)."""

from __future__ import annotations

from pathlib import Path

import click

from covey.cli import app

OUT = Path(__file__).parent / "reference" / "cli.md"
HEAD = """# The command line

Made from the command line itself by `make docs`. Every flag is a setting too: see [settings](settings.md).
Exit codes: see [errors](errors.md).
"""


def text() -> str:
    parts = [HEAD]
    for verb in sorted(app.VERBS):
        command = app.command_of(verb)
        context = click.Context(
            command, info_name=f"covey {verb}", terminal_width=100, help_option_names=["-h", "--help"]
        )
        parts.append(f"## covey {verb}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
