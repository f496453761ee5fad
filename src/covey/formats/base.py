"""The seam of the formats room: a report to and from bytes."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, Self

from covey.errors import FormatError, UsageError
from covey.formats.unwrap import unwrapped
from covey.model.blocks import Blocks
from covey.model.outside import fit
from covey.model.provenance import Provenance
from covey.model.report import Report

_PIECE = 1 << 20
Figure = Literal["statements", "branches", "functions", "parts"]


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read. `name` is what people are told (a path, or "-"); `open` gives a fresh binary stream, already
    unpacked and without a byte order mark (`formats/unwrap.py`)."""

    name: str
    open: Callable[[], BinaryIO]

    @classmethod
    def of_path(cls, path: Path) -> Input:
        name = fit(str(path))
        return cls(name, lambda: unwrapped(name, path.open("rb")))

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Input:
        name = fit(name)
        return cls(name, lambda: unwrapped(name, io.BytesIO(data)))

    def read(self, limit: int) -> bytes:
        """The whole content; FormatError when there is more than `limit` bytes."""
        pieces: list[bytes] = []
        size = 0
        with self.open() as stream:
            # A read of `limit` would set as much memory aside for a file of a few bytes.
            while piece := stream.read(min(max(size, _PIECE), limit + 1 - size)):
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    raise FormatError(f"larger than {limit} bytes", path=self.name)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recorded path lies. `path` is repository-relative.

    mapped: whether a rule found it; else `path` is the recorded one without its leading "/", and `why` tells.
    rule: which rule mapped it. same: whether the source there is what ran, None when that cannot be
    told. load: reads that source; None when it cannot be had.
    """

    path: str
    mapped: bool
    rule: str
    why: str = ""
    same: bool | None = None
    load: Callable[[], bytes | None] | None = None

    @property
    def text(self) -> bytes | None:
        """The source, read anew each time: it is in the system's cache, not in this process's memory."""
        return self.load() if self.load else None


class Sources(Protocol):
    """Finds the source of a recorded path: in the checkout, in the bundle, or nowhere."""

    root: Path | None

    def locate(self, recorded: str, source_hash: str | None = None, *, via: str = "") -> Place:
        """Map a path as a process, a build or a tool recorded it. The same question gets the same answer.

        via: what led to this path where the format itself found it out, as "source map dist/app.js.map"; it is told
        before the rule by `covey report --explain-paths`.
        """

    def locate_under(self, roots: Sequence[str], recorded: str, *, else_at: str = "") -> Place:
        """Map a path that lies under one of several roots, as Cobertura's <source> names them; unmapped when several
        of them have it. else_at: a file of the checkout that it is where no rule finds any, by what the format knows of
        its language's packages."""

    def nowhere(self, recorded: str, why: str) -> Place:
        """Of a path that the format itself finds to have no place: the reason is told to the user as any other."""

    def imported(self, recorded: str) -> Place:
        """Map a file that is named by its package's import path, as Go does it: by the checkout's modules."""

    def beside(self, report: str, recorded: str) -> str:
        """A relative path that the file `report` tells, from the root: the nearest folder above the report that has
        such a file is where the tool ran. As it was recorded where no folder but the root has it."""

    def of_input(self, names: Sequence[str]) -> Sources:
        """The same for the files of one input, whose paths are judged together once all are known."""

    def unsettled(self) -> bool:
        """Of one input, once it was read: whether some places turn out not to hold. They are given as none from now on,
        so it is to be read again."""

    def import_path(self, path: str) -> str | None:
        """What Go calls a file of the checkout; None where it is no file of a Go module there."""

    @property
    def located(self) -> Collection[tuple[str, Place]]:
        """What was asked so far, as (recorded path, place)."""

    def listing(self, suffix: str) -> Sequence[str]:
        """The repository-relative paths of the checkout that end in `suffix`, ascending; empty without a checkout."""


class Format(ABC):
    """One format, read and written. What has a body here is what most formats do: they leave it out.

    name: what --format and --from take. unites: "files" where all files of one merge are handed over at once, "folder"
    where those of a folder belong together besides: what was recorded is joined before it is judged, which is less work
    or more exact than merging reports. only_read: what to do instead, for a format that cannot be written. loses: what
    `write` has no place for; people are told where a report has it.
    """

    name: str
    unites: Literal["", "files", "folder"] = ""
    only_read: str = ""
    loses: frozenset[Figure] = frozenset()

    @abstractmethod
    def sniff(self, name: str, head: bytes) -> bool:
        """Whether a file of this name that begins with these bytes (up to 4096) is of this format."""

    @abstractmethod
    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """The report in one capture's files; FormatError with path and line or offset when they are damaged."""

    def read_input(self, files: Sequence[Input], sources: Sources) -> Report:
        """The report in the files of one input, whose paths are judged together; so it is read twice where some of them
        turn out to lie elsewhere."""
        own = sources.of_input([file.name for file in files])
        report = self.read(files, own)
        return self.read(files, own) if own.unsettled() else report

    def write(self, report: Report, out: BinaryIO) -> None:  # noqa: ARG002 - the seam's shape
        """Write what the format can hold; the same report gives the same bytes. UsageError where it is only read."""
        raise UsageError(f"{self.name} is only read", hint=self.only_read)

    def complete(self, report: Report, sources: Sources) -> Report:  # noqa: ARG002 - the seam's shape
        """Add what counts though no process loaded it, once all of this format is merged. Most tools know what was
        built, or what they were asked for, and have it in their files."""
        return report

    def at(self, sources: Sources) -> Self:  # noqa: ARG002 - the seam's shape
        """The same format, as it writes for a known checkout."""
        return self

    def named(self, report: Report, sources: Sources) -> Report:  # noqa: ARG002 - the seam's shape
        """The report, before it is written for a known checkout, with files called as the format's own tools call
        them."""
        return report

    def losses(self, report: Report) -> Iterable[str]:
        """Notes on what `write` leaves out; UsageError where nothing would be left."""
        if lost := [figure for figure in figures_of(report) if figure in self.loses]:
            told = ", ".join(lost).replace("statements", "statements (their lines count in their place)")
            yield f"left out of {self.name}, which has no place for them: {told}; covey's own (--format json) has"

    def origins(self, file: Input) -> Iterable[Provenance]:  # noqa: ARG002 - the seam's shape
        """Where the figures of a file that tells commits come from, without reading them."""
        return ()

    def unite(
        self,
        files: Sequence[Input],  # noqa: ARG002 - the seam's shape
        sources: Sources,  # noqa: ARG002
        scope: Callable[[Report], Report] | None,  # noqa: ARG002
    ) -> Joined | None:
        """Several files as one with all that they hold, also what a report has no place for; None where that cannot
        be. scope: takes out what does not count."""
        return None


def figures_of(report: Report) -> list[Figure]:
    """What a report has besides lines."""
    files = report.files.values()
    there: dict[Figure, bool] = {
        "statements": any(isinstance(file.blocks, Blocks) for file in files),
        "branches": any(len(file.branches) for file in files),
        "functions": any(len(file.functions) for file in files),
        "parts": any(name.startswith("part:") for name in report.slices),
    }
    return [figure for figure, is_there in there.items() if is_there]


class Joined(Protocol):
    """Files of one format as one, to be written once. notes: for the reader."""

    notes: tuple[str, ...]

    def write(self, out: BinaryIO) -> None: ...
