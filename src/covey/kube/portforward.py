"""A WebSocket of the API server's port-forward as a plain byte stream: no local port, no background task.

The protocol (v4.channel.k8s.io, Kubernetes' port-forward over WebSockets): a message's first byte is its channel, 0
for data and 1 for errors; the first two bytes on each are the port's number. That somebody refused the connection is
therefore only told with the first bytes: `receive` raises NoAgent, not the opening of the stream.

It has no word for "I send no more" from our side: `send_eof` ends our sending and says nothing. The other side's end
comes through, and what it sent before with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
from anyio.abc import ByteStream

from covey.errors import AgentError, AgentGarbled, NoAgent
from covey.model.outside import clean

PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_GARBLED = frozenset({1002, 1003, 1007, 1008, 1009})  # RFC 6455, 7.4.1
_READ = 64 * 1024
_LONGEST_ERROR = 4096
_REFUSED = ("connection refused", "connect: ", "no such host", "failed to connect")  # socat has a capital letter
_GOODBYE = 1.0  # seconds that closing may take


class PortStream(ByteStream):
    """network: the opened socket (read, write). title: of the target, for messages. release: gives the socket back."""

    def __init__(self, network: Any, title: str, port: int, release: Callable[[], Any]) -> None:
        from wsproto.connection import Connection, ConnectionType

        self._network, self._title, self._port = network, title, port
        self._release = release
        self._frames = Connection(ConnectionType.CLIENT)
        self._channel: int | None = None  # of the message being read
        self._prefix = {_DATA: 2, _ERROR: 2}  # bytes of the port's number still to come
        self._data, self._error = bytearray(), bytearray()
        self._ended = self._closed = self._sent_all = False
        self._reading, self._writing = anyio.Lock(), anyio.Lock()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """EndOfStream at the other side's end; NoAgent when nothing listens, AgentError when the way there broke."""
        async with self._reading:
            while not self._data and not self._ended:
                if self._closed:
                    raise anyio.ClosedResourceError
                await self._more()
        if self._data:
            part = bytes(self._data[:max_bytes])
            del self._data[:max_bytes]
            return part
        if self._error:
            raise self._told()
        raise anyio.EndOfStream

    async def send(self, item: bytes) -> None:
        """BrokenResourceError when the other side has gone; the reason comes from `receive`."""
        from wsproto.events import BytesMessage

        if self._closed or self._sent_all:
            raise anyio.ClosedResourceError
        if self._ended:
            raise anyio.BrokenResourceError
        view = memoryview(item)
        for start in range(0, len(view), _READ):
            await self._write(BytesMessage(data=bytes([_DATA]) + bytes(view[start : start + _READ])))

    async def send_eof(self) -> None:
        """No more from our side; the protocol cannot say so to the other."""
        self._sent_all = True

    async def aclose(self) -> None:
        """Say goodbye, not for long, and give the socket back."""
        from wsproto.events import CloseConnection

        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_GOODBYE):
                try:
                    if not self._ended:
                        await self._write(CloseConnection(code=1000))
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    pass  # it has gone already
                await self._release()

    async def _more(self) -> None:
        """Read once from the socket and sort what came."""
        import httpcore2
        from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
        from wsproto.utilities import RemoteProtocolError

        try:
            part = await self._network.read(_READ)
        except httpcore2.NetworkError:
            part = b""
        if not part:
            self._ended = True
            if not self._error:
                raise anyio.BrokenResourceError  # a tunnel that ends says so first
            return
        try:
            self._frames.receive_data(part)
            for event in self._frames.events():
                if isinstance(event, BytesMessage):
                    self._sort(bytes(event.data), last=event.message_finished)
                elif isinstance(event, Ping):
                    await self._write(event.response())
                elif isinstance(event, CloseConnection):
                    self._ended = True
                    if event.code in _GARBLED:  # what the library says of a frame it cannot read, too
                        raise AgentGarbled(f"{self._title}: the port-forward is garbled: {clean(str(event.reason))}")
                elif isinstance(event, TextMessage):
                    raise AgentGarbled(f"{self._title}: the API server sends text through a port-forward")
        except RemoteProtocolError as error:
            self._ended = True
            raise AgentGarbled(f"{self._title}: the port-forward is garbled: {clean(str(error))}") from error

    def _sort(self, data: bytes, *, last: bool) -> None:
        if self._channel is None and data:
            self._channel, data = data[0], data[1:]
        channel = self._channel
        if last:
            self._channel = None
        if channel not in self._prefix:
            return
        skip = min(self._prefix[channel], len(data))
        self._prefix[channel] -= skip
        if channel == _DATA:
            self._data += data[skip:]
        else:
            self._error += data[skip:][: max(0, _LONGEST_ERROR - len(self._error))]
            self._ended = self._ended or bool(self._error)

    def _told(self) -> AgentError:
        said = clean(self._error.decode("utf-8", "replace"))
        if any(word in said.lower() for word in _REFUSED):
            return NoAgent(f"{self._title}: nothing listens on port {self._port}")
        return AgentError(f"{self._title}: the port-forward failed: {said[:300]}")

    async def _write(self, event: Any) -> None:
        import httpcore2
        from wsproto.utilities import LocalProtocolError

        async with self._writing:
            try:
                await self._network.write(self._frames.send(event))
            except (httpcore2.NetworkError, LocalProtocolError) as error:
                raise anyio.BrokenResourceError from error
