"""Serving from a thread of the application, where it is PID 1 and a helper would be its child to wait for.

The thread keeps out of the application's way: it blocks all signals, takes its references before anybody may patch
them, has its descriptors at high numbers, and is ended around each fork, the kernel's thread too, so that a child never
has a copy of a thread's half-done work and Python does not warn. What it was doing goes on after the fork: requests are
worked off in steps, and it stops between two of them.
"""

from __future__ import annotations

import _signal
import atexit
import os
from _thread import allocate_lock, get_native_id, start_new_thread
from time import monotonic, sleep

from covey_agent import answers, fork_warning, server
from covey_agent import spool as spools

# A source is compiled with the interpreter's lock held: larger ones would be felt by the application.
MAX_SOURCE = 512 << 10
_PATIENCE = 1.0


class _Serving:
    def __init__(self, serving, when_over) -> None:
        self._server = serving
        self._when_over = when_over
        self._read_end, self._write_end = (spools.high(fd) for fd in os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK))
        self._pid = os.getpid()
        self._stopping = False
        self._running = False
        self._closed = False
        self._thread = 0
        self._ended = allocate_lock()

    def start(self) -> None:
        """Begins to serve, with every signal blocked in the thread; RuntimeError when there can be no more threads."""
        self._stopping = False
        self._thread = 0
        self._ended = allocate_lock()
        self._ended.acquire()
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        try:
            start_new_thread(self._serve, (self._ended,))
            fork_warning.started()
            self._running = True
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def _serve(self, ended) -> None:
        self._thread = get_native_id()
        try:
            self._server.run(lambda: not self._stopping, self._read_end)
        except OSError:  # the application closed all descriptors: what it opens under their numbers is not ours
            self._running = False
            self._say_it_is_over()
        finally:
            ended.release()

    def _say_it_is_over(self):
        try:
            self._when_over()
        except OSError:  # no file to take away
            return

    def stop(self) -> bool:
        """Ends the thread between two steps and waits, at most a second, until the kernel has forgotten it."""
        if not self._running or os.getpid() != self._pid:
            return False
        self._stopping = True
        os.write(self._write_end, b"s")
        if self._ended.acquire(True, _PATIENCE):
            _until_gone(self._thread)
            fork_warning.ended()
            os.read(self._read_end, 64)
        return True

    def before_fork(self) -> None:
        try:
            self.stop()
        except OSError:
            self._running = False

    def in_parent(self) -> None:
        if not self._running or os.getpid() != self._pid:
            return
        fork_warning.before_restart()
        try:
            self.start()
        except RuntimeError:  # the interpreter is ending, or no more threads are allowed
            self._running = False

    def in_child(self) -> None:
        """The parent serves; its clients and its port are not ours to keep open."""
        if not self._running or os.getpid() == self._pid:
            return
        self._close()

    def at_exit(self) -> None:
        """Closes all while the interpreter is still whole: a socket that it finds open at its very end warns, and the
        warning crashes 3.9."""
        self.before_fork()
        self._close()

    def _close(self) -> None:
        self._running = False
        if not self._closed:
            self._closed = True
            self._server.close()
            os.close(self._read_end)
            os.close(self._write_end)


def begin(listener, spool: str, token_file: str, limit: int, when_over) -> None:
    """Serves the spool, of at most `limit` bytes of segments, on a listening socket as long as this process lives.
    `when_over` is called where it cannot, and may raise OSError. Raises RuntimeError or OSError."""
    replies = answers.Answers(spool, os.getpid(), token_file, max_source=MAX_SOURCE, limit=limit)
    one = _Serving(server.Server(listener, replies), when_over)
    one.start()
    os.register_at_fork(before=one.before_fork, after_in_parent=one.in_parent, after_in_child=one.in_child)
    atexit.register(one.at_exit)


def _until_gone(thread: int) -> None:
    """The lock is released by Python's thread; the kernel's goes a moment later."""
    end = monotonic() + _PATIENCE
    while monotonic() < end and os.path.exists(f"/proc/self/task/{thread}"):
        sleep(0.00005)
