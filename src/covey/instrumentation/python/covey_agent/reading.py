"""Reads segments, the files in which processes record (docs/reference/wire.md, "The segment").

Everything here is read with `pread`, never through a mapping: a file that somebody shortens under us gives a short
read, while a mapping would kill the reader with SIGBUS. What a file claims is checked against its size and against
bounds before it is believed; a file that is no segment raises NotASegment and takes nothing else with it.
"""

from __future__ import annotations

import os
import stat
import struct

from covey_agent import masks, processes
from covey_agent import segment as layout
from covey_agent import spool as spools

HEADER = layout.HEADER_SIZE
MAX_SEGMENT = 256 << 20
MAX_SEGMENTS = 4096
MAX_RECORDS = 200_000
CORES = {number: name for name, number in layout.CORES.items()}

_FIXED = struct.Struct("<8sIIQ16sdHH4xQIII")
_RECORD = struct.Struct("<II32sHH")
_RECORD_HEAD = layout.RECORD_PATH
_SMALLEST = 8


class NotASegment(ValueError):
    """The file is not a segment, or is damaged so that none of it can be believed. Says why."""


class Unfinished(NotASegment):
    """A segment whose process has not yet written its header, or ended before it could: nothing was recorded."""


class Record:
    """One file of source that a process loaded: where its two masks are in the segment, not the masks themselves."""

    __slots__ = ("before_at", "lines", "not_recorded", "now_at", "path", "source_hash")

    def __init__(self, path: str, source_hash: str | None, lines: int, now_at: int, not_recorded: bool) -> None:
        self.path = path  # as the process has it; bytes that are no UTF-8 are surrogates
        self.source_hash = source_hash  # "sha256:..." or None when unknown
        self.lines = lines  # the highest line number, 0 when it holds no lines
        self.now_at = now_at
        self.before_at = now_at + lines + 1
        self.not_recorded = not_recorded


class Segment:
    """A segment as it was at one moment: its header, its records, and the bytes that they point into."""

    def __init__(self, name: str, data: bytes) -> None:
        if len(data) < HEADER or data[:8] != layout.MAGIC:
            raise NotASegment("no segment")
        fixed = _FIXED.unpack_from(data)
        self.name = name
        self.pid, self.hexversion, self.start_ticks = fixed[1:4]
        self.boot_id = _uuid(fixed[4])
        self.started, core, self.flags = fixed[5:8]
        self.end, self.wanted, self.acknowledged, self.folded = fixed[8:12]
        if core not in CORES:
            raise NotASegment(f"core {core} is not known")
        self.core = CORES[core]
        self.program = _counted(data, layout.PROGRAM, layout.PROGRAM_MAX).decode("utf-8", "replace")
        self.address = _counted(data, layout.WAKE, layout.WAKE_MAX)
        self.data = data
        self.damaged = False
        self.taken: set[str] = set()  # names of segment files that were folded into this one last
        self.missing: set[str] = set()  # packages that were asked for and not found
        self.records = self._walk()

    @property
    def full(self) -> bool:
        return bool(self.flags & layout.FULL)

    @property
    def needs_waking(self) -> bool:
        return not self.flags & layout.NO_ACKNOWLEDGEMENT

    def is_alive(self) -> bool:
        """Whether the process that wrote it runs; says nothing of children that still write into it."""
        return processes.is_alive(self.pid, self.start_ticks)

    def now(self, record: Record) -> bytes:
        """The lines that ran in the open window."""
        return masks.clean(self.data[record.now_at : record.before_at])

    def before(self, record: Record) -> bytes:
        """The lines that ran in closed windows."""
        return masks.clean(self.data[record.before_at : record.before_at + record.lines + 1])

    def _walk(self) -> list[Record]:
        """The records up to the end that the header gives; from the first that makes no sense on, none."""
        records: list[Record] = []
        end = min(self.end, len(self.data))
        self.damaged = self.end > len(self.data)
        at = HEADER
        while at + _SMALLEST <= end and len(records) < MAX_RECORDS:
            length = struct.unpack_from("<I", self.data, at)[0]
            if length < _SMALLEST or length % 8 or at + length > end:
                self.damaged = True
                break
            # Shorter than a record's head is padding at the end of a mapping.
            record = self._record(at, length) if length >= _RECORD_HEAD else None
            if record is not None:
                records.append(record)
            at += length
        return records

    def _record(self, at: int, length: int) -> Record | None:
        _, lines, digest, path_length, flags = _RECORD.unpack_from(self.data, at)
        not_recorded = bool(flags & layout.NOT_RECORDED)
        names = self.taken if flags & layout.TAKEN_IN else self.missing if flags & layout.MISSING else None
        if names is not None and _RECORD_HEAD + path_length <= length:
            names.add(self.data[at + _RECORD_HEAD : at + _RECORD_HEAD + path_length].decode("utf-8", "replace"))
            return None
        if not path_length or (not lines and not not_recorded):
            return None
        now = _RECORD_HEAD + (path_length + 7 & ~7)
        needed = now if not_recorded else now + 2 * (lines + 1)
        if needed > length or lines > masks.MAX_LINE:
            self.damaged = True
            return None
        raw = self.data[at + _RECORD_HEAD : at + _RECORD_HEAD + path_length]
        if b"\0" in raw:
            self.damaged = True
            return None
        path = raw.decode("utf-8", "surrogateescape")
        known = "sha256:" + digest.hex() if any(digest) else None
        return Record(path, known, 0 if not_recorded else lines, at + now, not_recorded)


def _counted(data: bytes, at: int, most: int) -> bytes:
    """The bytes of a field that begins with their number; none when the number is past what the field may hold."""
    length = struct.unpack_from("<H", data, at)[0]
    return data[at + 2 : at + 2 + length] if length <= most else b""


def _uuid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def open_segment(path: str, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a regular file that is no link. Raises OSError, or NotASegment when it is something else."""
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and not status.st_size:
        os.close(fd)
        raise Unfinished("nothing in it yet")
    if not stat.S_ISREG(status.st_mode) or not HEADER <= status.st_size <= MAX_SEGMENT:
        os.close(fd)
        raise NotASegment("not a file of a segment's size")
    return fd


def read_descriptor(fd: int, name: str) -> Segment:
    """The segment behind a descriptor, as far as its header says that it is complete."""
    head = os.pread(fd, HEADER, 0)
    if len(head) < HEADER or head[:8] != layout.MAGIC:
        raise NotASegment("no segment") if any(head[:8]) else Unfinished("no header yet")
    end = struct.unpack_from("<Q", head, layout.END)[0]
    rest = _read(fd, HEADER, min(end, MAX_SEGMENT, os.fstat(fd).st_size) - HEADER)
    # The header is the one read first: its end is older than the records, so that they are complete.
    return Segment(name, head + rest)


def _read(fd: int, at: int, length: int) -> bytes:
    parts = []
    while length > 0:
        part = os.pread(fd, min(length, 1 << 20), at)
        if not part:
            break
        parts.append(part)
        at += len(part)
        length -= len(part)
    return b"".join(parts)


def read_segment(path: str) -> Segment:
    """The segment in a file. Raises OSError or NotASegment."""
    fd = open_segment(path)
    try:
        return read_descriptor(fd, os.path.basename(path))
    finally:
        os.close(fd)


def names(spool: str) -> list[str]:
    """Names of the segment files in the spool, ascending, at most MAX_SEGMENTS."""
    try:
        return sorted(name for name in os.listdir(spool) if name.endswith(layout.SUFFIX))[:MAX_SEGMENTS]
    except OSError:
        return []


def read_header(path: str) -> Segment:
    """The segment in a file without its records. Raises OSError or NotASegment."""
    fd = open_segment(path)
    try:
        head = os.pread(fd, HEADER, 0)
    finally:
        os.close(fd)
    return Segment(os.path.basename(path), head)


def is_held(path: str) -> bool:
    """Whether any process still maps the segment, children of its writer among them.

    The writer takes a shared lock on the file that it maps; the kernel keeps it until the last mapping is gone."""
    fd = open_segment(path)
    try:
        return spools.has_locked(fd)
    finally:
        os.close(fd)
