"""Into a pod by kubectl, for clusters where only kubectl gets through (a proxy, a plugin, an old API server).

`kubectl port-forward` is started at the first connection to a port, chooses the local port itself, and ends with the
block that opened the channel, also at Ctrl-C. What it says is kept for the message.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import anyio
from anyio.abc import ByteStream

from covey import tools
from covey.errors import AgentError, NoAgent, PodGone
from covey.model.provenance import Target

if TYPE_CHECKING:
    from anyio.abc import Process

_READY = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+)")
_REFUSED = (b"connection refused", b"failed to connect")  # in lower case: socat, for one, writes a capital letter
_START_SECONDS = 20.0
_POLL = 0.02
_WORDS = 1.0  # seconds that kubectl gets to say why


@dataclass(frozen=True, slots=True)
class _Forward:
    process: Process
    port: int
    said: IO[bytes]


class KubectlChannel:
    """flags: which cluster, as kubectl wants to be told. ends: where each started kubectl is left to be ended."""

    def __init__(self, target: Target, flags: Sequence[str], ends: AsyncExitStack) -> None:
        self._target, self._flags, self._ends = target, tuple(flags), ends
        self._forwards: dict[int, _Forward] = {}
        self._starting = anyio.Lock()

    async def connect(self, port: int) -> ByteStream:
        """A stream to a port on the pod's loopback; that nothing listens is raised by its first `receive` (NoAgent)."""
        async with self._starting:
            forward = self._forwards.get(port)
            if forward is None or forward.process.returncode is not None:  # it ends when a connection is refused
                forward = self._forwards[port] = await self._start(port)
        before = len(_content(forward.said))
        try:
            stream = await anyio.connect_tcp("127.0.0.1", forward.port)
        except OSError as error:
            raise self._failed(forward.said, port, before) from error
        return _Watched(
            stream,
            lambda: b"rror" in _content(forward.said)[before:],
            lambda: self._failed(forward.said, port, before),
        )

    async def _start(self, port: int) -> _Forward:
        target = self._target
        said = self._ends.enter_context(tempfile.TemporaryFile(prefix="covey-"))  # noqa: SIM115  (the stack closes it)
        command = ["kubectl", *self._flags, "port-forward", "-n", target.namespace, f"pod/{target.pod}"]
        process = await self._ends.enter_async_context(
            tools.child([*command, f":{port}", "--address=127.0.0.1"], output=said)
        )
        with anyio.move_on_after(_START_SECONDS):
            while process.returncode is None:
                if found := _READY.search(_content(said)):
                    return _Forward(process, int(found.group(1)), said)
                await anyio.sleep(_POLL)
        raise self._failed(said, port, 0)

    def _failed(self, said: IO[bytes], port: int, since: int) -> AgentError:
        words = _content(said)[since:]
        if any(word in words.lower() for word in _REFUSED):
            return NoAgent(f"{self._target.name}: nothing listens on port {port}")
        if b"NotFound" in words or b"not found" in words:
            return PodGone(f"{self._target.name}: the pod is gone ({tools.tail(words)})")
        return AgentError(f"{self._target.name}: kubectl port-forward: {tools.tail(words)}")


def _content(said: IO[bytes]) -> bytes:
    """All that was said so far. Read without moving: kubectl writes at the same place of the same open file."""
    return os.pread(said.fileno(), 2**20, 0)


class _Watched(ByteStream):
    """A connection to kubectl that asks why when it ends before a single byte came.

    kubectl takes every connection first and says afterwards that the pod refused it: `heard` tells whether it has
    said anything, `why` what that means.
    """

    def __init__(self, stream: ByteStream, heard: Callable[[], bool], why: Callable[[], AgentError]) -> None:
        self._stream, self._heard, self._why, self._got = stream, heard, why, False

    async def receive(self, max_bytes: int = 65536) -> bytes:
        try:
            part = await self._stream.receive(max_bytes)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            if not self._got and await self._explained():
                raise self._why() from None
            raise
        self._got = True
        return part

    async def _explained(self) -> bool:
        with anyio.move_on_after(_WORDS):
            while not self._heard():  # noqa: ASYNC110  (another process writes it)
                await anyio.sleep(_POLL)
        return self._heard()

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
