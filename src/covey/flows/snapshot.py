"""A release snapshot: which images make up what is tested, and which commits they were built from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from covey.errors import InputError
from covey.model.outside import clean, without_credentials
from covey.model.provenance import Image, Target

LIMIT = 10 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a snapshot. repository, commit: what the image was built from, "" where it does not tell."""

    name: str
    image: str
    repository: str = ""
    commit: str = ""


def parse(text: str) -> tuple[Component, ...]:
    """From `{"components": [{"name", "containerImage", "source": {"git": {"url", "revision"}}}]}`, a whole Snapshot
    object of the cluster (the same under "spec") included. InputError for anything else."""
    if len(text) > LIMIT:
        raise InputError(f"the snapshot is larger than {LIMIT} bytes")
    try:
        table = json.loads(text)
        table = table.get("spec", table)
        components = tuple(_component(row) for row in table["components"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"the snapshot is not as expected: {type(error).__name__} {clean(str(error))[:100]}",
            hint='it must be JSON: {"components": [{"name": ..., "containerImage": ...}]}',
        ) from None
    if not components:
        raise InputError("the snapshot has no components")
    return components


def _component(row: dict[str, object]) -> Component:
    source = row.get("source") or {}
    git = source.get("git") or {} if isinstance(source, dict) else {}
    image = row["containerImage"]
    if not isinstance(image, str) or not isinstance(git, dict):
        raise TypeError("containerImage must be text")
    repository = without_credentials(str(git.get("url") or ""))
    return Component(str(row.get("name") or ""), image, repository, str(git.get("revision") or ""))


def component_of(target: Target, components: Iterable[Component]) -> Component | None:
    """The component that a target runs: by digest, else by repository when only one component is of it."""
    runs = [image for text in (target.image, target.image_ran) if (image := _image(text))]
    same = [(one, image) for one in components if (image := _image(one.image)) and _is_of(image, runs)]
    digests = {image.digest for image in runs if image.digest}
    exact = [one for one, image in same if image.digest in digests]
    tagged = [one for one, image in same if image.tag and image.tag in {one.tag for one in runs}]
    for found in (exact, tagged, [one for one, _ in same]):
        if len(found) == 1:
            return found[0]
    return None


def _is_of(image: Image, runs: Sequence[Image]) -> bool:
    return any(image.repository == one.repository for one in runs)


def _image(text: str) -> Image | None:
    try:
        return Image.parse(text) if text else None
    except ValueError:
        return None
