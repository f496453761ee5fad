"""Closing the open window and re-arming the processes, as steps that wait for nothing in between.

`close` is a generator: it yields the seconds after which it wants to go on and returns the reply, so that one thread
can serve others meanwhile, and can stop between two steps when the application is about to fork.
"""

from __future__ import annotations

import _socket
import os
import time

from covey_agent import folders, folding, processes, reading, windows
from covey_agent import segment as layout

PATIENCE = 2.0  # seconds for which acknowledgements are waited for
_WAKE = b"\1"
_LONGEST_NAP = 0.02


class Busy(Exception):
    """Another helper of the spool is closing a window, and did not end in time."""


def close(store, name="", is_reset=False):
    """Closes the open window under `name` (`reset-N` or `window-N` when empty, N from 1) and waits for the processes.

    Returns a dict as `POST /covey/1/epoch` answers. Raises Busy, or OSError when the spool cannot be written: the
    window is still open then."""
    lock = yield from _locked(store)
    folded: list[int] = []
    try:
        yield from _without_folding(store.spool, folded)
        store.finish()
        name = name or "{}-{}".format("reset" if is_reset else "window", store.epoch + 1)
        window, segments = windows.collect(store.spool, store.epoch, name, is_reset)
        store.save(window)
        for file_name, files in window.segments.items():
            windows.clear(os.path.join(store.spool, file_name), files)
            yield 0
        window.cleared = True
        store.save(window)
        round_ = _Round(store.spool, window.epoch + 1)
        yield from round_.wait(segments)
        if round_.missing:
            window.late = round_.late()
            store.save(window)
    finally:
        for fd in [*folded, lock]:
            os.close(fd)
    return {
        "schema": "covey.epoch/1",
        "epoch": window.epoch + 1,
        "closed": {"epoch": window.epoch, "name": window.name},
        "acknowledged": round_.acknowledged,
        "late": window.late,
    }


def _locked(store):
    deadline = time.monotonic() + PATIENCE
    while True:
        lock = store.lock()
        if lock is not None:
            return lock
        if time.monotonic() > deadline:
            raise Busy("another helper is closing a window")
        yield _LONGEST_NAP


def _without_folding(spool, locks):
    """Keeps everybody from folding in the folders that are served, by locks that are added to `locks`. A fold takes
    half a second at most; where it does not end, a window that tells a line again is better than none."""
    deadline = time.monotonic() + PATIENCE
    for folder in [spool, *(os.path.join(spool, beside) for beside in folders.without_helper(spool))]:
        held = None
        while held is None and time.monotonic() < deadline:
            try:
                held = folding.lock(folder)
            except OSError:  # it cannot be locked, so nobody folds there
                break
            if held is None:
                yield _LONGEST_NAP
        if held is not None:
            locks.append(held)


class _Round:
    """Asking all live processes to re-arm for one epoch, also those that appear while we wait.

    A child forked just before its parent re-armed has the parent's unarmed lines; its segment may come late."""

    def __init__(self, spool: str, epoch: int) -> None:
        self.spool = spool
        self.epoch = epoch
        self.acknowledged = 0
        self.missing: dict[str, reading.Segment] = {}
        self._asked: set[str] = set()

    def wait(self, known):
        deadline = time.monotonic() + PATIENCE
        nap = 0.001
        self._ask(known)
        while self.missing and time.monotonic() < deadline:
            yield nap
            nap = min(nap * 2, _LONGEST_NAP)
            self._ask({})
            self._look()
        self._look()

    def late(self) -> list[dict[str, object]]:
        return [
            {"pid": segment.pid, "started": processes.iso(segment.started)}
            for segment in sorted(self.missing.values(), key=lambda segment: segment.pid)
        ]

    def _ask(self, known: dict[str, reading.Segment]) -> None:
        sender = None
        for name in folders.names(self.spool):
            if name in self._asked:
                continue
            self._asked.add(name)
            try:
                segment = known.get(name) or reading.read_header(os.path.join(self.spool, name))
                want(os.path.join(self.spool, name), self.epoch)
            except (OSError, reading.NotASegment):
                continue
            sender = sender or _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
            heard = wake(sender, segment.address, self.spool)
            if not segment.needs_waking:
                self.acknowledged += segment.is_alive()
            elif heard or segment.is_alive():
                self.missing[name] = segment
        if sender is not None:
            sender.close()

    def _look(self) -> None:
        for name, segment in list(self.missing.items()):
            try:
                done = acknowledged(os.path.join(self.spool, name))
            except (OSError, reading.NotASegment):
                done = None
            if done is not None and done >= self.epoch:
                self.acknowledged += 1
                del self.missing[name]
            elif done is None or not (segment.is_alive() or self._from_elsewhere(segment)):
                del self.missing[name]  # it ended: nothing of it can come late

    def _from_elsewhere(self, segment: reading.Segment) -> bool:
        """Whether the process is of another pid namespace: then only its socket can say that it lives."""
        if not segment.address:
            return False
        with_socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            return wake(with_socket, segment.address, self.spool)
        finally:
            with_socket.close()


def want(path: str, epoch: int) -> None:
    """Writes the epoch wanted into a segment's header."""
    fd = reading.open_segment(path, os.O_RDWR)
    try:
        os.pwrite(fd, epoch.to_bytes(4, "little"), layout.EPOCH_WANTED)
    finally:
        os.close(fd)


def acknowledged(path: str) -> int:
    """The epoch that the process behind a segment has acknowledged."""
    fd = reading.open_segment(path)
    try:
        return int.from_bytes(os.pread(fd, 4, layout.EPOCH_DONE), "little")
    finally:
        os.close(fd)


def wake(sender, address: bytes, spool: str) -> bool:
    """Sends the datagram that makes a process look at its epoch; whether somebody has that socket.

    Only abstract addresses and sockets in the spool are written to: an address is data of another process."""
    if not address.startswith((b"\0", os.fsencode(spool) + b"/")) or b"/../" in address:
        return False
    try:
        sender.sendto(_WAKE, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL, address)
    except BlockingIOError:
        return True  # its queue is full of earlier ones: it will look
    except OSError:
        return False
    return True
