"""Where a capture comes from: the target, the image that ran, the commit, the process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Image:
    """A reference to an image: registry[:port]/name[:tag][@digest], split; `tag` and `digest` may be "".

    The rule is the distribution project's reference grammar: a first component with "." or ":" or equal to
    "localhost" is a registry, a ":" after the last "/" starts a tag.
    """

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, reference: str) -> Image:
        """ValueError when there is no repository. Docker Hub's short names are written out (docker.io/library/x)."""
        rest, _, digest = reference.strip().partition("@")
        head, slash, tail = rest.rpartition("/")
        name, _, tag = tail.partition(":")
        repository = f"{head}{slash}{name}"
        if not name or any(character.isspace() for character in repository):
            raise ValueError(f"not an image reference: {reference!r}")
        first = repository.split("/", 1)[0]
        if "/" not in repository:
            repository = f"docker.io/library/{repository}"
        elif not ("." in first or ":" in first or first == "localhost"):
            repository = f"docker.io/{repository}"
        return cls(repository, tag, digest)

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, slots=True)
class CaptureId:
    """One process's cumulative recording. A later capture of an equal id replaces an earlier one.

    started: whatever identifies the start of the process on its machine, as text (the agents here: UTC to the
    millisecond). A capture without any process identity has pid 0. `epoch` moves on where an agent's counters
    cannot be cumulative. Negative: nobody knows since when the process has counted (an agent of the old protocols);
    the time of the collection, milliseconds since 1970, negated. Such captures replace none and are replaced by none.
    """

    pod_uid: str = ""
    container_id: str = ""
    restart: int = 0
    boot_id: str = ""
    pid: int = 0
    started: str = ""
    epoch: int = 0

    @property
    def process(self) -> CaptureId:
        """The same for all that differ only in a negative epoch: states of one recording, or recordings on both sides
        of a reset."""
        return replace(self, epoch=-1) if self.epoch < 0 else self


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one set of figures comes from. Everything that is not known is "" (or None).

    path: of the file, where the source is a file the user named. digest: "sha256:..." of what was read; equal sources
    collapse, unequal ones of one capture are refused. report: the same of covey's report that told of this source, of
    which it may have a part only; never written.
    """

    component: str = ""
    image: str = ""
    image_ran: str = ""
    repository: str = ""
    commit: str = ""
    namespace: str = ""
    pod: str = ""
    container: str = ""
    test: str = ""
    agent: str = ""
    format: str = ""
    collected_at: datetime | None = None
    covey: str = ""
    capture: CaptureId | None = None
    path: str = ""
    digest: str = ""
    report: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Target:
    """One container (or one address) that may hold agents.

    component: the name its captures are grouped by: label app.kubernetes.io/name, app, app.kubernetes.io/component,
    else the image's last name. image: as the pod's spec has it. image_ran: what the runtime says it runs, as
    repository@sha256:... or sha256:...; may be "". url: for a target named by address instead of by pod.
    """

    component: str
    namespace: str = ""
    pod: str = ""
    container: str = ""
    image: str = ""
    image_ran: str = ""
    pod_uid: str = ""
    container_id: str = ""
    restart: int = 0
    url: str = ""

    @property
    def name(self) -> str:
        """How people are told of it: namespace/pod/container, or the address."""
        return self.url or "/".join(part for part in (self.namespace, self.pod, self.container) if part)
