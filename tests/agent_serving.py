"""Instrumented processes that are served, and a client as seed 003's: raw HTTP/1.1, body until close."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import agent_runs


@dataclass
class Reply:
    """What came back, its header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def ask(port: int, path: str, method: str = "GET", body: bytes = b"", token: str = "", timeout: float = 20) -> Reply:
    """One request. Never looks at a Transfer-Encoding: what comes after the header is the body."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as client:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return read_reply(client)


def read_reply(client: socket.socket) -> Reply:
    data = b""
    while part := client.recv(65536):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Reply(int(first.split()[1]), headers, body)


def free_port() -> int:
    """The first of 60 ports, none of which anybody listens on."""
    for first in range(20000 + os.getpid() % 200 * 100, 65000, 100):
        if all(not _is_taken(port) for port in range(first, first + 60)):
            return first
    raise AssertionError("no free ports")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def folder_of(spool: Path) -> Path:
    """This user's folder in the spool."""
    return next(iter(Path(spool).glob("u*-*")))


def helper(spool: Path):
    """Who serves the spool (`port`, `pid`, `start_ticks`), or None. A user who came later may have none of its own."""
    helpers = map(agent_runs.agent_module("election").helper_of, map(str, Path(spool).glob("u*-*")))
    return next(filter(None, helpers), None)


def end_helper(spool: Path) -> None:
    """Ends the spool's helper, if it has one, as its documentation says: by its pid."""
    found = helper(spool)
    if found is not None and found.pid != os.getpid():
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        until(lambda: helper(spool) is None)


def until(true, seconds: float = 20):
    """Waits for something to become true, and gives it; fails the test when it does not."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


@dataclass
class Served:
    """A program under the agent, its spool and its helper's port."""

    process: subprocess.Popen
    spool: Path
    port: int
    environ: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more) -> Reply:
        return ask(self.port, path, **more)

    def capture(self, since: int | None = None):
        return self.get("/covey/1/capture" + (f"?since={since}" if since is not None else "")).json

    def close_window(self, name: str = ""):
        body = json.dumps({"name": name}).encode() if name else b""
        reply = self.get("/covey/1/epoch", method="POST", body=body)
        assert reply.status == 200, reply.body
        return reply.json


@contextlib.contextmanager
def served(python: Path, spool: Path, *arguments: object, **options):
    """Runs a program under the agent until the block ends; the program's standard input and output are pipes."""
    port = free_port()
    environ = agent_runs.environment(spool, COVERAGE_PORT=str(port), COVEY_AGENT_LINGER="60", **options)
    command = [str(python), *map(str, arguments)]
    pipe = subprocess.PIPE
    spool.mkdir(exist_ok=True)
    spool.chmod(0o1777)  # as a volume for users that change
    process = subprocess.Popen(
        command, env=environ, stdin=pipe, stdout=pipe, text=True, bufsize=1, start_new_session=True
    )
    try:
        found = until(lambda: helper(spool))
        yield Served(process, spool, found.port, environ)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()
        process.stdin.close()
        process.stdout.close()
        end_helper(spool)


def lines_in(text: str) -> set[int]:
    """The numbers of `1-3,7`."""
    found: set[int] = set()
    for part in text.split(",") if text else []:
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def ran(capture, path: Path) -> set[int]:
    """The lines of a file that any process of a capture ran."""
    files = [process["files"].get(str(path)) for process in capture["processes"]]
    return set().union(*(lines_in(found["lines"]) for found in files if found))
