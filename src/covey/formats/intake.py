"""What every format keeps to: bounds on what comes in, the provenance of a named file, one file of several tellings,
names fit to go out."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from covey.errors import FormatError
from covey.formats.base import Input
from covey.loops.bounds import LAST_LINE, MOST_HITS
from covey.model.blocks import Blocks
from covey.model.merge import How, merge_files
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Key, Report

MOST_BYTES = 1 << 30  # of one file, and of what it unpacks to
MOST_NAMED = 20_000_000  # lines that one file may name by ranges, beyond one a byte: a few bytes can name very many


def provenance(file: Input, data: bytes, name: str) -> Provenance:
    """Of a file whose whole content is `data`, read as format `name`."""
    import hashlib

    return Provenance(format=name, path=file.name, digest=f"sha256:{hashlib.sha256(data).hexdigest()}")


def clean(text: str) -> str:
    """A name from outside, fit for a terminal, a file and JSON: what cannot be printed becomes %XX."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else "".join(f"%{byte:02X}" for byte in _bytes(character))
        for character in text
    )


def _bytes(character: str) -> bytes:
    """The character's bytes; of a byte that was no UTF-8 (a lone surrogate, as Python keeps it), that byte."""
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) & 0xFF])
    return character.encode("utf-8", "surrogatepass")


@contextmanager
def collector_off() -> Iterator[None]:
    """Without garbage collection: loading large JSON makes many objects and no cycles (2.5 times faster)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def line_of(number: int | None) -> int:
    """The number, when it can be that of a line; ValueError otherwise."""
    if number is None or not 1 <= number <= LAST_LINE:
        raise ValueError(f"{number} is no line number")
    return number


def check_hits(hits: int, file: str) -> int:
    """The hits, saturated; FormatError when negative."""
    if hits < 0:
        raise FormatError(f"{hits} hits: less than none", path=file)
    return min(hits, MOST_HITS)


def utc(text: str, file: str) -> datetime:
    """A time of ISO 8601, in UTC; one without an offset is in UTC already. FormatError for what is none."""
    try:
        when = datetime.fromisoformat(text)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # beyond the first or last year, once the offset is taken off
        raise FormatError(f"{clean(text[:40])!r} is no time", path=file) from None


class Merging:
    """Files of which an input may tell in several places; what it tells of one path is merged by the law of merging.

    Not one by one: a large file and very many small tellings of it would cost the large one each time. What waits of
    a path is less than half as large as what waits before it, so it is little, and all together takes n log n.
    """

    def __init__(self, how: How = "sum", *, relaxed: bool = False) -> None:
        self._how: How = how
        self._relaxed = relaxed
        self._waiting: dict[str, list[FileCoverage]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._waiting

    def add(self, file: FileCoverage) -> None:
        """SourceMismatch, here or from `files`, as merging has it."""
        waiting = self._waiting.get(file.path)
        if waiting is None:
            self._waiting[file.path] = [file]
            return
        while waiting and _size(waiting[-1]) <= 2 * _size(file):
            file = merge_files(waiting.pop(), file, self._how, relaxed=self._relaxed)
        waiting.append(file)

    def files(self) -> Iterator[FileCoverage]:
        """One a path, in the order in which the paths came."""
        for waiting in self._waiting.values():
            while len(waiting) > 1:
                last = waiting.pop()
                waiting[-1] = merge_files(waiting[-1], last, self._how, relaxed=self._relaxed)
            yield waiting[0]


def _size(file: FileCoverage) -> int:
    """About what merging it costs. Lines that follow from blocks are not asked for: merging does not need them."""
    blocks = file.blocks if isinstance(file.blocks, Blocks) else None
    lines = 0 if blocks is not None and blocks.lines_by else len(file.lines.numbers)
    return lines + len(file.branches.lines) + len(file.functions.names) + (len(blocks) if blocks is not None else 0)


def flat_paths(report: Report) -> dict[Key, str]:
    """The name of each file in a format that knows one repository only: its path; where several repositories have that
    path, the repository before it."""
    count = Counter(path for _, path in report.files)
    return {
        (repository, path): clean(path if count[path] == 1 or repository is None else f"{repository}/{path}")
        for repository, path in report.files
    }
