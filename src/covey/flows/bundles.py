"""Bundles into reports: which captures count, and what is read of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from covey.errors import InputError, SourceMismatch
from covey.formats.base import Format, Input, Sources
from covey.model.bundle import Bundle, current
from covey.model.manifest import Capture
from covey.model.provenance import CaptureId
from covey.model.report import Report

Owned = list[tuple[Bundle, Capture]]


def readers(
    bundles: Sequence[Bundle], commit: str, named: Callable[[str], Format], sources: Sources
) -> Iterator[Callable[[], Report]]:
    """One function for each capture that counts, which reads it: all bundles are looked at together, since a later
    capture of a process replaces an earlier one wherever it lies.

    commit: which of several known commits of one repository is meant; SourceMismatch when it is needed and "".
    """
    owners, note = _of_one_commit([(bundle, one) for bundle in bundles for one in bundle.captures], commit)
    for (bundle, _), (capture, ids) in zip(owners, current([capture for _, capture in owners]), strict=True):
        if ids:

            def read(bundle: Bundle = bundle, capture: Capture = capture, ids: frozenset[CaptureId] = ids) -> Report:
                report = _of_capture(bundle, capture, ids, named, sources)
                return replace(report, notes=(*report.notes, note)) if note else report

            yield read


def _of_one_commit(owners: Owned, commit: str) -> tuple[Owned, str]:
    """What may be merged: captures of one commit a repository, with a note when some do not tell theirs."""
    commits: dict[str, set[str]] = {}
    for _, capture in owners:
        commits.setdefault(capture.repository, set()).add(capture.commit)
    for repository, known in commits.items():
        if len(known - {""}) > 1:
            if not commit:
                raise SourceMismatch(
                    f"captures of {repository or 'one repository'} come from {len(known - {''})} commits: "
                    + ", ".join(sorted(known - {""})),
                    hint="pick one with --commit",
                )
            owners = [(bundle, one) for bundle, one in owners if one.commit.startswith(commit)]
            if not owners:
                raise InputError(f"no capture is of commit {commit}")
    if any(len(known) > 1 and "" in known for known in commits.values()):
        return owners, "some captures do not tell their commit; they are taken to be of the same as the others"
    return owners, ""


def _of_capture(
    bundle: Bundle, capture: Capture, ids: frozenset[CaptureId], named: Callable[[str], Format], sources: Sources
) -> Report:
    inputs = [
        Input.of_bytes(str(bundle.folder / capture.directory / file.name), bundle.read(capture, file))
        for file in capture.files
    ]
    report = named(capture.format).read(inputs, sources)
    digest = hashlib.sha256("".join(sorted(file.sha256 for file in capture.files)).encode()).hexdigest()
    test = bundle.manifest.test
    origins = [replace(capture.provenance(test, one), digest=f"sha256:{digest}") for one in capture.ids if one in ids]
    return replace(report, sources=tuple(origins))
