"""An HTTP transport whose connections are byte streams of somebody else's making: no address, no local port."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio
import httpcore2
import httpx2
from anyio.abc import ByteStream


def through(connect: Callable[[int], Awaitable[ByteStream]]) -> httpx2.AsyncHTTPTransport:
    """A transport that dials every address by `connect(its port)`; what `connect` raises comes out unchanged."""
    return _Transport(connect)


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, connect: Callable[[int], Awaitable[ByteStream]]) -> None:
        # The parent's constructor would load the machine's certificates, 20 ms for nothing; what it sets is the pool.
        self._pool = httpcore2.AsyncConnectionPool(
            network_backend=_Backend(connect), max_connections=None, max_keepalive_connections=0
        )


class _Backend(httpcore2.AsyncNetworkBackend):
    def __init__(self, connect: Callable[[int], Awaitable[ByteStream]]) -> None:
        self._connect = connect

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                return _Stream(await self._connect(port))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection within {timeout} s") from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class _Stream(httpcore2.AsyncNetworkStream):
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        try:
            with anyio.fail_after(timeout):
                return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(f"nothing came within {timeout} s") from error
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise httpcore2.ReadError("the connection broke") from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if not buffer:
            return
        try:
            with anyio.fail_after(timeout):
                await self._stream.send(buffer)
        except TimeoutError as error:
            raise httpcore2.WriteTimeout(f"nothing was taken within {timeout} s") from error
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise httpcore2.WriteError("the connection broke") from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        from anyio.streams.tls import TLSStream

        try:
            with anyio.fail_after(timeout):
                stream = await TLSStream.wrap(
                    self._stream, hostname=server_hostname, ssl_context=ssl_context, standard_compatible=False
                )
        except (TimeoutError, anyio.BrokenResourceError, anyio.EndOfStream, ssl.SSLError) as error:
            await self.aclose()
            raise httpcore2.ConnectError(f"TLS: {error}") from error
        return _Stream(stream)
