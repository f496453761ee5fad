"""Which of the places that paths have by their tails alone hold, once all paths of one input are known.

A tail says: what was recorded under one folder lies under another one of the repository. One accidental tail says so of
a single file of a library, as src/lib.rs or include/config.h; that of a copy of the repository says so of most files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from covey.model.paths import tail


class Root(NamedTuple):
    """What was recorded under `prefix` lies under `folder`, both without a "/" at their end; "" is the root."""

    prefix: str
    folder: str

    @classmethod
    def of(cls, recorded: str, path: str) -> Root:
        """The shortest that leads from the one to the other."""
        names, others = recorded.split("/"), path.split("/")
        shared = tail(recorded, path)[0]
        return cls("/".join(names[: len(names) - shared]), "/".join(others[: len(others) - shared]))


def refuted(recorded: Collection[str], exact: Mapping[str, str], by_tail: Mapping[str, str]) -> dict[str, str]:
    """Those of `by_tail` that do not hold, and why. Paths as `paths.normal` gives them.

    recorded: all of one input. exact: recorded path -> its place by any better rule. by_tail: the others that have one.

    A folder of which most files fit, two at least, is a copy of the repository's: they hold. Of the rest those do not
    - whose place another path has, by a better rule or by a tail that as many files have or more;
    - that are relative, where no fewer relative paths are found as they stand: they all begin at one folder;
    - that lie below a folder whose place is known by more files: there they are not.
    """
    roots = {path: Root.of(path, place) for path, place in by_tail.items()}
    support = Counter(roots.values())
    if not by_tail or (not exact and len(support) == 1):
        return {}
    below = _below(recorded)
    doubted = [path for path, root in roots.items() if support[root] < 2 or 2 * support[root] < below[root.prefix]]
    taken = set(exact.values())
    claims: dict[str, list[int]] = {}
    for path, place in by_tail.items():
        claims.setdefault(place, []).append(support[roots[path]])
    stand = _relative(exact) >= _relative(by_tail)
    known = {path.removesuffix(f"/{place}") for path, place in exact.items() if path.endswith(f"/{place}")}
    found: dict[str, str] = {}
    for path in doubted:
        place, root = by_tail[path], roots[path]
        if place in taken or sum(count >= support[root] for count in claims[place]) > 1:
            found[path] = f"its tail is that of {place}, which another path of the input is or may be as well"
        elif not path.startswith("/"):
            if stand:
                found[path] = (
                    f"its tail is that of {place}, but other relative paths of the input are found as they stand"
                )
        elif any(_is_under(root.prefix, prefix) for prefix in known) or any(
            _is_under(root.prefix, other.prefix) and count > support[root] for other, count in support.items()
        ):
            found[path] = f"its tail is that of {place}, but little else of {root.prefix} is in the repository"
    return found


def _relative(paths: Iterable[str]) -> int:
    return sum(not path.startswith("/") for path in paths)


def _is_under(prefix: str, other: str) -> bool:
    return prefix.startswith(f"{other}/")


def _below(recorded: Collection[str]) -> Counter[str]:
    """How many paths lie under each folder."""
    found: Counter[str] = Counter()
    for path in recorded:
        at = path.rfind("/")
        while at >= 0:
            found[path[:at]] += 1
            at = path.rfind("/", 0, at)
    return found
