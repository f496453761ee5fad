"""The seam of the formats room: a report to and from bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from covey.errors import FormatError
from covey.model.report import Report


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read. `name` is what people are told (a path, or "-"); `open` gives a fresh binary stream."""

    name: str
    open: Callable[[], BinaryIO]

    @classmethod
    def of_path(cls, path: Path) -> Input:
        return cls(_fit(str(path)), lambda: path.open("rb"))

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Input:
        return cls(_fit(name), lambda: io.BytesIO(data))

    def read(self, limit: int) -> bytes:
        """The whole content; FormatError when there is more than `limit` bytes."""
        with self.open() as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise FormatError(f"larger than {limit} bytes", path=self.name)
        return data


def _fit(name: str) -> str:
    """A name as UTF-8 can hold it: it goes into reports. Bytes of it that are none become \\udcXX, written out."""
    return name.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recorded path lies. `path` is repository-relative.

    mapped: whether a rule found it; else `path` is the recorded one without its leading "/", and `why` tells.
    rule: which rule mapped it. text: the source, when it can be had. same: whether that text is what ran, None when
    that cannot be told.
    """

    path: str
    mapped: bool
    rule: str
    why: str = ""
    text: bytes | None = None
    same: bool | None = None


class Sources(Protocol):
    """Finds the source of a recorded path: in the checkout, in the bundle, or nowhere."""

    root: Path | None

    def locate(self, recorded: str, source_hash: str | None = None) -> Place:
        """Map a path as a process, a build or a tool recorded it. The same question gets the same answer."""

    def listing(self, suffix: str) -> Sequence[str]:
        """The repository-relative paths of the checkout that end in `suffix`, ascending; empty without a checkout."""


class Format(Protocol):
    """One format. `name` is what --format and --from take."""

    name: str

    def sniff(self, name: str, head: bytes) -> bool:
        """Whether a file of this name that begins with these bytes (up to 4096) is of this format."""

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """The report in one capture's files; FormatError with path and line or offset when they are damaged."""

    def write(self, report: Report, out: BinaryIO) -> None:
        """Write what the format can hold; the same report gives the same bytes. UsageError where it is only read."""

    def complete(self, report: Report, sources: Sources) -> Report:
        """Add what counts though no process loaded it, once all of this format is merged."""
