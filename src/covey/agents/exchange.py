"""One question to an agent and its answer, within the bounds of `Limits`."""

from __future__ import annotations

from covey import web
from covey.agents.base import Channel, Limits
from covey.errors import AgentDenied


async def ask(
    channel: Channel,
    port: int,
    path: str,
    limits: Limits,
    *,
    method: str = "GET",
    token: str = "",
    body: bytes | None = None,
) -> web.Reply:
    """What the port answers, whatever the status. NoAgent when nothing listens, AgentTimeout, AgentGarbled, AgentError.

    A 401 is not yet an error here: who knows whether it is an agent that says so; see `check_access`.
    """
    headers = {"accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if body is not None:
        headers["content-type"] = "application/json"
    bounds = web.Bounds(limits.seconds, limits.body, limits.decoded)
    async with web.over(channel.connect) as client:
        url = f"http://localhost:{port}{path}"
        return await web.fetch(client, method, url, headers=headers, body=body, bounds=bounds, errors=web.AGENT)


def check_access(reply: web.Reply, port: int, token: str) -> None:
    """AgentDenied for a 401 or 403."""
    if reply.status in (401, 403):
        raise AgentDenied(
            f"the agent on port {port} {'does not accept the token' if token else 'wants a token'}",
            hint="name the file that holds it with --agent-token-file",
        )
