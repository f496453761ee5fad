"""Who answers in these pods: the first half of a collection, which takes nothing and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covey.agents.base import Identity
from covey.flows.pods import How, Visit, pods_of
from covey.flows.sweep import Sweep
from covey.model.manifest import Failure
from covey.model.provenance import Target


@dataclass(frozen=True, slots=True)
class Answered:
    """agents: (container, who answers for it), as they answered. failures: of pods where nobody did, or not all."""

    agents: tuple[tuple[Target, Identity], ...]
    failures: tuple[Failure, ...]


async def probe(targets: Sequence[Target], how: How) -> Answered:
    """Ask every agent of every target who it is."""
    agents: list[tuple[Target, Identity]] = []
    failures: list[Failure] = []

    async def note(visit: Visit) -> None:
        agents.append((visit.target, visit.who))

    async def fail(failure: Failure) -> None:
        failures.append(failure)

    await Sweep(how, note, fail, lambda _: None).run(pods_of(targets))
    return Answered(tuple(agents), tuple(failures))
