"""The one HTTP client: deadlines, bounds, retries, redaction; foreign errors become covey's at this door.

What answers may be hostile: a body is read up to a bound on the wire and another after decoding, the whole exchange
has one deadline (a slow drip ends with it), a flood of headers ends at 100 kB. Redirects are reported, not followed.

    async with web.over(channel.connect) as client:
        reply = await web.fetch(client, "GET", "http://localhost:9095/health", bounds=web.Bounds(5, 2**20, 2**20))
"""

from __future__ import annotations

import json
import logging
import random
import re
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from covey.errors import AgentDenied, AgentError, AgentGarbled, AgentTimeout, ConfigError, RemoteError
from covey.model.outside import clean

if TYPE_CHECKING:
    import httpx2
    from anyio.abc import ByteStream

Answer = TypeVar("Answer")
Connect = Callable[[int], Awaitable["ByteStream"]]

ATTEMPTS = 3
TOLD_ATTEMPTS = 10  # where each answer says when to come again; client-go's number
LONGEST_TOLD = 60.0  # seconds; who says longer does not mean us to wait for it
BUSY = frozenset({429, 502, 503, 504})  # worth asking again
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_USERINFO = re.compile(r"(?<=://)[^/?#\s\"']*@")
_SECRETS = re.compile(
    r"(?i)\b((?:bearer|basic)\s+|(?:[\w-]*(?:token|secret|password|passwd|api[-_]?key|signature)[\w-]*)[\"']?\s*[:=]\s*[\"']?)"
    r"[^\s\"'&,;]+"
)


@dataclass(frozen=True, slots=True)
class Errors:
    """What each kind of failure is raised as."""

    failed: type[RemoteError] = RemoteError
    late: type[RemoteError] = RemoteError
    denied: type[RemoteError] = RemoteError
    garbled: type[RemoteError] = RemoteError


REMOTE = Errors()
AGENT = Errors(AgentError, AgentTimeout, AgentDenied, AgentGarbled)


@dataclass(frozen=True, slots=True)
class Bounds:
    """seconds: for the whole exchange, retries included. most: bytes of the body on the wire; decoded: after gzip.
    grow: is told the size that the body is about to have, and may wait until there is room for it."""

    seconds: float = 30.0
    most: int = 64 * 2**20
    decoded: int = 256 * 2**20
    grow: Callable[[int], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status; header names are lower case, repeated ones joined by ", "."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secret: str = field(default="", repr=False)  # what was sent to be let in

    @property
    def text(self) -> str:
        """The beginning of the body, fit for a message: no control characters, no secrets, one line."""
        told = clean(self.body[:1000].decode("utf-8", "replace"))
        return redact(told.replace(self.secret, "***") if self.secret else told)[:200].strip()

    def json(self, errors: Errors = REMOTE) -> Any:
        """The body as JSON; `errors.garbled` when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise errors.garbled(f"the answer is not JSON: {self.text!r}") from error


def redact(text: str) -> str:
    """Text without what looks like a credential: user:password@ in addresses, bearer words, token=... pairs."""
    return _SECRETS.sub(lambda found: found.group(1) + "***", _USERINFO.sub("***@", text))


@asynccontextmanager
async def over(connect: Connect) -> AsyncIterator[httpx2.AsyncClient]:
    """A client each of whose connections is a byte stream from `connect(port)`; for `fetch`.

    Connections are not kept: an agent may be reached by a tunnel that ends with its first answer.
    """
    import httpx2

    from covey.dial import through

    async with httpx2.AsyncClient(transport=through(connect), trust_env=False, timeout=None) as client:
        yield client


@asynccontextmanager
async def client(*, direct: bool = False) -> AsyncIterator[httpx2.AsyncClient]:
    """A client for ordinary addresses, for `fetch`; the usual proxy variables apply unless `direct`. ConfigError where
    they name a proxy that cannot be used."""
    import httpx2

    try:
        plain = httpx2.AsyncClient(timeout=None, trust_env=not direct, verify=not direct)
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise ConfigError(
            f"a proxy of the environment cannot be used: {redact(clean(str(error)))[:200]}",
            hint="write it as http://host:port; a socks5:// one needs `pip install socksio`",
        ) from None  # the cause would tell the URL as it is
    async with plain:
        yield plain


async def fetch(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
    bounds: Bounds | None = None,
    errors: Errors = REMOTE,
) -> Reply:
    """One exchange, tried again when it is safe to repeat and the connection broke or the answer was "busy"."""
    limits = bounds or Bounds()
    where = redact(f"{method} {url}")
    reply: Reply | None = None
    with anyio.move_on_after(limits.seconds):
        wanted = client.build_request(
            method, url, params=params, content=body, headers={"accept-encoding": "gzip", **(headers or {})}
        )
        reply = await patiently(
            lambda: _once(client, wanted, limits, errors, where),
            tries=ATTEMPTS if wanted.method in IDEMPOTENT else 1,
        )
    if reply is None:
        raise errors.late(f"{where}: no whole answer within {limits.seconds:g} s")
    return reply


class Again(Exception):
    """This answer or failure is worth another try; `result` is what stands when there is none. after: the answer's
    Retry-After, "" without one: who is told when to come again is let in then."""

    def __init__(self, result: Any, after: str = "") -> None:
        self.result = result
        self.wait = _seconds(after)


def _seconds(after: str) -> float | None:
    """A Retry-After, which is a number of seconds or a date; None for neither."""
    after = after.strip()
    if after.isascii() and after.isdigit():
        return float(after[:9])
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, (parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):  # a date without a zone is none either
        return None


async def patiently(once: Callable[[], Awaitable[Answer]], *, tries: int = ATTEMPTS, longest: float = 2.0) -> Answer:
    """Repeat what raises Again, waiting 0.1 s, 0.2 s, ... up to `longest` between, with some chance in it; or as long
    as the answer says, where that is not past the deadline, which is then worth more tries.

    When no try is left, the last `result` is raised or returned.
    """
    import stamina

    told = logging.getLogger("stamina")
    if not told.handlers:  # a retry is a matter for whoever set up logging, not for a terminal without it
        told.addHandler(logging.NullHandler())
    tried = 0

    def wait(error: Exception) -> bool | float:
        nonlocal tried
        tried += 1
        if not isinstance(error, Again) or error.wait is None or tries == 1:
            return isinstance(error, Again) and tried < tries
        left = anyio.current_effective_deadline() - anyio.current_time()
        if error.wait >= min(left, LONGEST_TOLD):
            return False
        return error.wait + random.uniform(0.0, 0.2)  # noqa: S311 - only so that not all come back at once

    try:
        async for attempt in stamina.retry_context(
            on=wait,
            attempts=max(tries, TOLD_ATTEMPTS),
            timeout=None,
            wait_initial=0.1,
            wait_max=longest,
            wait_jitter=0.2,
        ):
            with attempt:
                return await once()
    except Again as last:
        if isinstance(last.result, Exception):
            raise last.result from last.__cause__
        kept: Answer = last.result
        return kept
    raise AssertionError("stamina ends by an answer or an error")


async def _once(
    client: httpx2.AsyncClient, wanted: httpx2.Request, limits: Bounds, errors: Errors, where: str
) -> Reply:
    import httpx2

    try:
        response = await client.send(wanted, stream=True, follow_redirects=False)
        try:
            told = {name.lower(): value for name, value in response.headers.items()}
            body = b"" if wanted.method == "HEAD" else await _read(response, told, limits, errors, where)
        finally:
            await response.aclose()
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
        raise errors.failed(f"{where}: {clean(str(error))}") from error
    except httpx2.RemoteProtocolError as error:
        raise _broken(error, errors, where) from error
    except httpx2.HTTPError as error:
        words = redact(clean(str(error))) or type(error).__name__
        raise Again(errors.failed(f"{where}: {words}")) from error
    reply = Reply(response.status_code, told, body)
    if reply.status in BUSY:
        raise Again(reply, told.get("retry-after", ""))
    return reply


def _broken(error: Exception, errors: Errors, where: str) -> Exception:
    """An answer that ends early may be a server that is going away: worth another try. Garbage is not."""
    words = redact(clean(str(error)))[:300]
    garbled = errors.garbled(f"{where}: the answer is not HTTP or breaks off: {words}")
    early = words.startswith(("Server disconnected", "peer closed connection"))
    return Again(garbled) if early else garbled


async def _read(
    response: httpx2.Response, headers: Mapping[str, str], limits: Bounds, errors: Errors, where: str
) -> bytes:
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:19]) > limits.most:
        raise errors.garbled(f"{where}: announces {length[:19]} bytes, more than the {limits.most} allowed")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    whole = bytearray()
    try:
        async for part in _decoded(response.aiter_raw(), encoding, limits):
            if limits.grow:
                await limits.grow(len(whole) + len(part))
            whole += part
            if len(whole) > limits.decoded:
                raise _TooMuch(f"more than {limits.decoded} bytes after decoding")
    except (_TooMuch, zlib.error) as error:
        raise errors.garbled(f"{where}: {error}") from error
    return bytes(whole)


class _TooMuch(Exception):
    pass


async def _decoded(raw: AsyncIterable[bytes], encoding: str, limits: Bounds) -> AsyncIterator[bytes]:
    """The body as it was before transfer. Nothing longer than 1 MiB is made at once, so a bomb is met by the bound."""
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise _TooMuch(f"is encoded as {clean(encoding)[:40]!r}, which was not asked for")
    unzip = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
    got = 0
    async for part in raw:
        got += len(part)
        if got > limits.most:
            raise _TooMuch(f"sends more than the {limits.most} bytes allowed")
        if unzip is None:
            yield part
            continue
        while part:
            yield unzip.decompress(part, 2**20)
            part = unzip.unconsumed_tail  # noqa: PLW2901
    if unzip is not None and got:
        yield unzip.flush()  # what zlib still held back, less than one match
    if unzip is not None and got and not unzip.eof:
        raise _TooMuch("its gzip stream breaks off")
