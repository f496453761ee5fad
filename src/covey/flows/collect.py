"""Bring what running agents have recorded home into a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from covey.agents.base import RawCapture
from covey.errors import NothingCollected
from covey.flows.allowance import LARGE, Allowance
from covey.flows.pods import How, Visit, persist, pods_of
from covey.flows.sweep import Sweep, Tell
from covey.model.journal import Journal
from covey.model.manifest import Capture, Failure, Manifest, Process
from covey.model.provenance import Target

Epochs = Mapping[tuple[object, ...], int]
Origins = Mapping[str, tuple[str, str]]  # (repository, commit)


@dataclass(frozen=True, slots=True)
class Collected:
    """captures, failures: those of this run; the manifest has also what was in the bundle before, and of the failures
    those of targets that this run did not ask for. notes: worth knowing, no failure."""

    manifest: Manifest
    captures: tuple[Capture, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]

    @property
    def earlier(self) -> tuple[Failure, ...]:
        """Failures of earlier runs that are in the bundle still."""
        return tuple(one for one in self.manifest.failures if one not in self.failures)


async def collect(
    targets: Sequence[Target],
    how: How,
    journal: Journal,
    tell: Tell = lambda _: None,
    since: Epochs | None = None,
    failures: Sequence[Failure] = (),
    origins: Origins | None = None,
) -> Collected:
    """Ask every agent of every target and finish the bundle, whatever happens on the way.

    since: of each agent (`agent_key`), the epoch from which on it is asked; all of it where there is none.
    failures: what went wrong before, for the record. origins: of targets by name, where an agent does not tell.
    When cancelled, the bundle is finished with what was collected and the cancellation goes on. An agent's trouble is a
    failure in the manifest, never an exception.
    """
    taken: dict[str, Capture] = {}
    failed: dict[Failure, None] = {}
    writing, places = anyio.Lock(), anyio.Semaphore(LARGE)

    async def record(failure: Failure) -> None:
        failed[failure] = None
        async with writing:
            await anyio.to_thread.run_sync(journal.fail, failure)

    async def take(visit: Visit) -> None:
        epoch = (since or {}).get(agent_key(visit), 0)
        async with Allowance(places) as allowance:
            limits = replace(how.limits, grow=allowance.grow)
            capture = partial(visit.agent.capture, visit.channel, visit.who, how.token, journal.test, limits, epoch)
            raw = await persist(capture)
            entry = _entry(visit, raw, (origins or {}).get(visit.target.name, ("", "")))
            async with writing:
                entry = await anyio.to_thread.run_sync(journal.add, entry, raw.files)
        taken[entry.directory] = entry

    sweep = Sweep(how, take, record, tell)
    try:
        for failure in failures:
            await record(failure)
        await sweep.run(pods_of(targets))
    finally:
        with anyio.CancelScope(shield=True):
            manifest = await anyio.to_thread.run_sync(journal.finish)
    return Collected(manifest, tuple(taken.values()), tuple(failed), tuple(sweep.notes))


def check(collected: Collected) -> None:
    """NothingCollected when this run brought nothing, with the last reason."""
    if not collected.captures:
        last = next(reversed(collected.failures), Failure("", ""))
        raise NothingCollected(
            f"nothing was collected{': ' if last.what else ''}{last.what}", hint=last.hint or "see `covey doctor`"
        )


def agent_key(visit: Visit) -> tuple[object, ...]:
    """What an agent's epochs belong to: a container that restarts begins anew, and so does everything in it."""
    target = visit.target
    return (target.pod_uid or target.name, target.container, target.container_id, target.restart, visit.who.port)


def _entry(visit: Visit, raw: RawCapture, origin: tuple[str, str]) -> Capture:
    who = visit.who
    return Capture(
        target=visit.target,
        collected_at=datetime.now(UTC),
        agent=raw.agent,
        format=raw.format,
        port=who.port,
        boot_id=who.boot_id,
        repository=who.repository or origin[0],
        commit=who.commit or origin[1],
        processes=tuple(_process(one) for one in raw.processes),
        warnings=tuple(raw.warnings),
    )


def _process(one: Mapping[str, Any]) -> Process:
    return Process(int(one["pid"]), str(one["started"]), int(one["epoch"]), int(one.get("folded", 0)))


def default_test(now: datetime) -> str:
    """The name of a test that was given none."""
    return f"covey-{now.astimezone(UTC):%Y%m%d-%H%M%S}"
