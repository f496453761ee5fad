"""Finding and running the programs that covey uses. Secrets never go into argv: they travel by stdin or environment."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from subprocess import DEVNULL, PIPE
from typing import IO, TYPE_CHECKING

import anyio

from covey.errors import ToolError
from covey.model.outside import clean

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, Process

CURES: Mapping[str, str] = {
    "kubectl": "install kubectl (kubernetes.io/docs/tasks/tools), or leave out --via kubectl: covey needs none",
}
_GRACE = 2.0  # seconds between asking a child to end and ending it
_MOMENT = 0.5  # seconds for the last of its stderr
_KEPT = 64 * 1024  # bytes of a child's stderr that are kept for the message


def find(name: str, *, hint: str = "") -> str:
    """The path of a program; ToolError with its cure when there is none. A name with a slash is taken as a path."""
    found = shutil.which(name)
    if found is None:
        raise ToolError(f"the program {name!r} is not on PATH", hint=hint or CURES.get(name, f"install {name}"))
    return found


async def run(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    seconds: float = 30.0,
    most: int = 64 * 2**20,
) -> bytes:
    """What a program prints. ToolError when it is missing, fails, prints more than `most` bytes or takes too long.

    env: variables beside those of this process. Ended with all its children when the caller is cancelled.
    """
    out, errors = bytearray(), bytearray()
    status: int | None = None
    with anyio.move_on_after(seconds):
        async with child(argv, feed=True, env=env) as process, anyio.create_task_group() as group:
            group.start_soon(_feed, process, stdin)
            group.start_soon(keep, process.stderr, errors)
            if await _gather(process, out, most):
                status = await process.wait()
            # What it left running may hold its stderr open for ever: the rest of it gets a moment.
            group.cancel_scope.deadline = anyio.current_time() + (_MOMENT if status is not None else 0)
    if len(out) > most:
        raise ToolError(f"{_name(argv)} prints more than {most} bytes")
    if status is None:
        raise ToolError(f"{_name(argv)} did not end within {seconds:g} s")
    if status:
        raise ToolError(f"{_name(argv)} failed with exit code {status}: {tail(errors)}")
    return bytes(out)


@asynccontextmanager
async def child(
    argv: Sequence[str], *, feed: bool = False, output: IO[bytes] | None = None, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A running program in a session of its own, so that a Ctrl-C for covey does not reach it first.

    However the block is left, the program and what it started are asked to end, then ended.
    output: a file for all that it says, instead of pipes; feed: whether its stdin is a pipe.
    """
    path = find(argv[0])
    try:
        process = await anyio.open_process(
            [path, *argv[1:]],
            stdin=PIPE if feed else DEVNULL,
            stdout=output or PIPE,
            stderr=output or PIPE,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"{_name(argv)} cannot be started: {error.strerror or error}") from error
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with anyio.move_on_after(_GRACE):
            await process.wait()
        _signal(process.pid, signal.SIGKILL)  # also what it started: a group outlives its leader
        await process.wait()
    await process.aclose()


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # all of it has ended (macOS answers EPERM for zombies)
        return


async def keep(stream: ByteReceiveStream | None, kept: bytearray) -> None:
    """Read a stream to its end, keeping the last 64 kB: a child whose stderr nobody reads would stand still."""
    if stream is None:
        return
    try:
        async for part in stream:
            kept += part
            del kept[:-_KEPT]
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


def tail(errors: bytes | bytearray) -> str:
    """The last lines of a program's stderr, fit for a message."""
    lines = [clean(line).strip() for line in bytes(errors).decode("utf-8", "replace").splitlines()]
    return " / ".join([line for line in lines if line][-3:])[-500:] or "it said nothing"


async def _feed(process: Process, data: bytes) -> None:
    if process.stdin is None:
        return
    try:
        if data:
            await process.stdin.send(data)
        await process.stdin.aclose()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):  # it ended without reading all of it
        return


async def _gather(process: Process, out: bytearray, most: int) -> bool:
    """Whether all of it fits."""
    if process.stdout is not None:
        async for part in process.stdout:
            out += part
            if len(out) > most:
                return False
    return True


def _name(argv: Sequence[str]) -> str:
    return os.path.basename(argv[0])  # noqa: PTH119  (a name for a message; the rest of argv may be long)
