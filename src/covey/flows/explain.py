"""Why each recorded path lies where it does: the rule that mapped it, or the nearest files and what speaks for them."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from covey.formats.base import Sources
from covey.formats.sources import CheckoutSources
from covey.model.outside import clean
from covey.model.paths import normal, tail
from covey.model.report import Report
from covey.model.telling import many

SCHEMA = "covey.paths/1"
MOST_CANDIDATES = 3  # of one path
MOST_ALIKE = 50  # paths for which similar names are looked for: each look costs up to a tenth of a second
AS_REPORTED = "as the report has it"


@dataclass(frozen=True, slots=True)
class Candidate:
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A path as it was recorded. `path`: its place in the repository, None without one; then `why` says why there is
    none and `candidates` are the nearest files, best first."""

    recorded: str
    path: str | None
    rule: str
    why: str = ""
    candidates: tuple[Candidate, ...] = ()


def explain(sources: Sources, report: Report) -> list[Explained]:
    """Every path that was looked up while `report` was read, those without a place first, ascending; and its files that
    never were, since their report names places of the repository already."""
    nearest = _Nearest(sources) if isinstance(sources, CheckoutSources) else None
    found = []
    for recorded, place in sorted(sources.located, key=lambda one: (one[0], one[1].path)):
        if place.mapped:
            found.append(Explained(recorded, place.path, place.rule))
        else:
            near = tuple(nearest.of(recorded)) if nearest else ()
            found.append(Explained(recorded, None, "", place.why, near))
    placed = {place.path for _, place in sources.located}
    found += [Explained(path, path, AS_REPORTED) for _, path in report.files if path not in placed]
    return sorted(found, key=lambda one: one.path is not None)


class _Nearest:
    """Finds the files of a checkout that a path might mean."""

    def __init__(self, sources: CheckoutSources) -> None:
        self._paths = sources.paths
        self._looks = 0

    def of(self, recorded: str) -> Iterator[Candidate]:
        clean_path = normal(recorded)
        for alias in self._paths.aliases:
            path = alias.apply(clean_path)
            if path is not None:
                yield Candidate(
                    path, f"{alias.rule} {alias.pattern} -> {alias.target or '.'} leads there; no such file"
                )
        same = self._paths.by_name.get(posixpath.basename(clean_path), [])
        ranked = sorted(same, key=lambda path: (-tail(clean_path, path)[0], path))[:MOST_CANDIDATES]
        for path in ranked:
            count, _ = tail(clean_path, path)
            yield Candidate(path, "its base name is the same" if count == 1 else f"its last {count} names are the same")
        if not same:
            yield from self._alike(posixpath.basename(clean_path))

    def _alike(self, name: str) -> Iterator[Candidate]:
        self._looks += 1
        if self._looks > MOST_ALIKE:
            return
        alike = difflib.get_close_matches(name, list(self._paths.by_name), MOST_CANDIDATES, 0.6)
        paths = [path for other in alike for path in self._paths.by_name[other]]
        yield from (Candidate(path, "its name is similar") for path in paths[:MOST_CANDIDATES])


def document(found: Iterable[Explained]) -> dict[str, object]:
    """As covey.paths/1."""
    rows = [
        {"recorded": one.recorded, "path": one.path, "rule": one.rule}
        if one.path is not None
        else {
            "recorded": one.recorded,
            "path": None,
            "why": one.why,
            "candidates": [{"path": near.path, "why": near.why} for near in one.candidates],
        }
        for one in found
    ]
    return {"schema": SCHEMA, "paths": rows}


def lines(found: Sequence[Explained]) -> Iterator[str]:
    """For people."""
    for one in found:
        if one.path is not None:
            yield f"{clean(one.recorded)} -> {clean(one.path)}  ({clean(one.rule)})"
            continue
        yield f"{clean(one.recorded)}: no place: {clean(one.why)}"
        yield from (f"    {clean(near.path)}: {clean(near.why)}" for near in one.candidates)
    unmapped = sum(one.path is None for one in found)
    yield f"{many(len(found), 'path')}, {unmapped:,} without a place"
    if unmapped:
        yield "  --map FROM=TO or [paths] of covey.toml says where they lie"
