"""Pods as covey needs to know them: plain facts, apart from the client library that fetched them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")
SYSTEM_PREFIXES = ("openshift-",)
_LABELS = ("app.kubernetes.io/name", "app", "app.kubernetes.io/component")


def is_system(namespace: str) -> bool:
    """Whether "all namespaces" leaves it out: kube-system, kube-public, kube-node-lease and openshift-*."""
    return namespace in SYSTEM_NAMESPACES or namespace.startswith(SYSTEM_PREFIXES)


@dataclass(frozen=True, slots=True)
class Container:
    """image: as the pod's spec has it; image_ran, id: as its status has them. waits: why it does not run, or ""."""

    name: str
    image: str
    image_ran: str = ""
    id: str = ""
    restart: int = 0
    running: bool = False
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """containers: those that stay: the pod's own, and init containers that restart always (sidecars).

    owners: uids of what it belongs to. reason: the kubelet's word on a pod that does not run.
    """

    namespace: str
    name: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    phase: str = ""
    reason: str = ""
    deleting: bool = False
    containers: Sequence[Container] = ()

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def absent(self) -> str:
        """Why nothing can be asked of it, or ""."""
        if self.deleting:
            return "is being deleted"
        if self.phase != "Running":
            return f"is {self.phase or 'without a phase'}" + (f" ({self.reason})" if self.reason else "")
        return ""


def component(pod: Pod, container: Container) -> str:
    """The name its captures are grouped by: a label, else the image's last name (see model.provenance.Target)."""
    for label in _LABELS:
        if pod.labels.get(label):
            return pod.labels[label]
    return container.image.partition("@")[0].rpartition("/")[2].partition(":")[0] or container.name


@dataclass(frozen=True, slots=True)
class Workload:
    """What makes pods. selector: of labels, as text. owners: uids that its pods may name as theirs."""

    kind: str
    namespace: str
    name: str
    selector: str = ""
    owners: frozenset[str] = frozenset()
