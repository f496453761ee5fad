"""One run of `covey collect`: find, reset where a command is to be run, collect, tell."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from covey.cli import targets
from covey.cli.command import run as run_command
from covey.cli.output import console, is_terminal, print_json, say, warn
from covey.errors import GOOD, PARTIAL, NothingCollected, RemoteError, UsageError, worst
from covey.model.telling import many

if TYPE_CHECKING:
    from covey.flows.collect import Collected
    from covey.flows.reset import WasReset
    from covey.flows.sweep import Progress
    from covey.kube.discover import Discovery
    from covey.model.journal import Journal
    from covey.model.manifest import Failure

_T = TypeVar("_T")


class Run:
    """One collection, with or without a command in the middle."""

    def __init__(self, wanted: targets.Wanted, options: dict[str, Any], output: Path, test: str, as_json: bool) -> None:
        self.wanted, self.options, self.output, self.test, self.as_json = wanted, options, output, test, as_json
        self.journal: Journal | None = None
        self.window: WasReset | None = None

    def once(self) -> int:
        """Collect now; the exit code. NothingCollected when there was nothing."""
        from covey.cli import summary
        from covey.flows.collect import check

        found, collected = run_stoppable(self._collect)
        if self.as_json:
            print_json(summary.to_json(self.output, collected.manifest, collected.captures, found, collected.notes))
        summary.show(self.output, collected.manifest, collected.captures, found, collected.notes, collected.earlier)
        if not found.targets:
            raise NothingCollected(self.wanted.none, hint=targets.where_to_look(found))
        check(collected)
        return PARTIAL if collected.failures else GOOD

    def around(self, command: tuple[str, ...]) -> int:
        """Reset, run the command, collect. The command's own failure comes before all but a bug and an interrupt."""
        if shutil.which(command[0]) is None:
            raise UsageError(f"there is no program {command[0]!r}")
        self.window = run_stoppable(self._reset)
        for note in (*self.window.notes, *(f"{one.target}: {one.what}" for one in self.window.failures)):
            warn(f"before the command: {note}")
        ended = run_command(command, to_stderr=self.as_json)  # the JSON on stdout is ours alone
        try:
            code = self.once()
            say("it holds what ran during the command; what ran at start, as imports and definitions do, is not in it")
        except NothingCollected as error:
            if ended == GOOD:
                raise
            warn(error.what)
            code = error.exit_code
        return ended or worst([code])

    def show_interrupted(self) -> None:
        """What is there after Ctrl-C."""
        from covey.cli import summary
        from covey.model.bundle import Bundle

        if self.journal is not None and Bundle.is_one(self.output):
            manifest = Bundle.open(self.output).manifest
            summary.show(self.output, manifest, manifest.captures, None, ())
            if self.as_json:
                print_json(summary.to_json(self.output, manifest, manifest.captures, None, ()))

    async def _reset(self) -> WasReset:
        from covey.flows.reset import reset

        async with targets.reach(self.wanted) as cluster:
            found = await targets.find(self.wanted, cluster)
            return await reset(found.targets, targets.how(self.options, cluster))

    async def _collect(self) -> tuple[Discovery, Collected]:
        from covey.flows.collect import collect as flow

        began = datetime.now(UTC)
        async with targets.reach(self.wanted) as cluster:
            found = await _in_time(targets.find(self.wanted, cluster), self.options["timeout"])
            left = self.options["timeout"] - (datetime.now(UTC) - began).total_seconds()
            how = targets.how({**self.options, "timeout": max(left, 0.1)}, cluster)
            self.journal = self._begin(began)
            window = self.window
            with bar() as tell:
                collected = await flow(
                    found.targets,
                    how,
                    self.journal,
                    tell,
                    window.epochs if window else None,
                    (*_not_found(self.wanted, found), *(_lasting(window, found) if window else ())),
                    targets.origins(self.wanted, found),
                )
        return found, collected

    def _begin(self, now: datetime) -> Journal:
        from covey.flows.collect import default_test
        from covey.model.journal import Journal

        params = {
            "namespace": self.wanted.namespace,
            "filters": [],
            "coverage_port": self.options["port"],
            "format": "mixed",
        }
        journal = Journal.begin(self.output, self.test, params, default_test(now))
        for note in journal.notes:
            warn(note)
        if journal.captures:
            count = many(len(journal.captures), "capture")
            say(f"going on with the bundle of test {journal.test!r} in {self.output}: {count} (another -o begins anew)")
        return journal


async def _in_time(work: Any, seconds: float) -> Any:
    """The overall deadline holds for looking around as well."""
    import anyio

    with anyio.move_on_after(seconds):
        return await work
    raise RemoteError(f"finding pods took longer than the {seconds:g} s of --timeout", hint="is the cluster in reach?")


def _not_found(wanted: targets.Wanted, found: Discovery) -> Iterator[Failure]:
    """Namespaces that may not be read, and what was asked for by name and cannot be had. Of what a selector gives, only
    the running pods are meant."""
    from covey.model.manifest import Failure

    yield from found.failures
    if wanted.query and (wanted.query.pods or wanted.query.workloads):
        for name, why in found.skipped:
            yield Failure(name, "not-found", f"{name}: {why}", "covey discover shows what is there")


def _lasting(window: WasReset, found: Discovery) -> Iterator[Failure]:
    """Resets that failed and whose target is still there, so that its capture holds more than the command ran."""
    from dataclasses import replace

    there = {target.name for target in found.targets}
    for failure in window.failures:
        if failure.target in there:
            yield replace(failure, reason="not-reset", what=f"it could not be reset before the command: {failure.what}")


@contextlib.contextmanager
def bar() -> Iterator[Callable[[Progress], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not is_terminal():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("pods"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Bar(*columns, console=console(), transient=True) as shown:
        task = shown.add_task("")
        yield lambda progress: shown.update(
            task, completed=progress.done, total=progress.total, description=progress.pod
        )


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM, which is how pipelines cancel, counts as Ctrl-C: what was collected becomes a bundle.

    After an interrupt neither is heard any more: all that is left is to say what was collected.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise
    signal.signal(signal.SIGTERM, before)


def run_stoppable(work: Callable[[], Awaitable[_T]]) -> _T:
    """Run to the end, or until Ctrl-C or SIGTERM cancels it: KeyboardInterrupt, once all is put in order.

    Somebody impatient presses Ctrl-C again and again; only the first counts, so that the bundle gets finished. A
    script's background job (`covey collect ... &`) begins with Ctrl-C ignored, and hears SIGTERM all the same.
    Plain handlers, not the event loop's: on its way out that puts the system's own action back for a moment, in which
    one signal more, which any thread may get, would end the process.
    """
    import asyncio

    import anyio

    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.getsignal(number) for number in heard}
    stopped = False

    async def watched() -> list[_T]:
        loop = asyncio.get_running_loop()
        with anyio.CancelScope() as scope:

            def stop(*_: object) -> None:
                nonlocal stopped
                stopped = True
                if not loop.is_closed():
                    loop.call_soon_threadsafe(scope.cancel)

            for number in heard:
                signal.signal(number, stop)
            return [await work()]
        return []

    try:
        done = anyio.run(watched)
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_IGN if stopped else before[number])
    if not done:
        raise KeyboardInterrupt
    return done[0]
