"""Whether an input of a merge is in already, wholly or in part: what is merged twice would count twice."""

from __future__ import annotations

from collections.abc import Iterable

from covey.errors import DuplicateSource
from covey.model.provenance import Provenance


def news(
    sources: Iterable[Provenance],
    seen: dict[object, Provenance],
    notes: dict[str, None],
    called: str = "one input",
    owners: dict[object, str] | None = None,
) -> bool:
    """Whether the sources of one report are new; False when all are in already; DuplicateSource when some are, or one
    is with another content. New ones are put into `seen`. A source that the report names twice, because it was counted
    twice on purpose, is one. called: the input of these sources, as the user knows it. owners: the same of each source
    in `seen`."""
    owners = {} if owners is None else owners
    new = 0
    old: list[object] = []
    own: set[object] = set()
    for source in sources:
        name = _name(source)
        if name is None:
            new += 1
            seen[object()] = source
            continue
        if (name, source.digest) in own:
            continue
        own.add((name, source.digest))
        if name not in seen:
            new += 1
            seen[name] = source
            owners[name] = called
        elif seen[name].digest == source.digest:
            old.append(name)
            if source.path != seen[name].path:
                notes[f"{source.path} holds the same as {seen[name].path} and counts once"] = None
        else:
            raise DuplicateSource(
                f"{_told(source)} is in {owners.get(name, 'another input')} and {called} with different content",
                hint="merge the bundles themselves, in the order they were collected: a later capture then replaces "
                "an earlier one",
            )
    if old and new:
        raise DuplicateSource(
            f"{called} and {owners.get(old[0], 'another input')} both hold {_told(seen[old[0]])}, "
            "so merging them would count it twice",
            hint=f"{len(old)} of the {new + len(old)} sources of {called} are in already; merge what they were made "
            "from instead",
        )
    return new > 0 or not old


def _told(source: Provenance) -> str:
    return source.path or source.pod or source.component or "a source without a name"


def _name(source: Provenance) -> object | None:
    """What makes a source the same source; None when it has no identity and so never equals another."""
    if source.capture is not None and (source.capture.pid or source.capture.pod_uid):
        return source.capture
    return source.digest or None
