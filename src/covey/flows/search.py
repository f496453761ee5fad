"""Find every agent of one pod by asking its ports, few at a time and only as far as needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Literal

import anyio
from anyio.abc import TaskGroup

from covey.agents.base import Agent, Channel, Identity
from covey.errors import AgentDenied, ClusterDenied, CoveyError, NoAgent, PodGone
from covey.flows.pods import How, PodTargets, Visit, failure_of, persist
from covey.model.manifest import Failure
from covey.model.telling import many

PATIENCE = 2.0  # seconds for the port asked for before the others are tried as well
AT_ONCE = 4  # ports of one pod
WAVE = 3  # ports after the last one that answered: an agent whose port is taken takes the next free one

Answer = Literal["agent", "stranger", "closed", "trouble"]


class Search:
    """One pod's search. visit: called for each agent as soon as it is found. notes, so_far: for people."""

    def __init__(
        self,
        how: How,
        pod: PodTargets,
        channel: Channel,
        visit: Callable[[Visit], Awaitable[None]],
        fail: Callable[[Failure], Awaitable[None]],
    ) -> None:
        self._how, self._pod, self._visit, self._fail = how, pod, visit, fail
        self._channel = channel
        self._asked = pod.port or how.port
        self._answers: dict[int, Answer] = {}
        self._neighbours: tuple[int, ...] | None = None
        self._trouble: CoveyError | None = None
        self._lost: CoveyError | None = None  # the way to the pod itself: no port of it can be asked any more
        self._scope = anyio.CancelScope()
        self._denied = self._agents = 0
        self._places = anyio.Semaphore(AT_ONCE)
        self.notes: list[str] = []

    @property
    def so_far(self) -> str:
        """What was found until now, as the end of a sentence."""
        return f"; {many(self._agents, 'agent was', 'agents were')} found in it" if self._agents else ""

    async def run(self) -> None:
        """Search, and visit what is found. A pod without any agent is a failure, named once."""
        async with anyio.create_task_group() as group:
            self._scope = group.cancel_scope
            answered = anyio.Event()
            group.start_soon(self._port, self._asked, answered)
            with anyio.move_on_after(PATIENCE):
                await answered.wait()
            if self._how.neighbours and not self._pod.port:
                await self._beside(group)
            await answered.wait()
        if self._lost:
            await self._fail(failure_of(self._pod.name, self._lost))
        elif not self._agents and not self._denied:
            await self._fail(self._nothing())

    async def _beside(self, group: TaskGroup) -> None:
        """The asked port's neighbours, then the old protocols' ports; all of them only when nothing is found."""
        known = {port for agent in self._how.agents for port in agent.ports}
        if self._neighbours is not None:
            await self._wave(group, [port for port in self._neighbours if port in known])
            if self._asked not in known:  # it tells of the usual ports only
                await self._follow(group, self._range(self._asked))
            return
        starts = dict.fromkeys([self._asked, *(min(agent.ports) for agent in self._how.agents), 53700])
        for start in starts:
            await self._follow(group, self._range(start))
        clear = self._answers.get(self._asked) in ("closed", "stranger")
        if clear and not self._agents and not self._denied:
            await self._wave(group, sorted(known))

    def _range(self, start: int) -> range:
        return range(start, min(start + 50, 65536))

    async def _follow(self, group: TaskGroup, ports: Sequence[int]) -> None:
        """Ports from the first on, until a few in a row are closed."""
        at = 0
        while at < len(ports):
            wave = ports[at : at + WAVE]
            await self._wave(group, wave)
            if all(self._answers.get(port) in (None, "closed") for port in wave):
                return
            at += WAVE

    async def _wave(self, group: TaskGroup, ports: Iterable[int]) -> None:
        waiting = []
        for port in ports:
            if port not in self._answers and port != self._asked:
                waiting.append(anyio.Event())
                group.start_soon(self._port, port, waiting[-1])
        for answered in waiting:
            await answered.wait()

    async def _port(self, port: int, answered: anyio.Event) -> None:
        """Ask one port who it is, say so by `answered`, and visit it when it is an agent."""
        found = None
        async with self._places:
            try:
                found = await self._identify(port)
                self._answers[port] = "agent" if found else "stranger"
            except NoAgent:
                self._answers[port] = "closed"
            except CoveyError as error:
                self._answers[port] = "trouble"
                await self._note_trouble(port, error)
            finally:
                if port == self._asked and found:
                    self._neighbours = found[1].neighbours
                answered.set()
        if found:
            await self._greet(*found)

    async def _note_trouble(self, port: int, error: CoveyError) -> None:
        """An agent that wants a token is one; of a neighbour that speaks something else nobody asked."""
        if isinstance(error, (PodGone, ClusterDenied)):
            self._lost = error
            self._scope.cancel()
        elif isinstance(error, AgentDenied):
            self._denied += 1
            await self._fail(failure_of(self._pod.name, error))
        elif port == self._asked:
            self._trouble = error
        else:
            self.notes.append(f"{self._pod.name}: port {port} was passed over: {error.what}")

    async def _identify(self, port: int) -> tuple[Agent, Identity] | None:
        for agent in self._how.agents:
            who = await persist(partial(agent.identify, self._channel, port, self._how.token, self._how.limits))
            if who is not None:
                return agent, who
        return None

    async def _greet(self, agent: Agent, who: Identity) -> None:
        if self._pod.is_foreign(who):
            self.notes.append(f"{self._pod.name}: the agent on port {who.port} is of another pod ({who.pod_uid})")
            return
        target = self._pod.owner(who)
        if target is None:
            self.notes.append(
                f"{self._pod.name}: the agent on port {who.port} is of container {who.container}, not asked for"
            )
            return
        self._agents += 1
        if not who.container and len(self._pod.targets) > 1:
            self.notes.append(
                f"{self._pod.name}: the agent on port {who.port} names no container; taken for {target.container}"
            )
        await self._visit(Visit(target, agent, who, self._channel))

    def _nothing(self) -> Failure:
        error = self._trouble or NoAgent(
            f"no coverage agent answers on port {self._asked}" + ("" if self._pod.port else " nor on its neighbours"),
            hint="is the program started under an agent? `covey agent python` shows how; --port names another port",
        )
        return failure_of(self._pod.name, error)
