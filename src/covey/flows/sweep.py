"""Visit every agent of many pods: all at once within bounds, each pod with its own deadline, none costing the others.

A pod's containers share its ports, so agents are looked for in the pod and then told apart by what they say of
themselves. The port asked for comes first; the neighbours follow, since an agent that finds its port taken takes the
next free one. Nothing is executed in a container.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio

from covey.errors import CoveyError
from covey.flows.pods import How, PodTargets, Visit, failure_of
from covey.flows.search import Search
from covey.model.manifest import Failure


@dataclass(frozen=True, slots=True)
class Progress:
    """done of total pods; `pod` is the last one dealt with."""

    done: int
    total: int
    pod: str = ""


Act = Callable[[Visit], Awaitable[None]]
Tell = Callable[[Progress], None]


class Sweep:
    """One sweep. act: what to do with each agent; its CoveyErrors become failures of that target. fail: is told of each
    failure as it happens. notes: what is worth knowing but no failure, pod by pod."""

    def __init__(self, how: How, act: Act, fail: Callable[[Failure], Awaitable[None]], tell: Tell) -> None:
        self.how, self.act, self.tell = how, act, tell
        self._fail = fail
        self.notes: list[str] = []
        self._places = anyio.Semaphore(how.concurrency)

    async def run(self, pods: Sequence[PodTargets]) -> None:
        """Visit all. What is unfinished at the overall timeout fails with the reason "deadline", when cancelled with
        "interrupted"; the cancellation then goes on."""
        unfinished = {pod.name: pod for pod in pods}
        total = len(pods)
        self.tell(Progress(0, total))

        async def visit(pod: PodTargets) -> None:
            async with self._places:
                await self._pod(pod)
            del unfinished[pod.name]
            self.tell(Progress(total - len(unfinished), total, pod.name))

        try:
            with anyio.move_on_after(self.how.timeout):
                async with anyio.create_task_group() as group:
                    for pod in pods:
                        group.start_soon(visit, pod)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._give_up(unfinished, "interrupted", "covey was interrupted before it was finished", "")
            raise
        what = f"it was not finished when the overall {self.how.timeout:g} s were over"
        await self._give_up(unfinished, "deadline", what, "give more time with --timeout")

    async def _give_up(self, unfinished: dict[str, PodTargets], reason: str, what: str, hint: str) -> None:
        for name in unfinished:
            await self._fail(Failure(name, reason, what, hint))

    async def _pod(self, pod: PodTargets) -> None:
        try:
            async with self.how.channels(pod.targets[0]) as channel:
                await self._search(Search(self.how, pod, channel, self._visit, self._fail), pod)
        except CoveyError as error:
            await self._fail(failure_of(pod.name, error))

    async def _search(self, search: Search, pod: PodTargets) -> None:
        seconds = self.how.limits.seconds
        with anyio.move_on_after(seconds) as scope:
            await search.run()
        self.notes += search.notes
        if scope.cancelled_caught:
            what = f"it was not finished within its {seconds:g} s{search.so_far}"
            await self._fail(Failure(pod.name, "agent-timeout", what, "see what keeps its process from answering"))

    async def _visit(self, visit: Visit) -> None:
        try:
            await self.act(visit)
        except CoveyError as error:
            await self._fail(failure_of(visit.target.name, error))
