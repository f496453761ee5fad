"""Bundles into reports: which captures count, and what is read of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from covey.flows.commits import Commits
from covey.formats.base import Format, Input, Sources
from covey.model.bundle import Bundle, current
from covey.model.manifest import Capture
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import Report

Owned = list[tuple[Bundle, Capture]]


def readers(
    bundles: Sequence[Bundle], commits: Commits, named: Callable[[str], Format], sources: Sources
) -> list[list[Callable[[], Report]]]:
    """One function for each capture that counts, which reads it: all bundles are looked at together, since a later
    capture of a process replaces an earlier one wherever it lies. Those of one list may hold each other, so the most
    counts that one of them has; all others add up.

    SourceMismatch where `commits` has to know which one is meant.
    """
    owners = _taken([(bundle, one) for bundle in bundles for one in bundle.captures], commits)
    groups: dict[object, list[Callable[[], Report]]] = {}
    for (bundle, _), (capture, ids) in zip(owners, current([capture for _, capture in owners]), strict=True):
        if ids:
            of = frozenset(one.process for one in ids)
            together = groups.setdefault(of if of != ids else object(), [])
            together.append(partial(_of_capture, bundle, capture, ids, named, sources))
    return list(groups.values())


def _taken(owners: Owned, commits: Commits) -> Owned:
    """Those of a commit that is wanted, chosen before one replaces another: what is left out replaces nothing, and
    nothing that was replaced comes back in its place. A capture that does not tell its commit is of the one that
    another tells of the same process."""
    tellers = {one.process: capture for _, capture in owners if capture.commit for one in capture.ids}

    def source(capture: Capture) -> Provenance:
        told = (tellers[one.process] for one in capture.ids if one.process in tellers)
        known = capture if capture.commit else next(told, capture)
        return replace(capture.provenance(""), repository=known.repository, commit=known.commit)

    sources = [source(capture) for _, capture in owners]
    for one in sources:
        commits.tell(one)
    return [owner for owner, one in zip(owners, sources, strict=True) if commits.takes(one)]


def _of_capture(
    bundle: Bundle, capture: Capture, ids: frozenset[CaptureId], named: Callable[[str], Format], sources: Sources
) -> Report:
    inputs = [
        Input.of_bytes(str(bundle.folder / capture.directory / file.name), bundle.read(capture, file))
        for file in capture.files
    ]
    report = named(capture.format).read_input(inputs, sources)
    digest = hashlib.sha256("".join(sorted(file.sha256 for file in capture.files)).encode()).hexdigest()
    test = bundle.manifest.test
    origins = [replace(capture.provenance(test, one), digest=f"sha256:{digest}") for one in capture.ids if one in ids]
    return replace(report, sources=tuple(origins))
