"""A thread of the agent's in the application's process: the one way to have one.

It keeps out of the application's way: it blocks all signals, which reach the threads they would have reached without
it; it is ended around each fork, the kernel's thread too, so that a child never has a copy of half-done work and Python
does not warn of forking with threads; nothing that fails in it is ever printed.

Several threads may fork at once, and a signal handler may fork in the middle of a fork. So forks in progress are
counted: whoever forks sees to it that the thread ends, the last one starts it again. A thread that does not end within
a second, as it is in the middle of something, is kept: nobody starts another beside it, and until it has come to the
end of that nobody waits for it again.

What is used is taken here, before the application may replace it (gevent).
"""

from __future__ import annotations

import os
from _thread import RLock, allocate_lock, get_ident, get_native_id, start_new_thread
from time import monotonic

from covey_agent import fork_warning
from covey_agent.shelter import sheltered
from covey_agent.spool import sleep

_PATIENCE = 1.0
_STEP = 0.00005
_getpid, _stat = os.getpid, os.stat


class Worker:
    """Runs `work(wanted)` in a thread. `work` returns soon after `wanted()` has become false; when it returns before,
    or raises, the thread has ended for good. `wake()` makes it ask; it is called in threads of the application."""

    def __init__(self, work, wake) -> None:
        self._work = work
        self._wake = wake
        self._begin_anew()

    def start(self) -> None:
        """To be called once a process. Raises RuntimeError when there can be no more threads."""
        with self._lock:
            self._start()

    def before_fork(self) -> None:
        """Ends the thread, and waits for it, at most a second. Without an `in_parent` after it, it stays ended."""
        sheltered(self._before_fork)

    def in_parent(self) -> None:
        """After a fork, whether it succeeded or not."""
        sheltered(self._in_parent)

    def make_sure(self) -> None:
        """To be called after `in_parent`: does it where a signal handler's exception ended that before it began."""
        if get_ident() in self._forking:
            self.in_parent()

    def in_child(self) -> None:
        """After a fork: the thread was the parent's. `start` gives this process one."""
        if self._run is not None and not self._run.over:
            fork_warning.ended()
        self._begin_anew()

    def _before_fork(self):
        pid = self._pid
        if pid != _getpid():  # a child that C code has forked: the thread is its parent's
            return
        with self._lock:
            self._forks += 1
            self._forking.add(get_ident())
            run = self._run
            if run is not None and run.order is None:
                run.order = [None]
        # A run that is not under way is being started by code that the fork has interrupted: a signal handler's.
        if run is not None and run.under_way:
            if not run.over:
                self._wake()
            run.wait()
        if pid != _getpid():  # a signal handler has forked while we waited, and this is its child, which began anew
            self._before_fork()

    def _in_parent(self):
        if self._pid != _getpid():
            return
        fork_warning.before_restart()
        with self._lock:
            self._forks = max(0, self._forks - 1)
            self._forking.discard(get_ident())
            run = self._run
            if self._forks or run is None:
                return
            order, run.order = run.order, None
            if order is None:
                return
            # Who still finds the token has a thread that goes on, or that has ended for good before.
            if not _take(order) and _take(run.heir):
                run.wait()
                self._start_again()

    def _begin_anew(self):
        self._pid = _getpid()
        # One that its owner can take again, as a signal handler that forks may interrupt any line here, and that the
        # thread itself never takes, as such a handler waits for it.
        self._lock = RLock()
        self._forks = 0
        self._forking = set()  # the threads that have ended it and not been to `in_parent` since
        self._run = None

    def _start(self):
        run = self._run = _Run()

        def begin():
            start_new_thread(self._main, (run,))
            fork_warning.started()
            run.under_way = True

        sheltered(begin)  # the thread has the mask of who starts it

    def _start_again(self):
        try:
            self._start()
        except RuntimeError:  # the interpreter is ending, or no more threads are allowed
            self._run = None

    def _main(self, run):
        run.thread = get_native_id()
        try:
            if self._run is run:
                self._work(run.wanted)
        except Exception:  # whatever it is, the application is not to read of it
            pass
        finally:
            run.end()


class _Run:
    """One life of the thread. `order`: to end, one token, which the thread takes and ends, unless the last of those
    that fork takes it back. `heir`: one token, the right to start the next life."""

    def __init__(self):
        self.thread = 0  # the kernel's number
        self.under_way = False
        self.order = None
        self.heir = [None]
        self.over = False
        self._patience = _PATIENCE
        self._waiting = []  # of each that waits a lock

    def wanted(self):
        self._patience = _PATIENCE
        order = self.order
        return order is None or not _take(order)

    def end(self):
        fork_warning.ended(self.thread)
        self.over = True
        while self._waiting:
            self._waiting.pop().release()

    def wait(self):
        """Waits until the kernel, too, has forgotten the thread, but not for ever, and only once for one long step."""
        ended = allocate_lock()
        ended.acquire()
        self._waiting.append(ended)
        if not self.over and not ended.acquire(True, self._patience):
            self._patience = 0
            return
        task = f"/proc/self/task/{self.thread}"
        end = monotonic() + _PATIENCE
        while monotonic() < end:
            try:
                _stat(task)
            except OSError:
                return
            sleep(_STEP)


def _take(tokens):
    """Whether there was one left: one step for all threads and signal handlers."""
    try:
        tokens.pop()
    except IndexError:
        return False
    return True
