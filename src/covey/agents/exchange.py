"""One question to an agent and its answer, within the bounds of `Limits`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from covey import web
from covey.agents.base import Channel, Limits
from covey.errors import AgentDenied, RemoteError

SMALL = 2**20  # bytes: enough for every answer but a capture
AGENTS = ("x-covey-agent", "x-art-coverage-server")  # headers: every answer of an agent with a token has one
BUSY = 2  # captures looked into at once: each may build much more than it is long

_T = TypeVar("_T")


async def ask(
    channel: Channel,
    port: int,
    path: str,
    limits: Limits,
    *,
    method: str = "GET",
    token: str = "",
    body: bytes | None = None,
    most: int = SMALL,
    known: bool = False,
) -> web.Reply:
    """What the port answers, whatever the status. NoAgent when nothing listens, AgentTimeout, AgentGarbled, AgentError.

    token: shown only to an agent that answers 401 without it, one by its headers or `known` to be one: what else
    listens in a pod is asked too. most: bytes of the answer; agents send nothing packed, so that this bounds the
    memory too. A 401 is not yet an error here: who knows whether it is an agent that says so; see `check_access`.
    """
    reply = await _once(channel, port, path, limits, method, "", body, most)
    if token and reply.status == 401 and (known or any(reply.headers.get(name) for name in AGENTS)):
        return await _once(channel, port, path, limits, method, token, body, most)
    return reply


async def _once(
    channel: Channel, port: int, path: str, limits: Limits, method: str, token: str, body: bytes | None, most: int
) -> web.Reply:
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if body is not None:
        headers["content-type"] = "application/json"
    most = min(most, limits.body)
    bounds = web.Bounds(limits.seconds, most, most, limits.grow)
    url = f"http://localhost:{port}{path}"
    try:
        async with web.over(channel.connect) as client:
            reply = await web.fetch(client, method, url, headers=headers, body=body, bounds=bounds, errors=web.AGENT)
    except RemoteError as error:
        raise _without(error, token) from None
    return replace(reply, secret=token)


def _without(error: RemoteError, token: str) -> RemoteError:
    """The error; an agent that sends the token back would have it in messages and in the bundle."""
    if token:
        error.what = error.what.replace(token, "***")
        error.args = (error.what,)
    return error


def check_access(reply: web.Reply, port: int, token: str) -> None:
    """AgentDenied for a 401 or 403."""
    if reply.status in (401, 403):
        raise AgentDenied(
            f"the agent on port {port} {'does not accept the token' if token else 'wants a token'}",
            hint="name the file that holds it with --agent-token-file",
        )


_looking: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar("covey.agents.exchange")


async def aside(work: Callable[[], _T]) -> _T:
    """Look into what an agent sent beside the event loop: a hostile one must not keep the others waiting."""
    limiter = _looking.get(None) or anyio.CapacityLimiter(BUSY)
    _looking.set(limiter)
    return await anyio.to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=True)
