"""What collect, discover and reset say: tables for people on stderr, the same as JSON for programs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covey.cli.output import console, say, warn
from covey.model.manifest import Capture, Failure, Manifest, failure_to_json, to_time
from covey.model.provenance import Target
from covey.model.telling import many

if TYPE_CHECKING:
    from rich.table import Table

    from covey.flows.reset import WasReset
    from covey.kube.discover import Discovery

MOST_NOTES = 20


def to_json(
    folder: Path,
    manifest: Manifest,
    captures: Sequence[Capture],
    found: Discovery | None,
    notes: Sequence[str],
) -> dict[str, Any]:
    """covey.collect/1: `collected` is what this run brought, `captures` how many the bundle has in all."""
    return {
        "schema": "covey.collect/1",
        "bundle": str(folder),
        "test_name": manifest.test,
        "status": manifest.status,
        "captures": len(manifest.captures),
        "collected": [_row(capture) for capture in captures],
        "failures": [failure_to_json(failure) for failure in manifest.failures],
        **_around(found),
        "notes": list(notes),
    }


def _row(capture: Capture) -> dict[str, Any]:
    return {
        "target": capture.target.name,
        "component": capture.target.component,
        "image_ran": capture.target.image_ran,
        "coverage_dir": capture.directory,
        "agent": capture.agent,
        "format": capture.format,
        "port": capture.port,
        "processes": capture.process_count,
        "bytes": sum(file.size for file in capture.files),
        "collected_at": to_time(capture.collected_at),
        "warnings": list(capture.warnings),
    }


def _around(found: Discovery | None) -> dict[str, Any]:
    if found is None:
        return {"near_misses": [], "skipped": []}
    near = [
        {"target": near.target.name, "asked": near.asked, "runs": near.runs, "why": near.why}
        for near in found.near_misses
    ]
    skipped = [*found.skipped, *((failure.target, failure.what) for failure in found.failures)]
    return {"near_misses": near, "skipped": [{"target": name, "why": why} for name, why in skipped]}


def discovery_json(found: Discovery) -> dict[str, Any]:
    """covey.discover/1."""
    rows = [{"target": target.name} | asdict(target) for target in found.targets]
    return {"schema": "covey.discover/1", "targets": rows, **_around(found), "notes": list(found.notes)}


def reset_json(done: WasReset) -> dict[str, Any]:
    """covey.reset/1."""
    failures = [failure_to_json(failure) for failure in done.failures]
    return {"schema": "covey.reset/1", "reset": list(done.done), "failures": failures, "notes": list(done.notes)}


def show(
    folder: Path,
    manifest: Manifest,
    captures: Sequence[Capture],
    found: Discovery | None,
    notes: Sequence[str],
    earlier: Collection[Failure] = (),
) -> None:
    """The summary of a collection: where from, why anything is missing. earlier: failures of runs before this one."""
    table = _table("from", "component", "agent", "port", "processes", "size")
    for capture in sorted(captures, key=lambda one: (one.target.name, one.port)):
        _add(
            table,
            capture.target.name,
            capture.target.component,
            f"{capture.agent} ({capture.format})",
            str(capture.port),
            str(capture.process_count),
            _size(sum(file.size for file in capture.files)),
        )
    if captures:
        console().print(table)
    _show_around(found)
    if failures := [failure for failure in manifest.failures if failure not in earlier]:
        table = _table("not collected", "why", "what to do")
        for failure in failures:
            _add(table, failure.target, failure.what or failure.reason, failure.hint)
        console().print(table)
    texts = [*notes, *(f"{one.target.name}: {text}" for one in captures for text in one.warnings)]
    _tell(texts)
    if earlier:
        names = ", ".join(dict.fromkeys(failure.target for failure in list(earlier)[:MOST_NOTES]))
        warn(f"the bundle has failures of earlier collections, not asked for now: {names} (another -o begins anew)")
    count = f"{many(len(captures), 'capture')} of test {manifest.test!r}"
    shows = f": covey report {folder} shows the coverage" if manifest.captures else ""
    say(f"{count} in {folder} ({manifest.status}){shows}")


def show_discovery(found: Discovery) -> None:
    """The targets, and what comes near."""
    if found.targets:
        table = _table("target", "component", "image", "runs")
        for target in found.targets:
            _add(table, target.name, target.component, target.image, _short(target))
        console().print(table)
    _show_around(found)
    _tell([*(f"{failure.target}: {failure.what}; {failure.hint}" for failure in found.failures), *found.notes])


def show_reset(done: WasReset, found: Discovery) -> None:
    """What was reset and what was not."""
    _show_around(found)
    if done.failures:
        table = _table("not reset", "why", "what to do")
        for failure in done.failures:
            _add(table, failure.target, failure.what, failure.hint)
        console().print(table)
    _tell(done.notes)
    for name in done.done:
        say(f"reset {name}")


def _show_around(found: Discovery | None) -> None:
    if found is None:
        return
    if found.near_misses:
        table = _table("near miss", "asked for", "runs", "why")
        for near in found.near_misses:
            _add(table, near.target.name, near.asked, near.runs, near.why)
        console().print(table)
        say("  --match repository takes near misses, and records the image that ran")
    for name, why in found.skipped[:MOST_NOTES]:
        say(f"skipped {name}: {why}")


def _tell(texts: Sequence[str]) -> None:
    for text in texts[:MOST_NOTES]:
        warn(text)
    if len(texts) > MOST_NOTES:
        warn(f"and {len(texts) - MOST_NOTES} more")


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        right = column in ("port", "processes", "size")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    """A row of text as it is: what looks like markup in a pod's name or an agent's words is none."""
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells))


def _size(number: int) -> str:
    return (
        f"{number} B" if number < 10_000 else f"{number / 1000:.0f} kB" if number < 10**7 else f"{number / 1e6:.0f} MB"
    )


def _short(target: Target) -> str:
    """What runs, as people compare it: the digest's beginning."""
    _, _, digest = target.image_ran.rpartition("@")
    return digest[:19]
