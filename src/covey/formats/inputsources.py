"""Where the paths of one input lie: those of its report's own folder come first, and what paths have by their tails has
to hold beside all others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from covey.formats.base import Place
from covey.model.paths import BY_SUFFIX, normal
from covey.model.tails import refuted

if TYPE_CHECKING:
    from covey.formats.sources import CheckoutSources


class InputSources:
    """The sources for the files of one input. `names`: theirs; relative paths of one alone begin beside it."""

    def __init__(self, sources: CheckoutSources, names: Sequence[str]) -> None:
        self.root = sources.root
        self._sources = sources
        self._names = names
        self._report = names[0] if len(names) == 1 else ""
        self._asked: dict[str, Place] = {}
        self._by_tail = False
        self._refuted: Mapping[str, Place] = {}

    def locate(self, recorded: str, source_hash: str | None = None, *, via: str = "") -> Place:
        if recorded in self._refuted:
            return self._refuted[recorded]
        beside = self._sources.beside(self._report, recorded)
        if beside != recorded:
            place = self._sources.locate(beside, source_hash, via=via or f"beside {self._report}")
        else:
            place = self._sources.locate(recorded, source_hash, via=via)
        self._asked[recorded] = place
        self._by_tail |= place.rule == BY_SUFFIX
        return place

    def locate_under(self, roots: Sequence[str], recorded: str, *, else_at: str = "") -> Place:
        return self._sources.locate_under(roots, recorded, else_at=else_at, report=self._report)

    def nowhere(self, recorded: str, why: str) -> Place:
        return self._sources.nowhere(recorded, why)

    def imported(self, recorded: str) -> Place:
        return self._sources.imported(recorded)

    def import_path(self, path: str) -> str | None:
        return self._sources.import_path(path)

    def beside(self, report: str, recorded: str) -> str:
        return self._sources.beside(report, recorded)

    def of_input(self, names: Sequence[str]) -> InputSources:
        return self._sources.of_input(names)

    def unsettled(self) -> bool:
        if not self._by_tail or self._refuted:
            return False
        clean = {normal(recorded): recorded for recorded in self._asked}
        exact: dict[str, str] = {}
        by_tail: dict[str, str] = {}
        for path, recorded in clean.items():
            place = self._asked[recorded]
            if place.mapped:
                (by_tail if place.rule == BY_SUFFIX else exact)[path] = place.path
        found = refuted(clean, exact, by_tail)
        why = {recorded: found[path] for recorded in self._asked if (path := normal(recorded)) in found}
        self._refuted = self._sources.settle((clean[path] for path in by_tail if path not in found), why)
        return bool(found)

    @property
    def located(self) -> Collection[tuple[str, Place]]:
        return self._sources.located

    def listing(self, suffix: str) -> Sequence[str]:
        return self._sources.listing(suffix)
