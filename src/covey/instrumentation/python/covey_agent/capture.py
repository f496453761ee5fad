"""What `GET /covey/1/capture` and `GET /coverage` answer, gathered from the segments and the closed windows.

Both are generators that yield between two segments or sources, so that whoever drives them can serve others and stop.
"""

from __future__ import annotations

import os
import time

from covey_agent import closed, folders, masks, processes, reading
from covey_agent.jsontext import dump, quote

MAX_BODY = 64 << 20
_ATTEMPTS = 5
_MAX_SOURCES = 32 << 20  # bytes of JSON for line tables; the collector can do without them
_MARGIN = 1 << 20  # bytes kept for the warnings and what stands between the parts


class TooLarge(Exception):
    """The reply would be more than MAX_BODY bytes."""


class Body:
    """A reply's body, of parts in ASCII. Raises TooLarge as soon as there is more than MAX_BODY of it."""

    def __init__(self, text: str) -> None:
        self._data = bytearray()
        self.add(text)

    def add(self, text: str) -> None:
        if len(text) > self.left():
            raise TooLarge(f"the reply is more than {MAX_BODY} bytes")
        self._data += text.encode("ascii")

    def left(self) -> int:
        """How many bytes there is room for."""
        return MAX_BODY - len(self._data)

    def encoded(self) -> bytearray:
        return self._data


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
        self.missing: set[str] = set()
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
        self.missing |= segment.missing
        if segment.full or segment.damaged:
            process.complete = False
            reason = "there was no room in the spool" if segment.full else "its segment is damaged"
            others = f" and {segment.folded} that ended" if segment.folded else ""
            self.warnings.append(f"not all of process {segment.pid}{others} is recorded: {reason}")
        segment.data = b""

    def nowhere(self) -> list[str]:
        """The packages that a process did not find, and of which no process has recorded anything, ascending."""
        missing = sorted(self.missing)
        paths = {path for process in self.processes.values() for path in process.files} if missing else ()
        places = ((name, "/" + name.replace(".", "/") + "/") for name in missing)
        return [name for name, place in places if not any(place in path[:-3] + "/" for path in paths)]

    def count(self) -> int:
        """How many processes are in it."""
        return sum(1 + process.folded for process in self.processes.values())


def gather(spool: str, windows_since):
    """Reads all segments of this boot. `windows_since`: None for all that ran, else an iterable of the closed windows
    whose lines count besides the open one's. Yields 0 between segments and windows; returns Gathered.

    A segment that goes while we read is in a fold that was perhaps read before: then all is read again."""
    ran_before = None if windows_since is None else (yield from closed.union(windows_since, folders.names(spool)))
    for _ in range(_ATTEMPTS):
        found = Gathered()
        if (yield from _gather(spool, ran_before, found)):
            break
    return found


def _gather(spool, ran_before, found):
    """Whether all segments that were there at its beginning were read into `found`."""
    boot = processes.boot_id()
    elsewhere = 0
    whole = True
    names = folders.names(spool)
    if ran_before is not None:
        ran_before.see(names)
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
        found.add(segment, _chooser(segment, None if ran_before is None else ran_before.lines(name)))
        yield 0
    if elsewhere:
        found.warnings.append(f"{elsewhere} segments are of before the machine's last start and left out")
    for name in found.nowhere():
        found.warnings.append(f"{name}, which COVEY_AGENT_SOURCE names, was not found: nothing of it is recorded")
    for process in found.processes.values():
        for path in sorted(process.changed):
            found.warnings.append(f"{path} was loaded from several sources, told is the last")
    return whole


def _chooser(segment, before):
    """A function: record -> mask of the lines that are asked for. `before`: path -> mask of those of closed windows,
    None for all that ran in any."""
    if before is None:
        return lambda record: masks.union(segment.now(record), segment.before(record))
    return lambda record: masks.union(
        segment.now(record), masks.intersection(segment.before(record), before.get(record.path, b""))
    )


def capture(head: dict, spool: str, store, tables, since: int | None):
    """The body of `/covey/1/capture`. `head`: its first fields; `since`: an epoch, or None for everything.

    Yields 0 between steps; returns the body, or raises TooLarge."""
    store.refresh()
    newest = store.epoch
    # Windows of before `dropped` are no longer known one by one: then everything is told rather than too little.
    apart = bool(since) and since >= store.dropped
    found = yield from gather(spool, store.since(since) if apart else None)
    if apart and since < store.dropped:  # the oldest asked for went while we read
        found = yield from gather(spool, None)
    if since is not None and since < store.dropped:
        found.warnings.append(f"windows before epoch {store.dropped} are no longer kept apart")
    head = dict(head, epoch=store.epoch, captured_at=processes.iso(time.time()))
    body = Body(dump(head)[:-1] + ', "processes": [')
    separator = ""
    for _, process in sorted(found.processes.items()):
        body.add(separator + process.json())
        separator = ",\n"
        yield 0
    not_recorded = dump(sorted(found.not_recorded))
    windows, left_out = yield from closed.listed(
        store.before(newest, since or 0), body.left() - len(not_recorded) - _MARGIN
    )
    if left_out is not None:
        found.warnings.append(f"windows before epoch {left_out} are left out: there are too many; their lines are told")
    body.add('],\n"sources": {')
    room = body.left() - len(not_recorded) - _MARGIN - sum(len(text) + 2 for text in windows)
    yield from _sources(found, tables, body, min(room, _MAX_SOURCES))
    body.add('},\n"windows": [')
    while windows:  # each goes as it is added: they are as large as all the rest
        body.add(windows.pop() + (",\n" if windows else ""))
    body.add(f'],\n"not_recorded": {not_recorded}, "warnings": {dump(found.warnings)}}}\n')
    return body.encoded()


def _sources(found, tables, body, room):
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
        text = f'{separator}\n{quote(source_hash)}: {{"path": {quote(path)}, {table}}}'
        total += len(text)
        if total > room:
            found.warnings.append(f"line tables are left out: there are more than {room} bytes of them")
            return
        body.add(text)
        separator = ","


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
