"""What a reader of a merged report must know of what was asked for: flags that did nothing, files without a place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from covey.formats.base import Place, Sources
from covey.formats.sources import CheckoutSources
from covey.model.paths import Alias, normal
from covey.model.report import Report
from covey.model.telling import some

_WHY = "covey report --explain-paths says why"


def unplaced(located: Iterable[tuple[str, Place]]) -> dict[str, str]:
    """Path of each file that no rule could place, as reports have it, and why."""
    return {place.path: place.why for _, place in located if not place.mapped}


def without_place(report: Report, why_not: Mapping[str, str]) -> Iterator[str]:
    """One note a reason: a build that covers its dependencies has thousands of files of other people's."""
    by_reason: dict[str, list[str]] = {}
    for _, path in report.files:
        if path in why_not:
            by_reason.setdefault(why_not[path], []).append(path)
    for why, paths in by_reason.items():
        yield f"without a place in the repository ({why}): {some(paths)} ({_WHY})"


def idle_maps(sources: Sources, given: Collection[Alias]) -> Iterator[str]:
    """Mappings that led no recorded path to a file. given: those of this very run; of the settings file, which speaks
    of all that is ever read, only those that match and lead nowhere are told."""
    if not isinstance(sources, CheckoutSources):
        return
    paths = sources.paths
    aliases = [alias for alias in paths.aliases if alias.rule == "--map"]
    if not aliases:
        return
    recorded = {path: normal(path) for path, _ in sources.located}
    for alias in dict.fromkeys(aliases):
        led = ((path, alias.apply(clean)) for path, clean in recorded.items())
        nowhere: tuple[str, str] | None = None
        for path, place in led:
            if place is not None and paths.has(place):
                break
            nowhere = nowhere or ((path, place) if place is not None else None)
        else:
            if nowhere or alias in given:
                yield _idle(alias, nowhere, next(iter(recorded), ""))


def _idle(alias: Alias, nowhere: tuple[str, str] | None, some: str) -> str:
    told = f"--map {alias.pattern}={alias.target or '.'} has no effect"
    if nowhere:
        return f"{told}: it leads {nowhere[0]} to {nowhere[1]}, and no such file exists"
    if some:
        return f"{told}: no recorded path is under {alias.pattern}; recorded is {some} ({_WHY})"
    return f"{told}: the inputs name places in the repository already"


def no_files(report: Report, before: Report) -> Sequence[str]:
    """A report of nothing looks like one of 0 of 0: say so. before: the same with what does not count still in it."""
    if report.files:
        return ()
    return ["no files count: all were left out"] if before.files else ["no files: the inputs hold the coverage of none"]
