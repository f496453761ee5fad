"""covey's own wire, version 1 (docs/reference/wire.md): what the Python agent speaks, and any other that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from covey.agents import checked, exchange
from covey.agents.base import Channel, Identity, Limits, RawCapture, Reset
from covey.errors import AgentError, AgentGarbled
from covey.model.outside import clean, without_credentials
from covey.model.telling import many

PORTS = range(9095, 9145)
CAPTURE = "capture.json"


class _Identity(msgspec.Struct):
    """Of `covey.identity/1`, what is used. ports: what listens beside it, where the agent can tell."""

    schema: str
    agent: str
    boot_id: str = ""
    pid: int = 0
    language_version: str = ""
    container: str | None = None
    pod_uid: str | None = None
    commit: str | None = None
    repository: str | None = None
    ports: list[int] | None = None


class _Epoch(msgspec.Struct):
    schema: str
    epoch: int
    late: list[dict[str, int | str]] = []


class CoveyAgent:
    """The client of covey's wire. Cumulative: collecting twice, or after a lost answer, changes nothing."""

    name = "python"
    ports: Sequence[int] = PORTS

    async def identify(self, channel: Channel, port: int, token: str, limits: Limits) -> Identity | None:
        reply = await exchange.ask(channel, port, "/covey/1/identity", limits, token=token)
        if not reply.headers.get("x-covey-agent"):
            return None
        exchange.check_access(reply, port, token)
        if reply.status != 200:
            raise AgentGarbled(f"the agent on port {port} answers {reply.status} to who it is: {reply.text}")
        who = checked.decode(reply.body, _Identity, "covey.identity/1", port)
        return Identity(
            port=port,
            protocol="covey",
            agent=_word(who.agent),
            language_version=_word(who.language_version),
            pid=who.pid if 0 <= who.pid < 2**31 else 0,
            boot_id=_word(who.boot_id),
            container=clean(who.container or "")[:253],
            pod_uid=_word(who.pod_uid or ""),
            commit=_word(who.commit or ""),
            repository=without_credentials(clean(who.repository or ""))[:1000],
            neighbours=None if who.ports is None else tuple(p for p in who.ports[:200] if 0 < p < 65536 and p != port),
        )

    async def capture(
        self,
        channel: Channel,
        who: Identity,
        token: str,
        test: str,  # noqa: ARG002 - it is in the manifest; this wire has no place for it
        limits: Limits,
        since: int = 0,
    ) -> RawCapture:
        path = "/covey/1/capture" + (f"?since={since}" if since else "")
        reply = await exchange.ask(channel, who.port, path, limits, token=token, known=True, most=limits.body)
        exchange.check_access(reply, who.port, token)
        if reply.status != 200:
            raise AgentError(f"the agent on port {who.port} answers {reply.status}: {reply.text}")
        found = await exchange.aside(partial(checked.check, reply.body, who.port))
        # Captures from different epochs on hold different things, so neither may replace the other.
        processes: list[Mapping[str, int | str]] = [
            _process(one, since) for one in found.processes if 0 <= one.pid < 2**31 and 0 <= one.epoch < 2**31
        ]
        warnings = [clean(text)[:500] for text in found.warnings[:20]]
        incomplete = sum(not one.complete for one in found.processes)
        if incomplete:
            told = many(incomplete, "process", "processes")
            warnings.append(f"{told} could not record everything: the spool was full")
        return RawCapture(_word(found.agent), "segments", {CAPTURE: reply.body}, processes, warnings)

    async def reset(self, channel: Channel, who: Identity, token: str, name: str, limits: Limits) -> Reset:
        body = json.dumps({"name": name} if name else {}).encode()
        reply = await exchange.ask(
            channel, who.port, "/covey/1/epoch", limits, method="POST", token=token, known=True, body=body
        )
        exchange.check_access(reply, who.port, token)
        if reply.status != 200:
            raise AgentError(f"the agent on port {who.port} answers {reply.status} to a reset: {reply.text}")
        closed = checked.decode(reply.body, _Epoch, "covey.epoch/1", who.port)
        late = [clean(str(one.get("pid", "?")))[:20] for one in closed.late[:20]]
        warnings = (f"processes {', '.join(late)} have not yet begun the new window",) if late else ()
        return Reset(closed.epoch, warnings)


AGENT = CoveyAgent()


def _process(one: checked.Process, since: int) -> dict[str, int | str]:
    told: dict[str, int | str] = {"pid": one.pid, "started": clean(one.started)[:40], "epoch": since or one.epoch}
    if 0 < one.folded < 2**32:
        told["folded"] = one.folded
    return told


def _word(text: str) -> str:
    return clean(text)[:200]
