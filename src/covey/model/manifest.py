"""What a bundle says of itself: its captures, its failures, and their JSON, read as strictly as anything from outside.

The JSON is a superset of coverport's collection manifest 1.0: `version`, `test_name`, `collected_at`,
`collection_params` and of each component `name`, `image`, `coverage_dir`, `namespace`, `pod_name`, `container_name`,
`collected_at` keep their meaning.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from covey._version import VERSION
from covey.errors import BundleError
from covey.model.outside import Table, clean, parse
from covey.model.provenance import CaptureId, Provenance, Target

SCHEMA = "covey.bundle/1"
LIMIT = 64 * 2**20  # bytes of a manifest; a capture takes about one kilobyte

WHICH = "name a folder that covey collect -o made"

Status = Literal["complete", "partial", "empty"]
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,254}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One raw file. size: bytes. sha256: 64 hex digits, "" where a foreign manifest does not tell."""

    name: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """What tells a process of one container from another: see CaptureId. folded: how many others that ended are told in
    its place, as an agent folds what they have left."""

    pid: int = 0
    started: str = ""
    epoch: int = 0
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A target that gave nothing, or not all. reason: a word for programs, as "deadline" or an error's slug; what: a
    sentence for people; hint: the cure, or ""."""

    target: str
    reason: str
    what: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """What one agent gave at one moment. `directory` and the names of `files` are relative to the bundle, in covey's
    own characters; everything else is as the outside says it, "" where unknown. Times are UTC."""

    target: Target
    collected_at: datetime
    directory: str = ""
    agent: str = ""
    format: str = ""
    port: int = 0
    boot_id: str = ""
    repository: str = ""
    commit: str = ""
    processes: tuple[Process, ...] = ()
    files: tuple[StoredFile, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[CaptureId, ...]:
        """The recordings in it, at least one: a capture without process identity is one with pid 0."""
        place = self.target
        return tuple(
            CaptureId(
                place.pod_uid or place.name,
                place.container_id,
                place.restart,
                self.boot_id,
                process.pid,
                process.started,
                process.epoch,
            )
            for process in self.processes or (Process(),)
        )

    @property
    def process_count(self) -> int:
        """How many processes are told of, each by itself or in another's place."""
        return sum(1 + one.folded for one in self.processes)

    def provenance(self, test: str, which: CaptureId | None = None) -> Provenance:
        """Where it comes from. which: one of `ids`; the first by default."""
        place = self.target
        return Provenance(
            component=place.component,
            image=place.image,
            image_ran=place.image_ran,
            repository=self.repository,
            commit=self.commit,
            namespace=place.namespace,
            pod=place.pod,
            container=place.container,
            test=test,
            agent=self.agent,
            format=self.format,
            collected_at=self.collected_at,
            covey=VERSION,
            capture=which or self.ids[0],
            path=place.url,
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A bundle's own account. params: what was asked for, as JSON, for the record only."""

    test: str
    collected_at: datetime
    captures: tuple[Capture, ...] = ()
    failures: tuple[Failure, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False  # made by coverport: its files are not listed

    @property
    def status(self) -> Status:
        if not self.captures:
            return "empty"
        return "partial" if self.failures else "complete"

    def to_bytes(self) -> bytes:
        table = {
            "schema": SCHEMA,
            "version": "1.0",
            "test_name": self.test,
            "status": self.status,
            "collected_at": to_time(self.collected_at),
            "collection_params": dict(self.params),
            "components": [capture_to_json(capture) for capture in self.captures],
            "failures": [failure_to_json(failure) for failure in self.failures],
            "covey": VERSION,
        }
        return (json.dumps(table, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """BundleError for what is no manifest, is damaged, leaves the bundle's folder, or is newer than this covey."""
        table = Table(parse(data))
        schema = table.text("schema")
        if schema and schema.partition("/")[0] != "covey.bundle":
            raise BundleError(f"its manifest has the schema {schema!r}, not {SCHEMA!r}", hint=WHICH)
        if schema not in ("", SCHEMA):
            raise BundleError(f"it is of schema {schema!r}, newer than this covey", hint="update covey")
        if not schema and table.text("version") != "1.0":
            raise BundleError("its metadata.json is no manifest: it has neither schema nor version 1.0", hint=WHICH)
        foreign = not schema
        manifest = cls(
            test=table.text("test_name"),
            collected_at=table.time("collected_at"),
            captures=tuple(capture_from_json(Table(row), foreign) for row in table.rows("components")),
            failures=tuple(failure_from_json(Table(row)) for row in table.rows("failures")),
            params=table.mapping("collection_params"),
            foreign=foreign,
        )
        if not foreign and table.text("status") not in get_args(Status):
            raise BundleError(f"its status {table.text('status')!r} is unknown")
        folders = Counter(() if foreign else (one.directory for one in manifest.captures))  # coverport's replicas share
        if twice := [folder for folder, times in folders.items() if times > 1]:
            raise BundleError(f"its manifest names the folder {twice[0]!r} twice")
        return manifest


def capture_to_json(capture: Capture) -> dict[str, Any]:
    """A capture as the manifest and the journal have it."""
    place = capture.target
    table: dict[str, Any] = {
        "name": place.component,
        "image": place.image,
        "image_ran": place.image_ran,
        "coverage_dir": capture.directory,
        "namespace": place.namespace,
        "pod_name": place.pod,
        "container_name": place.container,
        "collected_at": to_time(capture.collected_at),
        "url": place.url,
        "agent": capture.agent,
        "format": capture.format,
        "port": capture.port,
        "repository": capture.repository,
        "commit": capture.commit,
        "pod_uid": place.pod_uid,
        "container_id": place.container_id,
        "restart": place.restart,
        "boot_id": capture.boot_id,
        "processes": [_process_to_json(one) for one in capture.processes],
        "files": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in capture.files],
    }
    return table | ({"warnings": list(capture.warnings)} if capture.warnings else {})


def capture_from_json(table: Table, foreign: bool = False) -> Capture:
    """The reverse; `foreign` manifests do not list files, and name them as they like."""
    directory = table.text("coverage_dir")
    parts = directory.split("/")
    if not all(_PART.fullmatch(part) for part in parts) and not (foreign and _stays_inside(parts)):
        raise BundleError(f"its manifest names the folder {directory[:200]!r}, which does not lie in the bundle")
    place = Target(
        component=table.text("name"),
        namespace=table.text("namespace"),
        pod=table.text("pod_name"),
        container=table.text("container_name"),
        image=table.text("image"),
        image_ran=table.text("image_ran"),
        pod_uid=table.text("pod_uid"),
        container_id=table.text("container_id"),
        restart=table.number("restart"),
        url=table.text("url"),
    )
    return Capture(
        target=place,
        collected_at=table.time("collected_at"),
        directory=directory,
        agent=table.text("agent"),
        format=table.text("format"),
        port=table.number("port"),
        boot_id=table.text("boot_id"),
        repository=table.text("repository"),
        commit=table.text("commit"),
        processes=tuple(_process(Table(row)) for row in table.rows("processes")),
        files=() if foreign else tuple(_file(Table(row)) for row in table.rows("files")),
        warnings=tuple(clean(str(row)) for row in table.rows("warnings")),
    )


def failure_to_json(failure: Failure) -> dict[str, str]:
    return {"target": failure.target, "reason": failure.reason, "what": failure.what, "hint": failure.hint}


def failure_from_json(table: Table) -> Failure:
    return Failure(table.text("target"), table.text("reason"), table.text("what"), table.text("hint"))


def _process_to_json(one: Process) -> dict[str, Any]:
    table: dict[str, Any] = {"pid": one.pid, "started": one.started, "epoch": one.epoch}
    return table | ({"folded": one.folded} if one.folded else {})


def _process(table: Table) -> Process:
    return Process(table.number("pid"), table.text("started"), table.number("epoch", -(2**63)), table.number("folded"))


def _file(table: Table) -> StoredFile:
    one = StoredFile(table.text("name"), table.number("size"), table.text("sha256"))
    if not is_plain(one.name) or not re.fullmatch(r"[0-9a-f]{64}", one.sha256):
        raise BundleError(f"its manifest lists the file {one.name[:200]!r} with a name or digest that cannot be")
    return one


def is_plain(name: str) -> bool:
    """Whether a file or folder name is in covey's own characters, so that it cannot lead anywhere else."""
    return bool(_PART.fullmatch(name))


def _stays_inside(parts: Sequence[str]) -> bool:
    return all(part not in ("", ".", "..") and "\\" not in part and clean(part) == part for part in parts)


def to_time(moment: datetime) -> str:
    """ISO 8601 in UTC, with "Z"."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
