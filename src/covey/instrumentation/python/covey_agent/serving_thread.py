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
    def __init__(self, serving, when_over) -> None:
        self._server = serving
        self._when_over = when_over
        self._read_end, self._write_end = (spools.high(fd) for fd in os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK))
        self._pid = os.getpid()
        self._closed = False
        self.worker = Worker(self._serve, self._ring)

    def _serve(self, wanted) -> None:
        try:
            self._server.run(wanted, self._read_end)
        except OSError:  # the application closed all descriptors: what it opens under their numbers is not ours
            self._say_it_is_over()

    def _say_it_is_over(self):
        try:
            self._when_over()
        except OSError:  # no file to take away
            return

    def _ring(self):
        try:
            os.write(self._write_end, b"s")
        except OSError:  # full, or closed by the application
            return

    def in_child(self) -> None:
        """The parent serves; its clients and its port are not ours to keep open."""
        if os.getpid() != self._pid:
            self.worker.in_child()
            self._close()

    def at_exit(self) -> None:
        """Closes all while the interpreter is still whole: a socket that it finds open at its very end warns, and the
        warning crashes 3.9."""
        self.worker.before_fork()
        self._close()

    def _close(self) -> None:
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
    one.worker.start()
    os.register_at_fork(
        before=one.worker.before_fork, after_in_parent=one.worker.in_parent, after_in_child=one.in_child
    )
    atexit.register(one.at_exit)
