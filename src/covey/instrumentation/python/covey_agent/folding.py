"""Folding: the segments of ended processes become few, so that a service which replaces its workers never fills the
spool (docs/reference/wire.md, "The segment").

What is folded is what nobody records into any more: its process is gone, and so is everybody who inherited its mapping
(the lock that mappings hold tells). A fold is a segment like others: the union, by path and text of the source, of
*now* and of *before*, under the identity of the first process in it. It is written beside, renamed into its place, and
only then the folded files are removed: who dies in between leaves some of them twice, which a union counts once.

Nobody else may change the folder's closed segments meanwhile: who folds, and who closes a window, locks the folder.
"""

from __future__ import annotations

import fcntl
import os
import time

from covey_agent import folds, processes, reading, windows
from covey_agent import segment as layout
from covey_agent import spool as spools

ENOUGH = 16  # segments of ended processes that may lie there unfolded
SHARE = 4  # as well as this part of the spool's limit
_HURRIED = 0.5  # seconds that a process may spend on folding itself
_PATIENCE = 2.0  # and on that and waiting for others
_LARGEST_WINDOW = 256 << 10  # bytes packed, of a window whose closing is finished in a hurry
_NAP = 0.002


def lock(folder: str) -> int | None:
    """A descriptor of the folder that holds the right to change the segments of ended processes, until it is closed;
    None while another has it. Raises OSError where a folder cannot be locked."""
    fd = spools.open_own_folder(folder)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except OSError:
        os.close(fd)
        raise
    return spools.high(fd)


def due(folder: str, limit: int) -> bool:
    """Whether enough of the spool, of `limit` bytes, belongs to ended processes. Cheap while there are few segments."""
    present = _present(folder)
    most = limit // SHARE
    if len(present) <= ENOUGH and sum(present.values()) <= most:
        return False
    ended = [name for name in present if _is_over(os.path.join(folder, name))]
    return len(ended) > ENOUGH or sum(present[name] for name in ended) > most


def upkeep(folder: str, limit: int):
    """Folds when it is due and nobody closes a window. Yields 0 between two segments; returns how many were folded.

    Raises OSError when the spool cannot be written; nothing is lost then."""
    if not due(folder, limit):
        return 0
    held = lock(folder)
    if held is None:
        return 0
    try:
        windows.Store(folder).finish()
        return (yield from fold(folder))
    finally:
        os.close(held)  # no explicit unlock: in a child of a fork this is a copy, and the lock is its parent's


def make_room(folder: str, enough, sleep) -> bool:
    """What a process does that finds the spool full, until `enough()`: folds, or waits for who does; two seconds at
    most, where there is nothing to fold not at all. Returns whether there was room when it looked last: who looks once
    more may find that others who waited have taken it, and these must not turn each other away.

    `sleep`: time's own, taken before the application may have replaced it. Raises OSError."""
    until = time.monotonic() + _PATIENCE
    while not enough():
        if time.monotonic() > until:
            return False
        held = lock(folder)
        if held is None:
            sleep(_NAP)
            continue
        try:
            if not _fold_hurriedly(folder):
                return enough()
        finally:
            # Another thread may have forked meanwhile: its child's copy of the descriptor must not keep the lock.
            fcntl.flock(held, fcntl.LOCK_UN)
            os.close(held)
    return True


def _fold_hurriedly(folder):
    """Whether anything was folded, with the folder locked."""
    if not _can_finish_soon(folder):
        return False
    windows.Store(folder).finish()
    steps = fold(folder, time.monotonic() + _HURRIED)
    try:
        while True:
            next(steps)
    except StopIteration as done:
        return done.value > 0


def fold(folder: str, until: float | None = None):
    """Folds all there is, with the folder locked; begins with no more segments after `until` (of the monotonic clock).

    Yields 0 between two segments; returns how many were folded."""
    layers = folds.Layers(folder, processes.boot_id())
    emptied = []
    for name in _by_age(folder):
        if until is not None and time.monotonic() > until:
            break
        path = os.path.join(folder, name)
        if not _is_over(path):
            continue
        try:
            if layers.take(name, reading.read_segment(path)):
                emptied.append(name)
        except reading.Unfinished:
            emptied.append(name)  # its process ended before it could write a header
        except (OSError, reading.NotASegment):
            continue
        yield 0
    layers.store()
    for name in emptied:
        os.unlink(os.path.join(folder, name))
    return len(emptied)


def _can_finish_soon(folder):
    store = windows.Store(folder)
    try:
        return not store.epoch or os.stat(store.path(store.epoch - 1)).st_size <= _LARGEST_WINDOW
    except OSError:
        return False


def _present(folder):
    """Size in bytes of each segment that is not a fold, by name."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(layout.SUFFIX) and not folds.is_fold(entry.name):
                try:
                    found[entry.name] = entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:  # another one folds
                    continue
    return found


def _by_age(folder):
    """The names of the segments, oldest process first."""
    found = []
    for name in _present(folder):
        pid, _, rest = name.partition("-")
        ticks = rest.partition("-")[0]
        found.append((int(ticks) if ticks.isdigit() else 0, int(pid) if pid.isdigit() else 0, name))
    return [name for _, _, name in sorted(found)]


def _is_over(path):
    """Whether nobody will ever record into this segment again. One that is just being made is locked before it has a
    size; where nobody can tell (no locks, no /proc), it is not over."""
    try:
        if reading.is_held(path):
            return False
        head = reading.read_header(path)
    except reading.Unfinished:
        return False  # nothing in it: it has no size
    except reading.NotASegment:
        return _is_blank(path)
    except OSError:
        return False
    known = head.start_ticks > 0 and head.boot_id == processes.boot_id()
    return known and not processes.is_alive(head.pid, head.start_ticks)


def _is_blank(path):
    """Whether a segment was reserved and its header never written."""
    try:
        fd = reading.open_segment(path)
    except (OSError, reading.NotASegment):
        return False
    try:
        return os.pread(fd, 8, 0) == bytes(8)
    finally:
        os.close(fd)
