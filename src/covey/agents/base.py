"""The seam of the agents room: how the collector talks to whatever records in a process.

An agent gets a `Channel`, never a pod: where the bytes go (a port-forward, kubectl, a plain socket) is not its concern.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from anyio.abc import ByteStream


class Channel(Protocol):
    """A way into one pod or host. Whatever fails is an AgentError or ClusterError."""

    async def connect(self, port: int) -> ByteStream:
        """A byte stream to a TCP port on the target's loopback. NoAgent when nothing listens there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one agent may send. Bytes and seconds. decoded: of what a dump unfolds to, kept nowhere. grow: is
    told how large an answer becomes, and waits until there is room for it beside the others."""

    body: int = 64 * 2**20
    decoded: int = 256 * 2**20
    seconds: float = 30.0
    grow: Callable[[int], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers on a port. Everything unknown is "" or None.

    protocol: "covey", "9095" or "53700". container: the container's name where the agent can tell (a pod's containers
    share its ports). pod_uid: as the kubelet knows the pod it runs in (pods of the host's network share all ports of
    their node). neighbours: other ports on which something listens, where the agent can tell; else None.
    """

    port: int
    protocol: str
    agent: str = ""
    language_version: str = ""
    pid: int = 0
    boot_id: str = ""
    container: str = ""
    pod_uid: str = ""
    commit: str = ""
    repository: str = ""
    neighbours: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    """A window begun. epoch: its number, for `capture(since=...)`, or when it began, in milliseconds since 1970, where
    the agent does not number them; 0 where none was begun. warnings: processes that could not be reached."""

    epoch: int = 0
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RawCapture:
    """What an agent gave, as it came. files: plain name -> bytes, names already checked and made by covey.

    format: the name of the format that reads the files. processes: {"pid", "started", "epoch"} of each CaptureId, and
    "folded", how many other ended processes are in it, where there are any.
    """

    agent: str
    format: str
    files: Mapping[str, bytes]
    processes: Sequence[Mapping[str, int | str]] = ()
    warnings: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


class Agent(Protocol):
    """One kind of agent. `ports` are those it is looked for on, in order of preference."""

    name: str
    ports: Sequence[int]

    async def identify(self, channel: Channel, port: int, token: str, limits: Limits) -> Identity | None:
        """Who answers on the port, or None when it is not one of this kind. Changes nothing there."""

    async def capture(
        self, channel: Channel, who: Identity, token: str, test: str, limits: Limits, since: int = 0
    ) -> RawCapture:
        """Everything recorded so far, cumulatively where the agent can. Changes nothing there.

        since: an epoch that `reset` gave; what ran in it and later. An agent without epochs gives what it has, as of
        this epoch.
        """

    async def reset(self, channel: Channel, who: Identity, token: str, name: str, limits: Limits) -> Reset:
        """Close the window, under `name` unless that is "", and begin the next. AgentError when the agent cannot."""
