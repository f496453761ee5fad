"""The 9095 protocol (go/py/node-coverage-http) and the 53700 one (OpenShift ART, coverport); they differ in identity.

Both answer `/coverage` with base64 in JSON; what it is, is told by the decoded bytes (covey.agents.decoded). Nothing
here signals a process or restarts a worker, as coverport does to old Python agents: that would change the application.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import quote

import msgspec

from covey import web
from covey.agents import decoded, exchange
from covey.agents.base import Channel, Identity, Limits, RawCapture, Reset
from covey.errors import AgentError, AgentGarbled
from covey.model.outside import clean, without_credentials

PORTS = (*range(9095, 9145), *range(53700, 53750))
ART = "x-art-coverage-"
HEALTHY = b"coverage server healthy"  # what the Go and Rust agents answer to /health


class _Health(msgspec.Struct):
    status: str
    coverage_enabled: bool


class _Coverage(msgspec.Struct):
    """Every field that any of the four languages' agents sends and that is used; base64 is undone on the way."""

    coverage_data: bytes = b""
    profraw_data: bytes = b""
    meta_data: bytes = b""
    counters_data: bytes = b""
    counters_filename: str = ""
    message: str = ""


class LegacyAgent:
    """The client of both old protocols, to agents of Go, Python, Node and Rust, other people's included."""

    name = "legacy"
    ports: Sequence[int] = PORTS

    async def identify(self, channel: Channel, port: int, token: str, limits: Limits) -> Identity | None:
        # Not HEAD: the old Node agent answers it by taking, and so forgetting, what was recorded.
        reply = await exchange.ask(channel, port, "/health", limits, token=token)
        headers = reply.headers
        art = bool(headers.get(ART + "server"))
        if headers.get("x-covey-agent") or not (art or _is_healthy(reply)):
            return None
        exchange.check_access(reply, port, token)
        pid = headers.get(ART + "pid", "")
        return Identity(
            port=port,
            protocol="53700" if art else "9095",
            agent=clean(headers.get(ART + "binary", "").rpartition("/")[2])[:200],
            pid=int(pid) if pid.isascii() and pid.isdigit() and len(pid) < 10 else 0,
            commit=clean(headers.get(ART + "source-commit", ""))[:200],
            repository=without_credentials(clean(headers.get(ART + "source-url", "")))[:1000],
        )

    async def capture(
        self,
        channel: Channel,
        who: Identity,
        token: str,
        test: str,
        limits: Limits,
        since: int = 0,
    ) -> RawCapture:
        path = f"/coverage?name={quote(test, safe='')}"
        reply = await exchange.ask(channel, who.port, path, limits, token=token, known=True, most=limits.body)
        exchange.check_access(reply, who.port, token)
        if reply.status != 200:
            raise AgentError(
                f"the agent on port {who.port} answers {reply.status}: {reply.text}",
                hint="a Go program has to be built with -cover -covermode=atomic" if reply.status == 500 else "",
            )
        got = await exchange.aside(partial(decode, reply.body, who, limits))
        started = f"port {who.port}"  # nothing better tells two agents of one container apart
        now = _now()
        # What is given once only is a recording of its own; since when the rest counts, only who has reset it knows.
        epoch = now if got.delta else since or -now
        processes: list[Mapping[str, int | str]] = [{"pid": who.pid, "started": started, "epoch": epoch}]
        warnings = ["this agent forgets what it has given: keep every capture"] if got.delta else []
        return RawCapture(who.agent or "legacy", got.format, got.files, processes, warnings)

    async def reset(
        self,
        channel: Channel,
        who: Identity,
        token: str,
        name: str,  # noqa: ARG002 - its windows have no names
        limits: Limits,
    ) -> Reset:
        reply = await exchange.ask(channel, who.port, "/coverage/reset", limits, token=token, known=True)
        exchange.check_access(reply, who.port, token)
        if reply.status == 404:
            raise AgentError(
                f"the agent on port {who.port} cannot be reset",
                hint="restart the process, or put covey's agent into the image",
            )
        if reply.status != 200:
            raise AgentError(f"the agent on port {who.port} answers {reply.status} to a reset: {reply.text}")
        if reply.body.startswith(b"Deleted "):
            return Reset(0, ("it deleted its files, but goes on counting from before",))
        return Reset(_now())


AGENT = LegacyAgent()


def decode(body: bytes, who: Identity, limits: Limits) -> decoded.Decoded:
    """What a reply to `/coverage` holds. AgentGarbled when it is none, AgentError when it holds nothing."""
    try:
        sent = msgspec.json.decode(body, type=_Coverage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AgentGarbled(
            f"the agent on port {who.port} sends what is no coverage: {clean(str(error))[:200]}"
        ) from None
    if sent.meta_data or sent.counters_data:
        return decoded.go(sent.meta_data, sent.counters_data, sent.counters_filename, who.pid)
    data = sent.coverage_data or sent.profraw_data
    if not data or data.strip() == b"{}":
        said = f": {clean(sent.message)[:200]}" if sent.message else ""
        raise AgentError(
            f"the agent on port {who.port} has no coverage to give{said}",
            hint="agents that read files see a process only after it has ended; covey's agent sees it while it runs",
        )
    return decoded.one(data, who.pid, limits.decoded)


def _now() -> int:
    """Milliseconds since 1970, which number what an agent without epochs has recorded."""
    return int(time.time() * 1000)


def _is_healthy(reply: web.Reply) -> bool:
    if reply.status != 200:
        return False
    if reply.body.strip() == HEALTHY:
        return True
    try:
        return msgspec.json.decode(reply.body, type=_Health).coverage_enabled
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
