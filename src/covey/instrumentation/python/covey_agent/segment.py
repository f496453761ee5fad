"""The segment: one file a process, shared and mapped, that holds which lines ran (docs/reference/wire.md).

The constants are the layout; this file's `Segment` writes it, `reading.py` reads it.

Rules of the writer, which a reader may rely on:

- A record is complete before the end in the header is moved past it.
- The application's process stores only the constant 1 and only in *now*.
- A child made by fork goes on storing in its parent's segment for the files the parent knew, also after the parent's
  death, and has a segment of its own for the rest. So who closes a window clears *now* in **all** segments before
  **any** process is asked to re-arm: a child that is re-armed first would store into a plane that is cleared later.
- `os.execv` keeps pid and start: two segments may carry the same identity, and what they hold adds up.

No lock is used: a signal handler may interrupt the writer and load a module itself, another thread may fork in the
middle. Positions are claimed with `dict.setdefault`, which is one step for every thread and handler.
"""

from __future__ import annotations

import mmap
import os
import sys

MAGIC = b"COVEYSG1"
SUFFIX = ".seg"

HEADER_SIZE = 4096
PID = 8  # u32
HEXVERSION = 12  # u32
START_TICKS = 16  # u64
BOOT_ID = 24  # 16 bytes
STARTED = 40  # f64
CORE = 48  # u16
FLAGS = 50  # u16
END = 56  # u64
EPOCH_WANTED = 64  # u32, written by the helper
EPOCH_DONE = 68  # u32, written by the process
FOLDED = 72  # u32: how many other ended processes' records are in it too (folding.py)
PROGRAM = 128  # u16 length, then bytes
PROGRAM_MAX = 1024
WAKE = 1280  # u16 length, then bytes
WAKE_MAX = 256

CORES = {"monitoring": 1, "probes": 2, "ctrace": 3}

FULL = 1  # header flag: something of this process was not recorded
NO_ACKNOWLEDGEMENT = 2  # header flag: lines are always armed

RECORD_LENGTH = 0  # u32, the whole record, a multiple of 8
RECORD_LINES = 4  # u32, N, the highest line number; 0: padding or a note
RECORD_HASH = 8  # 32 bytes
RECORD_PATH_LENGTH = 40  # u16
RECORD_FLAGS = 42  # u16
RECORD_PATH = 48
NOT_RECORDED = 1  # record flag: a note that this file was loaded before the agent could see it
MISSING = 4  # record flag: a note that COVEY_AGENT_SOURCE names a package that was not found
TAKEN_IN = 2  # record flag: a note that the segment file of this name is folded into this one

UNKNOWN_HASH = bytes(32)
LINES_MAX = 4_000_000
PATH_MAX = 4096

FIRST_EXTENT = 16 * 1024
SECOND_EXTENT = 64 * 1024
LARGEST_STEP = 1024 * 1024


class SegmentFull(Exception):
    """No room: SPOOL_MAX is reached, the device is full or the file cannot be opened any more."""


class _Extent:
    """One mapping of the file, bytes `start` to `stop` of it."""

    __slots__ = ("map", "start", "stop", "view")

    def __init__(self, mapping, start, stop):
        self.map = mapping
        self.view = memoryview(mapping)
        self.start = start
        self.stop = stop


def record_size(path_length: int, lines: int) -> int:
    """Length in bytes of the record of a file of `lines` lines whose path is `path_length` bytes; a multiple of 8."""
    return RECORD_PATH + _eight(path_length) + (_eight(2 * (lines + 1)) if lines else 0)


def record_head(name: bytes, source_hash: bytes, lines: int, flags: int = 0) -> bytes:
    """A record up to the end of its path, `name`; the rest of it is zeros at first. `source_hash`: 32 bytes."""
    size = record_size(len(name), lines)
    return (
        (size | lines << 32).to_bytes(8, "little")
        + source_hash
        + (len(name) | flags << 16).to_bytes(8, "little")
        + name
    )


def _eight(size):
    return (size + 7) & ~7


class Segment:
    """The writer of one process's segment.

    `files` (a `spool.Spool`) opens and reserves; any `OSError` of it means there is no room. `identity` is an
    `processes.Identity`. Attributes: `name` of the file, `folder` it is in, `identity`, `uid`.
    """

    def __init__(self, files, identity, core: str, program: str = "", flags: int = 0) -> None:
        self.identity = identity
        self.uid = os.geteuid()
        self.folder = files.folder
        self._files = files
        self._claims = {}
        self._extents = {}
        granularity = mmap.ALLOCATIONGRANULARITY
        self._first = max(FIRST_EXTENT, granularity)
        self.name, fd = files.create(identity)
        try:
            files.reserve(fd, 0, self._first)
            mapping = files.map(fd, 0, self._first)
        except BaseException:
            files.discard(self.name)
            raise
        finally:
            os.close(fd)
        extent = _Extent(mapping, 0, self._first)
        self._extents[0] = extent
        self._header = mapping
        self._published = HEADER_SIZE
        self._hint = (HEADER_SIZE, extent)
        self._write_header(core, program, flags)

    def _write_header(self, core, program, flags):
        header = self._header
        identity = self.identity
        _put(header, PID, 4, identity.pid)
        _put(header, HEXVERSION, 4, sys.hexversion)
        _put(header, START_TICKS, 8, identity.start_ticks)
        header[BOOT_ID : BOOT_ID + 16] = identity.boot_id
        header[STARTED : STARTED + 8] = identity.started
        _put(header, CORE, 2, CORES[core])
        _put(header, FLAGS, 2, flags)
        _put(header, END, 8, HEADER_SIZE)
        _put_text(header, PROGRAM, program.encode("utf-8", "surrogateescape")[:PROGRAM_MAX])
        header[0:8] = MAGIC

    def add(self, path: str, source_hash: bytes, lines: int) -> memoryview:
        """The *now* plane of a file: a writable memoryview of `lines` + 1 bytes, byte n for line n.

        `path` is text, `source_hash` 32 bytes. Raises SegmentFull."""
        name = path.encode("utf-8", "surrogateescape")
        if not 0 < lines <= LINES_MAX or len(name) > PATH_MAX:
            raise SegmentFull(f"a file of {lines} lines")
        return self.add_ready(record_head(name, source_hash, lines), lines)

    def add_ready(self, head: bytes, lines: int) -> memoryview:
        """As `add`, of a file whose `record_head` is at hand."""
        now = len(head) + 7 & ~7
        view, at = self._append(now + (2 * lines + 9 & ~7), head)
        return view[at + now : at + now + lines + 1]

    def note(self, path: str, flag: int = NOT_RECORDED) -> None:
        """Says that the file at `path` was loaded too early to be recorded, or what else the flag says. Raises
        SegmentFull."""
        name = path.encode("utf-8", "surrogateescape")[:PATH_MAX]
        self._append(record_size(len(name), 0), record_head(name, UNKNOWN_HASH, 0, flag))

    def _append(self, size, head):
        """Claims, writes and publishes a record; its extent's bytes and where it begins there. Every module that is
        loaded comes by here, mostly alone: so the usual way is short."""
        claim = [size, False]  # and whether its record is complete
        position, extent = self._hint
        if size > extent.stop - position or self._claims.setdefault(position, claim) is not claim:
            extent, position = self._claim(claim, position, extent)
        end = position + size
        self._hint = (end, extent)
        at = position - extent.start
        extent.map[at : at + len(head)] = head
        claim[1] = True
        if self._published == position:  # nobody before us is at work, nor, mostly, behind us
            self._published = end
            self._header[56:64] = end.to_bytes(8, "little")
            if end not in self._claims:
                return extent.view, at
        self._publish()
        return extent.view, at

    def _claim(self, claim, position, extent):
        """Takes the first free place at or behind `position`, all of it in one extent; what is left of an extent
        before becomes padding."""
        size = claim[0]
        while True:
            room = extent.stop - position
            if room == 0:
                extent = self._extents.get(position) or self._grow(extent, size)
                continue
            wanted = claim if size <= room else [room, False]
            holder = self._claims.setdefault(position, wanted)
            if holder is claim:
                return extent, position
            if holder is wanted:
                _put(extent.map, position - extent.start, 4, room)
                holder[1] = True
            position += holder[0]

    def _grow(self, last, size):
        """One more extent behind `last`, of at least `size` bytes. Two threads may do it at once: the first wins."""
        step = min(max(2 * (last.stop - last.start), SECOND_EXTENT), LARGEST_STEP)
        length = max(step, -(-size // SECOND_EXTENT) * SECOND_EXTENT)
        try:
            fd = self._files.reopen(self.name)
            try:
                self._files.reserve(fd, last.stop, length)
                mapping = self._files.map(fd, last.stop, length)
            finally:
                os.close(fd)
        except OSError as error:
            raise SegmentFull(str(error)) from None
        return self._extents.setdefault(last.stop, _Extent(mapping, last.stop, last.stop + length))

    def _publish(self):
        """Moves the end over all complete records. Whoever stores an older end goes on, so the newest one stays."""
        claims, end = self._claims, self._published
        while True:
            claim = claims.get(end)
            if claim is None or not claim[1]:
                return
            end += claim[0]
            self._published = end
            self._header[END : END + 8] = end.to_bytes(8, "little")

    def set_wake(self, address: bytes) -> None:
        """Puts the address (bytes, at most 256; empty: none) of the process's wake-up socket into the header."""
        _put_text(self._header, WAKE, address[:WAKE_MAX])

    def set_flag(self, flag: int) -> None:
        _put(self._header, FLAGS, 2, _get(self._header, FLAGS, 2) | flag)

    def epoch_wanted(self) -> int:
        return _get(self._header, EPOCH_WANTED, 4)

    def epoch_done(self) -> int:
        return _get(self._header, EPOCH_DONE, 4)

    def acknowledge(self, epoch: int) -> None:
        _put(self._header, EPOCH_DONE, 4, epoch)


def _put(mapping, at, size, number):
    mapping[at : at + size] = number.to_bytes(size, "little")


def _get(mapping, at, size):
    return int.from_bytes(mapping[at : at + size], "little")


def _put_text(mapping, at, text):
    # The length is stored last: a reader never takes more than was written.
    mapping[at + 2 : at + 2 + len(text)] = text
    _put(mapping, at, 2, len(text))
