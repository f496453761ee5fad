"""A Python under the agent, with a spool of its own, whose helper is gone when the test ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import textwrap
from pathlib import Path

import agent_runs
import interpreters
import pytest

PROVE = os.environ.get("COVEY_PROVE") == "1"
CHOSEN = interpreters.VERSIONS if PROVE else ("3.9", "3.11", "3.12", "3.13")


class Laboratory:
    """Writes programs, and runs them with the agent and without, by one interpreter."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self.python = interpreters.find(version)
        self.folder = folder / "code"
        self.folder.mkdir()
        self.spool = folder / "spool"
        self.core = "monitoring" if version in interpreters.MONITORING else "probes"
        self.env = {"COVERAGE_PORT": str(_free_port()), "COVEY_AGENT_LINGER": "60"}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, *arguments: object, spool: Path | str | None = "own", **options):
        """The CompletedProcess of `python ARGUMENTS` under the agent; without it when `spool` is None."""
        env = self.env | options.pop("env", {})
        place = self.spool if spool == "own" else spool
        return agent_runs.run(self.python, *arguments, spool=place, env=env, **{"timeout": 60, **options})

    def both(self, *arguments: object, **options):
        """The same without and with the agent."""
        return self.run(*arguments, spool=None, **options), self.run(*arguments, **options)

    def ran(self, path: Path) -> set[int]:
        """The lines of the file that any process ran."""
        return agent_runs.recorded(self.spool).get(str(path), set())

    def line(self, path: Path, text: str) -> int:
        """The number of the only line that contains the text."""
        (found,) = [number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line]
        return found

    def saw(self, path: Path, text: str) -> bool:
        """Whether the line with this text ran."""
        return self.line(path, text) in self.ran(path)

    def end_helpers(self) -> None:
        election = agent_runs.agent_module("election")
        for folder in self.spool.glob("u*"):
            helper = election.helper_of(str(folder))
            if helper is not None:
                os.kill(helper.pid, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(probe.getsockname()[1], 65000)


@pytest.fixture(params=CHOSEN)
def lab(request):
    yield from _laboratory(request.param)


@pytest.fixture
def newest():
    """The newest Python there is: for what is the same on all."""
    yield from _laboratory(next(version for version in reversed(CHOSEN) if interpreters.locate(version)))


def _laboratory(version):
    # Not pytest's folder, which other users cannot enter: some tests change their user.
    folder = Path(tempfile.mkdtemp(prefix="covey-test-"))
    folder.chmod(0o755)
    laboratory = Laboratory(version, folder)
    try:
        yield laboratory
    finally:
        laboratory.end_helpers()
        shutil.rmtree(folder, ignore_errors=True)
