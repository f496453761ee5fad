"""Whether an input of a merge is in already, wholly or in part: what is merged twice would count twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from covey.errors import DuplicateSource
from covey.model.provenance import Provenance
from covey.model.telling import many, some


class Origins:
    """The sources of all inputs so far: `all`, by what makes each the same source."""

    def __init__(self) -> None:
        self.all: dict[object, Provenance] = {}
        self._owners: dict[object, str] = {}  # which input brought a source
        self._equal: list[tuple[str, str]] = []  # inputs that are in already under another name, and under which
        self._undated: set[object] = set()  # processes of which nobody knows since when they have counted

    def add(self, sources: Iterable[Provenance]) -> None:
        """Sources that count as they come, however often."""
        self.all.update((object(), source) for source in sources)

    def take(self, sources: Collection[Provenance], called: str, counts_once: Callable[[], bool]) -> bool:
        """Whether the sources of one input are new; False when all are in already, whole. New ones are put to `all`.
        A source that the input names twice, because it was counted twice on purpose, is one.

        DuplicateSource when some are in, or one is with another content, or perhaps in part: a report of covey's may
        have of a source only some files; or when one is another state of a process that has counted since nobody knows
        when, perhaps the same hits. Not where it counts once all the same, as where none of its files is in.
        called: the input, as the user knows it.
        """
        new = 0
        old: list[object] = []  # in as they are
        shared: list[object] = []  # in, perhaps not the same part
        own: set[object] = set()
        for source in sources:
            name = _name(source)
            if name is None:
                new += 1
                self.add([source])
                continue
            if (name, source.digest) in own:
                continue
            own.add((name, source.digest))
            known = self.all.get(name)
            if known is None:
                new += 1
                self.all[name] = source
                self._owners[name] = called
            elif known.digest != source.digest:
                raise DuplicateSource(
                    f"{_told(source)} is in {self._owner(name)} and {called} with different content",
                    hint="merge the bundles themselves, in the order they were collected: a later capture then "
                    "replaces an earlier one",
                )
            else:
                (old if known.report == source.report else shared).append(name)
        if old and not shared and not new:
            if called != self._owner(old[0]):
                self._equal.append((called, self._owner(old[0])))
            return False
        undated = {one.capture.process: one for one in sources if one.capture and one.capture.epoch < 0}
        again = next((one for process, one in undated.items() if process in self._undated), None)
        if again and new and not counts_once():
            raise DuplicateSource(
                f"{called} and another input may both hold what {_told(again)} had counted before, "
                "so merging them could count it twice",
                hint="merge the bundles themselves, not as parts or reports of each, or say --how max",
            )
        self._undated |= undated.keys()
        both = old + shared
        if both and not counts_once():
            raise DuplicateSource(
                f"{called} and {self._owner(both[0])} both hold {_told(self.all[both[0]])}, "
                "so merging them would count it twice",
                hint="one is covey's report of the other, or of a part of it: leave one out, or say --how max"
                if shared and not new
                else f"{len(both)} of the {new + len(both)} sources of {called} are in already; merge what they were "
                "made from instead",
            )
        return True

    def notes(self) -> list[str]:
        """Which inputs count once though they are there more often, in one note however many they are."""
        if len(self._equal) < 2:
            return [f"{called} holds the same as {owner} and counts once" for called, owner in self._equal]
        told = some([f"{called} (as {owner})" for called, owner in self._equal])
        return [f"{many(len(self._equal), 'input')} hold the same as another and count once: {told}"]

    def _owner(self, name: object) -> str:
        return self._owners.get(name, "another input")


def _told(source: Provenance) -> str:
    return source.path or source.pod or source.component or "a source without a name"


def _name(source: Provenance) -> object | None:
    """What makes a source the same source; None when it has no identity and so never equals another."""
    if source.capture is not None and (source.capture.pid or source.capture.pod_uid):
        return source.capture
    return source.digest or None
