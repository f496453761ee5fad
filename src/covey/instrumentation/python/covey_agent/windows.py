"""Windows: what ran between two moments, for instance during one test.

Closing one goes so (docs/reference/wire.md), and a death at any point of it loses no line:

1. *now* of every segment is read and stored as the window, in one file of the spool, renamed into its place.
2. In every segment *before* takes what was read, then exactly the bytes that were read as 1 are cleared in *now*.
   The file says until then that this is still to do; whoever opens the store next does it from the file.
3. Only then the processes are asked to re-arm their lines: a line re-armed before all segments are cleared could be
   stored into a plane that is cleared afterwards.

Segments are written with `pwrite`: one byte of a page that a process maps is changed without touching its neighbours,
and a file that somebody shortened gives an error where a mapping would kill us.
"""

from __future__ import annotations

import fcntl
import os
import time
import zlib
from itertools import takewhile

from covey_agent import folders, masks, reading
from covey_agent import spool as spools

MAX_STORE = 16 << 20
MAX_NAME = 512
_MAX_WINDOW = 64 << 20  # of one window, unpacked
_SCHEMA = "covey.window/1"
_SUFFIX = ".window"


class Window:
    """A closed window. `segments` maps the name of a segment file to path -> lines as text (`1-3,7`)."""

    __slots__ = ("cleared", "closed_at", "epoch", "is_reset", "late", "name", "segments")

    def __init__(self, epoch: int, name: str, closed_at: float, is_reset: bool = False) -> None:
        self.epoch = epoch
        self.name = name
        self.is_reset = is_reset  # closed by `/coverage/reset`: `/coverage` begins after the last such window
        self.closed_at = closed_at  # seconds since 1970, UTC
        self.late: list[dict[str, object]] = []
        self.segments: dict[str, dict[str, str]] = {}
        self.cleared = False

    def pack(self) -> bytes:
        import json  # when a window is first closed; a helper that is never asked for one stays small

        fields = {"schema": _SCHEMA, "epoch": self.epoch, "name": self.name, "closed_at": self.closed_at}
        fields.update(reset=self.is_reset, late=self.late, segments=self.segments, cleared=self.cleared)
        return zlib.compress(json.dumps(fields).encode("ascii"), 6)


def unpack(packed: bytes) -> Window:
    """The window in a file's bytes; ValueError when they are none."""
    import json

    inflate = zlib.decompressobj()
    try:
        fields = json.loads(inflate.decompress(packed, _MAX_WINDOW))
        if inflate.unconsumed_tail or fields["schema"] != _SCHEMA:
            raise ValueError("not a window")
        window = Window(int(fields["epoch"]), str(fields["name"]), float(fields["closed_at"]), bool(fields["reset"]))
        window.late = list(fields["late"])
        window.segments = {str(name): dict(files) for name, files in fields["segments"].items()}
        window.cleared = bool(fields["cleared"])
    except (zlib.error, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a window: {error}") from None
    return window


class Store:
    """The closed windows of a spool, each a file `NNNNNNNNNN.window`, oldest dropped past MAX_STORE bytes.

    `epoch` is the number of the open window. Only one helper closes windows at a time, by a lock in the spool."""

    def __init__(self, spool: str) -> None:
        self.spool = spool
        self.dropped = 0  # epochs below this are no longer known one by one
        self.epoch = 0
        self.refresh()

    def refresh(self) -> None:
        """Sees what is stored by now, also by a helper before us."""
        known = self._known()
        self.dropped = min(known, default=0)
        self.epoch = max(known, default=-1) + 1

    def _known(self) -> dict[int, int]:
        """Size in bytes of each window's file, by epoch."""
        found = {}
        try:
            with os.scandir(self.spool) as entries:
                for entry in entries:
                    stem = entry.name[: -len(_SUFFIX)]
                    if entry.name.endswith(_SUFFIX) and stem.isdigit() and len(stem) == 10:
                        found[int(stem)] = entry.stat(follow_symlinks=False).st_size
        except OSError:
            return {}
        return found

    def path(self, epoch: int) -> str:
        return os.path.join(self.spool, f"{epoch:010d}{_SUFFIX}")

    def load(self, epoch: int) -> Window | None:
        """The window of an epoch; None when it was dropped or its file is damaged."""
        try:
            fd = os.open(self.path(epoch), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(fd, "rb") as source:
                return unpack(source.read(MAX_STORE))
        except (OSError, ValueError):
            return None

    def since(self, epoch: int):
        """The closed windows from an epoch on, ascending, each loaded when it is asked for: all may be too many."""
        known = map(self.load, range(max(epoch, self.dropped), self.epoch))
        return (window for window in known if window is not None)

    def before(self, end: int, epoch: int):
        """The closed windows from an epoch to before `end`, descending, each loaded when it is asked for."""
        known = map(self.load, range(end - 1, max(epoch, self.dropped) - 1, -1))
        return (window for window in known if window is not None)

    def since_reset(self):
        """The windows that were closed since the last reset, which are part of what `/coverage` gives; descending."""
        return takewhile(lambda window: not window.is_reset, self.before(self.epoch, 0))

    def save(self, window: Window) -> None:
        """Stores a window whole or not at all, and drops the oldest when there are too many bytes of them.

        Not synced to a disk: it has to outlive any process, while a machine's death takes the segments as well."""
        target = self.path(window.epoch)
        packed = window.pack()
        temporary = target + ".new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, 0o600), "wb") as out:
            out.write(packed)
        os.rename(temporary, target)
        self.epoch = max(self.epoch, window.epoch + 1)
        self._shrink()

    def _shrink(self) -> None:
        known = self._known()
        total = sum(known.values())
        most = min(MAX_STORE, spools.share(self.spool) // 4)
        for epoch in sorted(known)[:-1]:
            if total <= most:
                break
            os.unlink(self.path(epoch))
            total -= known[epoch]
            self.dropped = epoch + 1

    def lock(self) -> int | None:
        """A descriptor that holds the right to close windows until it is closed; None when another has it."""
        fd = os.open(
            os.path.join(self.spool, "windows.lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        return fd

    def finish(self) -> bool:
        """Does what a helper that died while closing had left to do: clears the planes that its window holds."""
        self.refresh()
        window = self.load(self.epoch - 1) if self.epoch else None
        if window is None or window.cleared:
            return False
        for name, files in window.segments.items():
            clear(os.path.join(self.spool, name), files)
        window.cleared = True
        self.save(window)
        return True


def collect(spool: str, epoch: int, name: str, is_reset: bool) -> tuple[Window, dict[str, reading.Segment]]:
    """Reads *now* of every segment into a window that is not stored yet; the segments, by name, without bytes."""
    window = Window(epoch, name, time.time(), is_reset)
    segments = {}
    for file_name in folders.names(spool):
        try:
            segment = reading.read_segment(os.path.join(spool, file_name))
        except (OSError, reading.NotASegment):
            continue
        files: dict[str, bytes] = {}
        for record in segment.records:
            files[record.path] = masks.union(files.get(record.path, b""), segment.now(record))
        ran = {path: masks.to_text(mask) for path, mask in files.items()}
        ran = {path: lines for path, lines in ran.items() if lines}
        if ran:
            window.segments[file_name] = ran
        segment.data = b""
        segments[file_name] = segment
    return window, segments


def clear(path: str, files: dict[str, str]) -> None:
    """Moves the lines given (path -> `1-3,7`) of one segment from *now* to *before*.

    Several records may be of one path, when a file was loaded again; the lines are cleared only where they stand.
    A segment that is gone or damaged is left alone: there is nothing to move then."""
    try:
        fd = reading.open_segment(path, os.O_RDWR)
    except (OSError, reading.NotASegment):
        return
    try:
        segment = reading.read_descriptor(fd, path)
        for record in segment.records:
            if record.path in files and record.lines:
                _move(fd, segment, record, masks.from_text(files[record.path]))
    except (OSError, ValueError):
        return
    finally:
        os.close(fd)


def _move(fd: int, segment: reading.Segment, record: reading.Record, wanted: bytes) -> None:
    now = masks.intersection(segment.now(record), wanted)
    moved = masks.runs(now)
    if not moved:
        return
    # Only helpers write *before*, under the lock, so it can be written whole; *now* byte by byte, see above.
    os.pwrite(fd, masks.union(segment.before(record), now), record.before_at)
    for first, last in moved:
        os.pwrite(fd, bytes(last - first + 1), record.now_at + first)
