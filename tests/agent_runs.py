"""Runs programs under the agent as its users do, by environment, and reads what they left in the spool."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
from pathlib import Path

from covey import instrumentation

AGENT = instrumentation.folder()
LEFT_OUT = ("COVEY_", "COVERAGE_", "PYTHON", "VIRTUAL_ENV", "SOURCE_GIT", "SOFTWARE_")


def agent_module(name: str):
    """A module of the agent (`covey_agent.NAME`), imported here: it is plain Python of the standard library."""
    if str(AGENT) not in sys.path:
        sys.path.append(str(AGENT))
    return importlib.import_module(f"covey_agent.{name}")


def environment(spool: Path | str | None, **more: str) -> dict[str, str]:
    """This process's environment without what concerns Python or covey, with the agent when there is a spool."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
    if spool is not None:
        clean |= {"COVEY_AGENT": "1", "COVEY_AGENT_SPOOL": str(spool), "PYTHONPATH": str(AGENT)}
    return clean | more


def run(python: Path, *arguments: object, spool: Path | str | None, timeout: float = 120, **options):
    """Runs `python ARGUMENTS`, under the agent if there is a spool, and gives the CompletedProcess, output as text."""
    environ = environment(spool, **options.pop("env", {}))
    command = [str(python), *map(str, arguments)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=timeout, check=False, **options)


def segments(spool: Path):
    """All segments of the spool, read with the agent's own reader. That of a process that is only starting, or that was
    ended while it did, as a pool ends its workers, has nothing in it yet: the helper passes over it too."""
    reading = agent_module("reading")
    found = []
    for path in sorted(Path(spool).glob("u*/*.seg")):
        with contextlib.suppress(reading.Unfinished):
            found.append(reading.read_segment(str(path)))
    return found


def recorded(spool: Path) -> dict[str, set[int]]:
    """Path -> the lines that any process ran, in any window."""
    union: dict[str, set[int]] = {}
    for segment in segments(spool):
        for record in segment.records:
            if not record.not_recorded:
                planes = zip(segment.now(record), segment.before(record), strict=True)
                ran = {number for number, marks in enumerate(planes) if any(marks)}
                union[record.path] = union.get(record.path, set()) | ran
    return union


def notes(spool: Path) -> set[str]:
    """The paths that processes could not record."""
    return {record.path for segment in segments(spool) for record in segment.records if record.not_recorded}
