"""The thread that re-arms lines when the helper has closed a window (3.12 and later; probes need none).

It sleeps in the kernel on a datagram socket, so it costs nothing, and it keeps out of the application's way: it blocks
all signals, which reach the threads they would have reached without it; before each fork it is ended, the thread of
the operating system too, so that Python does not warn of forking with threads; its descriptor is a high one.

What it uses is taken here, before the application may replace it (gevent).
"""

from __future__ import annotations

import _signal
import _socket
import os
from _thread import allocate_lock, get_native_id, start_new_thread
from time import monotonic, sleep

from covey_agent import fork_warning, spool

_PATIENCE = 1.0
_STEP = 0.00005


class Wake:
    """One thread a process, for the segment that `recorder` has. `rearm` is called in it when a window was closed."""

    def __init__(self, recorder, rearm) -> None:
        self._recorder = recorder
        self._rearm = rearm
        self._waiter = None

    def start(self) -> None:
        """Begins to wait in this process. Where sockets or threads are refused it does without: the process is then
        named as late when a window is closed."""
        segment = self._recorder.segment()
        if segment is None:
            return
        try:
            self._waiter = _Waiter(segment, self._rearm)
        except (OSError, RuntimeError):
            self._waiter = None
            segment.set_wake(b"")

    def before_fork(self) -> None:
        if self._waiter is not None:
            self._waiter.stop()

    def in_parent(self) -> None:
        """After a fork, whether it succeeded or not."""
        if self._waiter is None:
            return
        fork_warning.before_restart()
        try:
            self._waiter.resume()
        except RuntimeError:  # no more threads allowed
            self._waiter = None

    def in_child(self) -> None:
        """After a fork: the parent's socket is not ours. It may be told twice: by the first code that runs in a child,
        which is a hook of a fork, and by our own hook."""
        if self._waiter is not None:
            if self._waiter.pid == os.getpid():
                return
            self._waiter.forget()
            self._waiter = None
        self.start()


class _Waiter:
    """The socket, which stays as long as the process, and the thread, which is ended around each fork."""

    def __init__(self, segment, rearm):
        self._segment = segment
        self._rearm = rearm
        self.pid = os.getpid()
        self._socket, self._address = _listen()
        self._inode = os.fstat(self._socket.fileno()).st_ino
        self._stopping = False
        self._thread = 0
        self._ended = allocate_lock()
        self.resume()
        segment.set_wake(self._address)

    def resume(self):
        """Starts the thread with every signal blocked; raises RuntimeError when there can be no more threads."""
        self._stopping = False
        self._thread = 0
        self._ended = allocate_lock()
        self._ended.acquire()
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        try:
            start_new_thread(self._wait, (self._ended,))
            fork_warning.started()
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def _wait(self, ended):
        self._thread = get_native_id()
        try:
            while not self._stopping and self._is_ours():
                segment = self._segment
                wanted = segment.epoch_wanted()
                if wanted != segment.epoch_done():
                    self._rearm()
                    segment.acknowledge(wanted)
                self._socket.recv(64)
        except OSError:  # the application closed all descriptors: nobody can wake us any more
            pass
        finally:
            ended.release()

    def stop(self):
        """Ends the thread and waits until the operating system has forgotten it."""
        self._stopping = True
        try:
            knock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
            try:
                knock.settimeout(0)
                knock.sendto(b"s", self._address)
            finally:
                knock.close()
        except OSError:  # a full queue wakes it as well, and a socket that is gone has ended it
            pass
        wait_for_end(self._ended, lambda: self._thread)

    def forget(self):
        """Closes the socket, if the number is still this socket's and not one that the application has put there."""
        if self._is_ours():
            self._socket.close()
        else:
            self._socket.detach()

    def _is_ours(self):
        try:
            return os.fstat(self._socket.fileno()).st_ino == self._inode
        except OSError:
            return False


def _listen():
    """A datagram socket at an abstract address nobody can guess; who finds it can only make us look at the header."""
    first = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    listener = _socket.socket(fileno=spool.high(first.detach()))
    try:
        listener.settimeout(None)
        address = b"\0covey-%d-%s" % (os.getpid(), os.urandom(8).hex().encode())
        listener.bind(address)
    except BaseException:
        listener.close()
        raise
    return listener, address


def wait_for_end(ended, thread) -> None:
    """Waits, but not for ever, until a thread that was told to stop is gone. `ended`: the lock that it releases last;
    the kernel's thread, whose number `thread()` gives then, goes a moment later."""
    if not ended.acquire(True, _PATIENCE):
        return
    fork_warning.ended()
    task = f"/proc/self/task/{thread()}"
    end = monotonic() + _PATIENCE
    while monotonic() < end:
        try:
            os.stat(task)
        except OSError:
            return
        sleep(_STEP)
