"""Serving from a thread of the application, where it is PID 1 and a helper would be its child to wait for.

The thread (worker.py) takes its references before anybody may patch them, and has its descriptors at high numbers. What
it was doing goes on after a fork: requests are worked off in steps, and it stops between two of them.
"""

from __future__ import annotations

import atexit
import os

from covey_agent import answers, server
from covey_agent import spool as spools
from covey_agent.worker import Worker

# A source is compiled with the interpreter's lock held: larger ones would be felt by the application.
MAX_SOURCE = 512 << 10


class _Serving:
    """A server, its thread, and what wakes it. `listen()` and `give_up()` are those of `begin`."""

    def __init__(self, listener, replies, listen, give_up) -> None:
        self._replies = replies
        self._listen = listen
        self._give_up = give_up
        self._pid = os.getpid()
        self._closed = False
        self._open(listener)
        self.worker = Worker(self._serve, lambda: self._bell.ring())

    def _open(self, listener):
        self._bell = _Bell()
        self._server = server.Server(listener, self._replies)

    def _serve(self, wanted) -> None:
        while True:
            try:
                self._server.run(wanted, self._bell)
                return
            except OSError:  # the application closed all descriptors: what it opens under their numbers is not ours
                self._close()
            try:
                self._open(self._listen())
            except OSError:
                self._closed = True
                self._give_up()
                return

    def in_child(self) -> None:
        """The parent serves; its clients and its port are not ours to keep open."""
        if os.getpid() != self._pid and not self._closed:
            self._closed = True
            self.worker.in_child()
            self._close()

    def at_exit(self) -> None:
        """Closes all while the interpreter is still whole: a socket that it finds open at its very end warns, and the
        warning crashes 3.9."""
        self.worker.before_fork()
        if not self._closed:
            self._closed = True
            self._close()

    def _close(self) -> None:
        self._server.close()
        self._bell.close()


class _Bell:
    """A pipe that wakes who polls it. `fd` is its end to be polled."""

    def __init__(self):
        self.fd, self._other = (spools.high(fd) for fd in os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK))
        self._identity = spools.identity_of(self.fd)  # of both ends

    def ring(self):
        try:
            if spools.identity_of(self._other) == self._identity:
                os.write(self._other, b"s")
        except OSError:  # full, or closed just now
            return

    def hear(self):
        """Raises OSError when it is not ours any more."""
        if spools.identity_of(self.fd) != self._identity:
            raise OSError("the pipe was closed")
        os.read(self.fd, 64)

    def close(self):
        for fd in (self.fd, self._other):
            if spools.identity_of(fd) == self._identity:
                os.close(fd)


def begin(listener, spool: str, token_file: str, limit: int, listen, give_up) -> None:
    """Serves the spool, of at most `limit` bytes of segments, on a listening socket as long as this process lives.

    Where the application closes that, it goes on with the one that `listen()` gives, or calls `give_up()`; both may
    raise OSError. Raises RuntimeError or OSError."""
    replies = answers.Answers(spool, os.getpid(), token_file, max_source=MAX_SOURCE, limit=limit)
    one = _Serving(listener, replies, listen, give_up)
    one.worker.start()
    os.register_at_fork(
        before=one.worker.before_fork, after_in_parent=one.worker.in_parent, after_in_child=one.in_child
    )
    atexit.register(one.at_exit)
