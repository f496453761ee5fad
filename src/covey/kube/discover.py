"""Finding targets: which containers of which pods may hold agents, and why others were left out.

Names and workloads say which pods, a label selector and images narrow them; each pod that remains gives one target a
container (with images: a container that runs one of them).
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import anyio

from covey import oci
from covey.errors import ClusterDenied, InputError
from covey.kube import images as matching
from covey.kube.client import PAGE, Cluster
from covey.kube.pods import Container, Pod, Workload, component, is_system
from covey.model.manifest import Failure
from covey.model.provenance import Image, Target
from covey.oci import Resolution

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for. With neither namespaces nor all_namespaces: the context's namespace.

    all_namespaces leaves out the system's (pods.is_system); named ones are always looked at. pods: names, also
    namespace/name. workloads: "deploy/x", "sts/x", "ds/x", "rs/x", "job/x", "cronjob/x". images: references.
    match: "exact" wants the asked version, "repository" any. containers: names; () for all.
    """

    namespaces: tuple[str, ...] = ()
    all_namespaces: bool = False
    label_selector: str = ""
    pods: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    match: Literal["exact", "repository"] = "exact"
    containers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A container of the asked repository that runs another image. asked, runs: references; why: the difference."""

    target: Target
    asked: str
    runs: str
    why: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """targets ascending by name; skipped: (name, why) of what was asked for and cannot be had; notes: for people;
    failures: of namespaces that may not be read, where others may."""

    targets: tuple[Target, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


async def discover(
    cluster: Cluster, query: Query, *, resolve: matching.Resolve = oci.resolve, page: int = PAGE
) -> Discovery:
    """Look once. InputError for what is no image, workload or pod name; ClusterError as it comes, ClusterDenied where
    nothing may be looked at."""
    wanted = [_image(reference) for reference in query.images]
    scopes = _Scopes()
    pods, missing = await _candidates(cluster, query, page, scopes)
    failures = scopes.failures()
    search = _Search(query, wanted, _Once(resolve), skipped=missing)
    for pod in sorted(pods, key=lambda pod: pod.title):
        await search.look_at(pod)
    return replace(search.result(), failures=failures)


class _Scopes:
    """Looking into namespaces, of which one that may not be read costs only itself."""

    def __init__(self) -> None:
        self.denied: dict[str, ClusterDenied] = {}
        self._read = False

    async def look(self, scope: str, work: Awaitable[list[_T]]) -> list[_T]:
        """What is found there; nothing where it may not be read."""
        try:
            found = await work
        except ClusterDenied as error:
            self.denied.setdefault(scope, error)
            return []
        self._read = True
        return found

    def failures(self) -> tuple[Failure, ...]:
        """Of the namespaces that may not be read. ClusterDenied when none may: then it is no matter of one of them."""
        if self.denied and not self._read:
            raise next(iter(self.denied.values()))
        return tuple(Failure(scope, error.slug, error.what, error.hint) for scope, error in self.denied.items())


def _image(reference: str) -> Image:
    try:
        return Image.parse(reference)
    except ValueError as error:
        raise InputError(str(error), hint="an image is named registry/name, with :tag or @digest if need be") from error


async def _candidates(
    cluster: Cluster, query: Query, page: int, scopes: _Scopes
) -> tuple[list[Pod], list[tuple[str, str]]]:
    """The pods to look at, each once, and what was named and is not there."""
    spaces = [""] if query.all_namespaces else list(query.namespaces) or [cluster.namespace]
    found: dict[tuple[str, str], Pod] = {}
    missing: list[tuple[str, str]] = []
    labels = query.label_selector

    async def listed(some: Sequence[str], name: str = "") -> list[Pod]:
        every = [await scopes.look(one, _listed(cluster, one, labels=labels, name=name, page=page)) for one in some]
        return [pod for pods in every for pod in pods]

    if not query.pods and not query.workloads:
        _keep(found, query, await listed(spaces))
    for name in query.pods:
        space, _, pod = name.removeprefix("pod/").rpartition("/")
        some = await listed([space] if space else spaces, pod)
        _keep(found, query, some)
        if not some and space not in scopes.denied:
            missing.append((name, "there is no such pod" + (" with these labels" if labels else "")))
    for workload in query.workloads:
        some, why = await _of_workload(cluster, workload, spaces, labels, page, scopes)
        _keep(found, query, some)
        if why:
            missing.append((workload, why))
    return list(found.values()), missing


def _keep(found: dict[tuple[str, str], Pod], query: Query, pods: Sequence[Pod]) -> None:
    for pod in pods:
        if not query.all_namespaces or pod.namespace in query.namespaces or not is_system(pod.namespace):
            found[pod.namespace, pod.name] = pod


async def _listed(cluster: Cluster, scope: str, *, labels: str, name: str = "", page: int) -> list[Pod]:
    try:
        return await cluster.pods(scope, labels=labels, name=name, page=page)
    except ClusterDenied as error:
        if scope:
            raise
        raise ClusterDenied(
            error.what, hint="name the namespaces that you may read with -n, or: " + error.hint
        ) from error


async def _of_workload(
    cluster: Cluster, name: str, namespaces: Sequence[str], labels: str, page: int, scopes: _Scopes
) -> tuple[list[Pod], str]:
    """The pods that a workload made, and why there are none."""
    kind, slash, title = name.partition("/")
    if not slash or not title or "/" in title:
        raise InputError(f"{name!r} names no workload", hint="write kind/name, such as deploy/checkout")
    spaces = [one for one in namespaces if one] or [one for one in await cluster.namespaces() if not is_system(one)]
    known: list[Workload] = []

    async def made(space: str) -> list[Pod]:
        workload = await cluster.workload(kind, space, title)
        known.extend([workload] if workload else [])
        return await _made_by(cluster, workload, labels, page) if workload else []

    pods = [pod for space in spaces for pod in await scopes.look(space, made(space))]
    if not known:
        return [], f"there is none in {', '.join(spaces) or 'any namespace'}"
    return pods, "" if pods else "it has no pods"


async def _made_by(cluster: Cluster, workload: Workload, labels: str, page: int) -> list[Pod]:
    """By owner: selectors of two workloads may overlap, and a selector alone would take a stranger's pods."""
    both = ",".join(part for part in (workload.selector, labels) if part)
    pods = await cluster.pods(workload.namespace, labels=both, page=page)
    return [pod for pod in pods if workload.owners.intersection(pod.owners)]


class _Once:
    """Asks a registry once an image."""

    def __init__(self, resolve: matching.Resolve) -> None:
        self._resolve = resolve
        self._known: dict[Image, Resolution] = {}
        self._asking = anyio.Lock()

    async def __call__(self, image: Image) -> Resolution:
        async with self._asking:
            if image not in self._known:
                self._known[image] = await self._resolve(image)
            return self._known[image]

    @property
    def reasons(self) -> list[str]:
        return [
            f"{image}: the registry could not be asked ({found.reason}); its tag is compared instead"
            for image, found in self._known.items()
            if found.digests is None
        ]


class _Search:
    """Sorts containers into targets, near misses and what is skipped."""

    def __init__(self, query: Query, images: Sequence[Image], resolve: _Once, skipped: list[tuple[str, str]]) -> None:
        self._query, self._images, self._resolve = query, images, resolve
        self._targets: list[Target] = []
        self._near: list[NearMiss] = []
        self._skipped = skipped

    async def look_at(self, pod: Pod) -> None:
        """Take what fits of a pod."""
        containers = [one for one in pod.containers if not self._query.containers or one.name in self._query.containers]
        fitting = [one for one in containers if not self._images or await self._fits(pod, one)]
        if pod.absent:
            if fitting:
                self._skipped.append((pod.title, pod.absent))
            return
        for container in fitting:
            target = _target(pod, container)
            if container.running:
                self._targets.append(target)
            else:
                self._skipped.append((target.name, container.waits or "has not started"))

    async def _fits(self, pod: Pod, container: Container) -> bool:
        running = matching.runs(container)
        near: list[NearMiss] = []
        for asked in self._images:
            verdict = await matching.match(asked, running, self._resolve, any_version=self._query.match == "repository")
            if verdict.taken:
                return True
            if verdict.near:
                shown = f"{container.image} ({matching.ran(container.image_ran) or 'digest not known'})"
                near.append(NearMiss(_target(pod, container), str(asked), shown, verdict.why))
        if not pod.absent:
            self._near.extend(near)
        return False

    def result(self) -> Discovery:
        """All of it, in order."""
        return Discovery(
            tuple(sorted(self._targets, key=lambda target: target.name)),
            tuple(sorted(self._near, key=lambda near: (near.target.name, near.asked))),
            tuple(sorted(set(self._skipped))),
            tuple(self._resolve.reasons),
        )


def _target(pod: Pod, container: Container) -> Target:
    return Target(
        component=component(pod, container),
        namespace=pod.namespace,
        pod=pod.name,
        container=container.name,
        image=container.image,
        image_ran=matching.ran(container.image_ran),
        pod_uid=pod.uid,
        container_id=container.id,
        restart=container.restart,
    )
