"""What `GET /covey/1/capture` and `GET /coverage` answer, gathered from the segments and the closed windows.

Both are generators that yield between two segments or sources, so that whoever drives them can serve others and stop.
"""

from __future__ import annotations

import os
import time

from covey_agent import folders, folds, masks, processes, reading
from covey_agent.jsontext import dump, quote

MAX_BODY = 64 << 20
_ATTEMPTS = 5
_MAX_SOURCES = 32 << 20  # bytes of JSON for line tables; the collector can do without them


class TooLarge(Exception):
    """The reply would be more than MAX_BODY bytes."""


class _Process:
    """What is known of one process: the sum of its segments, of which exec makes several."""

    def __init__(self, segment: reading.Segment) -> None:
        self.segment = segment
        self.last = segment
        self.complete = True
        self.folded = 0  # other processes that are told in this one's place
        self.files: dict[str, tuple[str | None, bytes]] = {}
        self.changed: set[str] = set()

    def add(self, path: str, source_hash: str | None, mask: bytes) -> None:
        """A file loaded again from another source is told as it was last: line numbers of two texts do not mix."""
        known = self.files.get(path)
        if known is not None and known[0] == source_hash:
            mask = masks.union(known[1], mask)
        elif known is not None:
            self.changed.add(path)
            self.complete = False
        self.files[path] = (source_hash, mask)

    def json(self) -> str:
        segment = self.segment
        head = {
            "pid": segment.pid,
            "started": processes.iso(segment.started),
            "start_ticks": segment.start_ticks,
            "epoch": 0,
            "alive": segment.is_alive(),
            "complete": self.complete,
            "core": self.last.core,
            "program": self.last.program,
        }
        if self.folded:
            head["folded"] = self.folded
        files = ", ".join(
            f'{quote(path)}: {{"source_hash": {dump(known)}, "lines": {quote(masks.to_text(mask))}}}'
            for path, (known, mask) in sorted(self.files.items())
        )
        return f'{dump(head)[:-1]}, "files": {{{files}}}}}'


class Gathered:
    """The union by process. `processes` by (pid, start ticks); `not_recorded` paths; `warnings` for people."""

    def __init__(self) -> None:
        self.processes: dict[tuple[int, int], _Process] = {}
        self.not_recorded: set[str] = set()
        self.warnings: list[str] = []

    def add(self, segment: reading.Segment, mask_of) -> None:
        process = self.processes.setdefault((segment.pid, segment.start_ticks), _Process(segment))
        # Who it is is told by its first segment, so that it stays the same; what it is now by the last.
        process.last = segment
        process.folded += segment.folded
        for record in segment.records:
            if record.not_recorded:
                self.not_recorded.add(record.path)
            else:
                process.add(record.path, record.source_hash, mask_of(record))
        if segment.full or segment.damaged:
            process.complete = False
            reason = "there was no room in the spool" if segment.full else "its segment is damaged"
            others = f" and {segment.folded} that ended" if segment.folded else ""
            self.warnings.append(f"not all of process {segment.pid}{others} is recorded: {reason}")
        segment.data = b""

    def count(self) -> int:
        """How many processes are in it."""
        return sum(1 + process.folded for process in self.processes.values())


def gather(spool: str, windows_since):
    """Reads all segments of this boot. `windows_since`: None for all that ran, else a list of the closed windows whose
    lines count besides the open one's. Yields 0 between segments; returns Gathered.

    A segment that goes while we read is in a fold that was perhaps read before: then all is read again."""
    for _ in range(_ATTEMPTS):
        found = Gathered()
        if (yield from _gather(spool, windows_since, found)):
            break
    return found


def _gather(spool, windows_since, found):
    """Whether all segments that were there at its beginning were read into `found`."""
    boot = processes.boot_id()
    elsewhere = 0
    whole = True
    names = folders.names(spool)
    closed = None if windows_since is None else _Closed(windows_since, names)
    for name in names:
        try:
            segment = reading.read_segment(os.path.join(spool, name))
        except FileNotFoundError:
            whole = False
            continue
        except reading.Unfinished:
            continue
        except (OSError, reading.NotASegment) as error:
            found.warnings.append(f"{name} cannot be read: {error}")
            continue
        if segment.boot_id != boot:
            elsewhere += 1
            continue
        found.add(segment, _chooser(segment, None if closed is None else closed.lines(name)))
        yield 0
    if elsewhere:
        found.warnings.append(f"{elsewhere} segments are of before the machine's last start and left out")
    for process in found.processes.values():
        for path in sorted(process.changed):
            found.warnings.append(f"{path} was loaded from several sources, told is the last")
    return whole


class _Closed:
    """What ran in the closed windows given, by the segment that has it now: a fold has what the files that are gone
    had, of which it holds those lines only that are its own."""

    def __init__(self, closed, names: list[str]) -> None:
        self._windows = closed
        self._names = set(names)
        self._folded: dict[str, dict[str, bytes]] = {}

    def lines(self, name: str) -> dict[str, bytes]:
        """Path -> mask for the segment of that name."""
        if not folds.is_fold(name):
            return _ran(window.segments.get(name, {}) for window in self._windows)
        folder = os.path.dirname(name)
        if folder not in self._folded:
            self._folded[folder] = _ran(
                files
                for window in self._windows
                for other, files in window.segments.items()
                if os.path.dirname(other) == folder and (folds.is_fold(other) or other not in self._names)
            )
        return self._folded[folder]


def _ran(several) -> dict[str, bytes]:
    """The union of mappings path -> lines as text."""
    union: dict[str, bytes] = {}
    for files in several:
        for path, lines in files.items():
            union[path] = masks.union(union.get(path, b""), _mask(lines))
    return union


def _chooser(segment, closed):
    """A function: record -> mask of the lines that are asked for. `closed`: path -> mask of those of closed windows."""
    if closed is None:
        return lambda record: masks.union(segment.now(record), segment.before(record))
    return lambda record: masks.union(
        segment.now(record), masks.intersection(segment.before(record), closed.get(record.path, b""))
    )


def _mask(lines: str) -> bytes:
    try:
        return masks.from_text(lines)
    except ValueError:
        return b""


def capture(head: dict, spool: str, store, tables, since: int | None):
    """The body of `/covey/1/capture`. `head`: its first fields; `since`: an epoch, or None for everything.

    Yields 0 between steps; returns the body, or raises TooLarge."""
    store.refresh()
    closed = store.since(since or 0)
    # Windows of before `dropped` are no longer known one by one: then everything is told rather than too little.
    found = yield from gather(spool, closed if since and since >= store.dropped else None)
    if since is not None and since < store.dropped:
        found.warnings.append(f"windows before epoch {store.dropped} are no longer kept apart")
    head = dict(head, epoch=store.epoch, captured_at=processes.iso(time.time()))
    parts = [dump(head)[:-1], ', "processes": [']
    parts.append(",\n".join(process.json() for _, process in sorted(found.processes.items())))
    parts.append('],\n"sources": {')
    yield from _sources(found, tables, parts)
    parts.append('},\n"windows": [')
    parts.append(",\n".join(_window_json(window) for window in closed))
    parts.append(f'],\n"not_recorded": {dump(sorted(found.not_recorded))}, "warnings": {dump(found.warnings)}}}\n')
    return joined(parts)


def _sources(found, tables, parts):
    known: dict[str, str] = {}
    for process in found.processes.values():
        for path, (source_hash, _) in process.files.items():
            if source_hash is not None:
                known.setdefault(source_hash, path)
    total, separator = 0, ""
    for source_hash, path in sorted(known.items(), key=lambda item: item[1]):
        table = tables.get(path, source_hash)
        yield 0
        if table is None:
            continue
        total += len(table)
        if total > _MAX_SOURCES:
            found.warnings.append(f"line tables are left out: there are more than {_MAX_SOURCES} bytes of them")
            return
        parts.append(f'{separator}\n{quote(source_hash)}: {{"path": {quote(path)}, {table}}}')
        separator = ","


def _window_json(window) -> str:
    files = _ran(window.segments.values())
    return dump(
        {
            "epoch": window.epoch,
            "name": window.name,
            "closed_at": processes.iso(window.closed_at),
            "late": window.late,
            "files": {path: masks.to_text(mask) for path, mask in sorted(files.items())},
        }
    )


def since_reset(spool: str, store):
    """What `/coverage` gives: path -> mask of the lines that ran since the last reset, and the number of processes.

    Yields 0 between steps."""
    store.refresh()
    found = yield from gather(spool, store.since_reset())
    files: dict[str, bytes] = {}
    for process in found.processes.values():
        for path, (_, mask) in process.files.items():
            files[path] = masks.union(files.get(path, b""), mask)
    return {path: mask for path, mask in files.items() if 1 in mask}, found.count()


def joined(parts: list[str]) -> bytes:
    """The parts as one body; raises TooLarge before it is made."""
    if sum(map(len, parts)) > MAX_BODY:
        raise TooLarge(f"the reply is more than {MAX_BODY} bytes")
    return "".join(parts).encode("ascii")
