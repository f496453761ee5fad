"""The thread that re-arms lines when the helper has closed a window (3.12 and later; probes need none).

It sleeps in the kernel on a datagram socket, so it costs nothing; the socket's descriptor is a high one.
"""

from __future__ import annotations

import _socket
import os

from covey_agent import spool
from covey_agent.worker import Worker


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
            self._waiter.worker.before_fork()

    def in_parent(self) -> None:
        """After a fork, whether it succeeded or not."""
        if self._waiter is not None:
            self._waiter.worker.in_parent()

    def make_sure(self) -> None:
        """To be called after `in_parent`."""
        if self._waiter is not None:
            self._waiter.worker.make_sure()

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
    """The socket, which stays as long as the process, and the thread. Raises OSError or RuntimeError."""

    def __init__(self, segment, rearm):
        self._segment = segment
        self._rearm = rearm
        self.pid = os.getpid()
        self._socket, self._address = _listen()
        self._identity = spool.identity_of(self._socket.fileno())
        self.worker = Worker(self._wait, self._knock)
        try:
            self.worker.start()
        except RuntimeError:
            self._socket.close()
            raise
        segment.set_wake(self._address)

    def _wait(self, wanted):
        try:
            while wanted() and self._is_ours():
                segment = self._segment
                epoch = segment.epoch_wanted()
                if epoch != segment.epoch_done():
                    self._rearm()
                    segment.acknowledge(epoch)
                self._socket.recv(64)
        except OSError:  # the application closed all descriptors: nobody can wake us any more
            return

    def _knock(self):
        """By a socket of its own: where the application has closed ours, the kernel keeps it until this arrives."""
        try:
            knock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
            try:
                knock.settimeout(0)
                knock.sendto(b"s", self._address)
            finally:
                knock.close()
        except OSError:  # a full queue wakes it as well, and a socket that is gone has ended it
            return

    def forget(self):
        """In a child. Closes the socket, if the number is still this socket's and not one of the application's."""
        self.worker.in_child()
        if self._is_ours():
            self._socket.close()
        else:
            self._socket.detach()

    def _is_ours(self):
        return spool.identity_of(self._socket.fileno()) == self._identity


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
