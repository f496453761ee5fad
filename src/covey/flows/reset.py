"""Begin a new window in running agents. What was recorded before stays: it is in the windows that were closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covey.flows.collect import Epochs, agent_key
from covey.flows.pods import How, Visit, pods_of
from covey.flows.sweep import Sweep, Tell
from covey.model.manifest import Failure
from covey.model.provenance import Target


@dataclass(frozen=True, slots=True)
class WasReset:
    """epochs: of each agent that began a window, which one. done: the targets, one row an agent."""

    epochs: Epochs
    done: tuple[str, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]


async def reset(targets: Sequence[Target], how: How, name: str = "", tell: Tell = lambda _: None) -> WasReset:
    """Close the open window of every agent of every target, under `name` where that is not "".

    It is tried once each: whether a reset whose answer was lost has happened, nobody knows.
    """
    epochs: dict[tuple[object, ...], int] = {}
    done: list[str] = []
    failures: list[Failure] = []
    warnings: list[str] = []

    async def record(failure: Failure) -> None:
        failures.append(failure)

    async def begin(visit: Visit) -> None:
        begun = await visit.agent.reset(visit.channel, visit.who, how.token, name, how.limits)
        done.append(visit.target.name)
        warnings.extend(f"{visit.target.name}: {warning}" for warning in begun.warnings)
        if begun.epoch:
            epochs[agent_key(visit)] = begun.epoch

    sweep = Sweep(how, begin, record, tell)
    await sweep.run(pods_of(targets))
    return WasReset(epochs, tuple(done), tuple(failures), (*sweep.notes, *warnings))
