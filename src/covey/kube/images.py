"""Whether a container runs an image that was asked for.

By repository first (the spec's, or what the runtime reports: a mirror may stand in between). Then, of one repository:
by digest, where what runs is known as one and the asked reference has one or its registry tells (an index stands for
each of its platforms); else by tag, an untagged spec meaning "latest". A reference asked for with neither tag nor
digest means whatever version runs.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from covey.kube.pods import Container
from covey.model.provenance import Image
from covey.oci import Resolution

Resolve = Callable[[Image], Awaitable[Resolution]]

_BARE = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")


@dataclass(frozen=True, slots=True)
class Match:
    """taken: it is what was asked for. near: the same repository, another image. why: the rule, for people."""

    taken: bool
    near: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Runs:
    """What a container runs. spec: None when the spec's text is no reference. digest: what the runtime reports.

    by_manifest: whether the digest is a manifest's, as registries know it. A bare one may be that of the image's
    configuration, which is how runtimes call an image that was loaded and not pulled.
    """

    spec: Image | None
    repositories: frozenset[str]
    digest: str
    by_manifest: bool

    @property
    def tag(self) -> str:
        """The spec's tag as the runtime understands it."""
        if self.spec is None:
            return ""
        return self.spec.tag or ("" if self.spec.digest else "latest")


def ran(image_id: str) -> str:
    """`status.imageID` without the runtime's scheme: repository@digest, or a digest alone, or ""."""
    return image_id.partition("://")[2] if "://" in image_id else image_id


def runs(container: Container) -> Runs:
    """What is known of a container's image."""
    spec = _parsed(container.image)
    reported = ran(container.image_ran)
    bare = bool(_BARE.fullmatch(reported))
    status = None if bare else _parsed(reported)
    digest = reported if bare else status.digest if status else ""
    repositories = frozenset(image.repository for image in (spec, status) if image is not None)
    return Runs(spec, repositories, digest, by_manifest=not bare and bool(digest))


def _parsed(reference: str) -> Image | None:
    try:
        return Image.parse(reference) if reference else None
    except ValueError:
        return None


async def match(asked: Image, container: Runs, resolve: Resolve, *, any_version: bool) -> Match:
    """How a container's image stands to the one asked for. `resolve` is called only when the digest must be known."""
    if asked.repository not in container.repositories:
        return Match(taken=False)
    if any_version:
        return Match(taken=True, why="the repository is the same")
    if not asked.tag and not asked.digest:
        return Match(taken=True, why="no version was asked for")
    if asked.digest and asked.digest in _digests(container):
        return Match(taken=True, why="the digest is the same")
    found = await resolve(asked)
    wanted = found.digests if found.digests is not None else frozenset({asked.digest} if asked.digest else ())
    if wanted & _digests(container):
        return Match(taken=True, why="the digest is the same")
    if asked.digest and await _member(asked, container, resolve):
        return Match(taken=True, why="the digest is one of the index that runs")
    if wanted and (container.by_manifest or (container.spec and container.spec.digest)):
        moved = not asked.digest and asked.tag == container.tag
        return Match(taken=False, near=True, why="its tag has moved since" if moved else "it runs another digest")
    if asked.tag and asked.tag == container.tag:
        return Match(taken=True, why="the tag is the same" + (f" ({found.reason})" if found.reason else ""))
    return Match(taken=False, near=True, why="it runs another tag" if asked.tag else "its digest is not known")


def _digests(container: Runs) -> set[str]:
    spec = container.spec.digest if container.spec else ""
    return {digest for digest in (container.digest, spec) if digest}


async def _member(asked: Image, container: Runs, resolve: Resolve) -> bool:
    """Whether the asked digest is that of one platform of the index that the runtime reports."""
    if not container.by_manifest:
        return False
    found = await resolve(Image(asked.repository, digest=container.digest))
    return asked.digest in (found.digests or ())
