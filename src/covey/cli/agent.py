"""Verbs that bring the agent to a program: agent, run."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from covey.cli import completing
from covey.cli.output import FilePath, is_terminal, note, say, warn
from covey.errors import UsageError


@click.command(
    epilog="\b\nExamples:\n  covey agent python\n  covey agent python -o build/covey\n",
)
@click.argument("language", type=click.Choice(["python"]))
@click.option("-o", "--output", type=FilePath(file_okay=False), help="Folder to write the files to.")
def agent(language: str, output: Path | None) -> None:  # noqa: ARG001 - one language so far, named for the next
    """Write the files to put into an image, and print the Dockerfile lines.

    The folder gets coverage_server.py, one file that wraps a program (CMD ["python", "coverage_server.py", "app.py"]),
    and covey-agent/, a folder that is switched on by environment only (PYTHONPATH and COVEY_AGENT=1), command
    unchanged. Without -o only the Dockerfile lines are printed.
    """
    from covey import instrumentation

    if output is not None:
        _write(output)
        say(f"wrote {output}/coverage_server.py and {output}/covey-agent/")
    click.echo(instrumentation.dockerfile_lines(str(output or "agent")))
    if output is None:
        say("nothing was written: covey agent python -o agent writes the files that these lines copy")


def _write(output: Path) -> None:
    """All files or none: what an earlier covey wrote stays until the new ones are complete."""
    from covey import instrumentation

    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".covey-", dir=output) as fresh:
            for file in instrumentation.write(Path(fresh)):
                place = output / file.relative_to(fresh)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", hint="name another folder with -o") from error


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="\b\nExamples:\n  covey run app.py --verbose\n  covey run -m flask run\n"
    "  covey run --source shop -m gunicorn -w 4 shop:app\n",
)
@click.option("-m", "module", is_flag=True, help="APP is a module's name, as for python -m.")
@click.option(
    "--python", default="", metavar="PROGRAM", help="The interpreter to run APP with; covey's own by default."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the agent on loopback; 9095 by default.")
@click.option(
    "--source", multiple=True, metavar="DIR|PACKAGE", help="What to record; all that is not installed by default."
)
@click.option("--omit", multiple=True, metavar="GLOB", help="Files not to record.")
@click.option("--spool", type=FilePath(), help="Record into this folder, beside what is in it.")
@click.option(
    "--core", type=click.Choice(["auto", "monitoring", "probes", "ctrace"]), default="auto", help="How to record."
)
@click.argument("app", shell_complete=completing.files)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, shell_complete=completing.files)
def run(
    module: bool,
    python: str,
    port: int | None,
    source: tuple[str, ...],
    omit: tuple[str, ...],
    spool: Path | None,
    core: str,
    app: str,
    arguments: tuple[str, ...],
) -> None:
    """Run a Python program under the agent, with every process that it starts.

    What it ran is served on http://127.0.0.1:9095/coverage while it runs, and for 10 minutes after: collect it with
    covey collect --url http://127.0.0.1:9095. The next program begins anew; programs that run at the same time on one
    --port are recorded together.
    """
    from covey import instrumentation
    from covey.instrumentation import run_spool

    program = shutil.which(python) if python else sys.executable
    if program is None:
        raise UsageError(f"there is no program {python!r} on PATH")
    is_file = not module and not app.startswith("-")  # "-" and "-c" are for the interpreter
    if is_file and not Path(app).exists():
        raise UsageError(f"there is no file {app}", hint="covey run -m NAME runs a module")
    if module and not python and not _has_module(app.partition(".")[0]):
        raise UsageError(f"there is no module {app} for {program}", hint="--python names another interpreter")
    settings = {
        "COVERAGE_PORT": str(port) if port else "",
        "COVEY_AGENT_SOURCE": os.pathsep.join(source),
        "COVEY_AGENT_OMIT": os.pathsep.join(omit),
        "COVEY_AGENT_SPOOL": str(spool.absolute()) if spool else "",
        "COVEY_AGENT_CORE": "" if core == "auto" else core,
    }
    environment = instrumentation.environment(os.environ) | {name: value for name, value in settings.items() if value}
    asked = environment.get("COVERAGE_PORT", "")
    wanted = int(asked) if asked.isdecimal() and 0 < int(asked) < 65536 else 9095
    if "COVEY_AGENT_SPOOL" in environment:
        port = run_spool.port_of(Path(environment["COVEY_AGENT_SPOOL"]), wanted)
    else:
        environment["COVEY_AGENT_SPOOL"], port = _fresh_spool(wanted, str(Path(app).absolute()) if is_file else app)
    if port != wanted:
        warn(f"port {wanted} is taken: the agent takes {port}, so collect with --url http://127.0.0.1:{port}")
    elif is_terminal():
        say(f"recording; until 10 minutes after the end: covey collect --url http://127.0.0.1:{port}")
    sys.stdout.flush()
    os.execve(program, [program, *(["-m"] if module else []), app, *arguments], environment)  # noqa: S606 - the point


def _has_module(name: str) -> bool:
    """Whether this interpreter finds it, with the working directory first, as for `python -m`; nothing is imported."""
    from importlib.machinery import PathFinder
    from importlib.util import find_spec

    if not name:  # a name that is relative
        return False
    return PathFinder.find_spec(name, [os.curdir]) is not None or name in sys.modules or find_spec(name) is not None


def _fresh_spool(wanted: int, program: str) -> tuple[str, int]:
    """A folder for this run, and the port; says what is otherwise than one would think."""
    from covey.instrumentation import run_spool

    try:
        spool = run_spool.prepare(wanted, program)
    except OSError as error:
        hint = "--spool names a folder to record into"
        raise UsageError(f"there is no folder to record into: {error.filename}: {error.strerror}", hint=hint) from None
    if spool.dropped:
        note(f"what {spool.dropped} recorded on port {wanted} is dropped; --spool keeps what is recorded")
    if spool.shared:
        note(f"another program is being recorded on port {wanted}: this one is recorded together with it")
    return str(spool.root), spool.port
