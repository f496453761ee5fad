"""What a sweep is told: pods, each with the containers asked for, how to reach them, what to look for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import anyio

from covey.agents.base import Agent, Channel, Identity, Limits
from covey.errors import (
    AgentDenied,
    AgentError,
    AgentGarbled,
    AgentTimeout,
    ClusterDenied,
    ClusterError,
    CoveyError,
    NoAgent,
    PodGone,
    UsageError,
)
from covey.model.manifest import Failure
from covey.model.provenance import Target

TRIES, PAUSE = 3, 0.25  # PAUSE: seconds before the second try; then twice as long each time
_FINAL = (AgentDenied, AgentGarbled, AgentTimeout, ClusterDenied, NoAgent, PodGone)
_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_T = TypeVar("_T")


@dataclass(frozen=True)
class How:
    """agents: in the order in which they are asked whether they know a port. channels: a way into a target's pod.

    port: asked for first; neighbours: whether others are asked as well. token: for all agents, or "". limits: of one
    agent; its seconds are also a pod's deadline. concurrency: pods at once. timeout: seconds for everything.
    """

    agents: Sequence[Agent]
    channels: Callable[[Target], AbstractAsyncContextManager[Channel]]
    port: int = 9095
    neighbours: bool = True
    token: str = ""
    limits: Limits = field(default_factory=Limits)
    concurrency: int = 32
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class PodTargets:
    """Containers that share their ports. name: as people know it. port: the only one, for a target named by address."""

    name: str
    targets: tuple[Target, ...]
    port: int = 0

    def owner(self, who: Identity) -> Target | None:
        """The container an agent speaks for: the one it names, None when that one was not asked for. One that names
        none speaks for the first."""
        if not who.container:
            return self.targets[0]
        return next((one for one in self.targets if one.container in (who.container, "")), None)

    def is_foreign(self, who: Identity) -> bool:
        """Whether an agent surely speaks for another pod, as one of the host's network may that is asked in this one.

        The kubelet knows a static pod by a hash of its manifest and the API server by the uid of its mirror, so only
        what is a uid of the API server's can be compared."""
        known = {target.pod_uid for target in self.targets}
        return bool(_UID.fullmatch(who.pod_uid)) and all(known) and who.pod_uid not in known


@dataclass(frozen=True, slots=True)
class Visit:
    """An agent found. target: the container it speaks for."""

    target: Target
    agent: Agent
    who: Identity
    channel: Channel


def pods_of(targets: Iterable[Target]) -> tuple[PodTargets, ...]:
    """Targets by pod, in the order they came; each address is one by itself."""
    found: dict[tuple[str, ...], list[Target]] = {}
    for target in targets:
        found.setdefault((target.url, target.namespace, target.pod, target.pod_uid), []).append(target)
    return tuple(_pod(tuple(together)) for together in found.values())


def _pod(targets: tuple[Target, ...]) -> PodTargets:
    first = targets[0]
    if first.url:
        return PodTargets(first.name, targets, address(first.url)[1])
    return PodTargets(first.name if len(targets) == 1 else f"{first.namespace}/{first.pod}", targets)


def address(url: str) -> tuple[str, int]:
    """Host and port of an agent's address: "host:port", "http://host:port", also with the path /coverage.

    Where no port is named it is that of the scheme, or 9095 without a scheme. UsageError for what is no address.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")  # a name that no resolver takes
    except ValueError:  # a UnicodeError too
        host = port = None
    usual = {"http": 80 if "://" in url else 9095, "https": 443}
    if not host or parts.scheme not in usual or parts.path.rstrip("/") not in ("", "/coverage"):
        raise UsageError(f"{url!r} is no agent's address", hint="write it as host:port or http://host:port/coverage")
    return host, port or usual[parts.scheme]


async def persist(call: Callable[[], Awaitable[_T]]) -> _T:
    """What `call` gives, tried again after a pause when the way there broke. Only for what may be asked twice."""
    for attempt in range(TRIES - 1):
        try:
            return await call()
        except (ClusterError, AgentError) as error:
            if isinstance(error, _FINAL):
                raise
        await anyio.sleep(PAUSE * 2**attempt)
    return await call()


def failure_of(target: str, error: CoveyError) -> Failure:
    """An error as a target's failure."""
    return Failure(target, error.slug, error.what, error.hint or "collect again; covey doctor shows what is in reach")
