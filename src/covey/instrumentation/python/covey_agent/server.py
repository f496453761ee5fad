"""The serving loop: many connections, one thread, one job at a time, everything bounded.

A connection is read until its request is whole, at most READ_SECONDS; requests are then worked off one after the
other, in small steps, and between two steps the loop reads and writes for all. So a client that drips, stays silent or
sends garbage costs the others nothing. Whoever runs the loop may stop it between two steps and run it again later.
"""

from __future__ import annotations

import _socket
import errno
import select
from time import monotonic as _clock

from covey_agent import spool as spools
from covey_agent.http_text import Refused, parse

MAX_CONNECTIONS = 64
READ_SECONDS = 5.0
WRITE_SECONDS = 10.0  # without any progress
TOTAL_SECONDS = 120.0
UPKEEP_SECONDS = 2.0  # between two looks at what is to be tidied up
MAX_PENDING = 32 << 20  # bytes of replies not yet taken, above which no further request is begun
_READ, _WAIT, _WRITE, _DRAIN = range(4)
_DRAIN_SECONDS = 1.0
_MAX_DRAIN = 1 << 20
_NAP_WITHOUT_DESCRIPTORS = 0.02

_poll, _POLLIN, _POLLOUT = select.poll, select.POLLIN, select.POLLOUT


class _Connection:
    """One client: what was received, what is to be sent, and until when."""

    def __init__(self, connected, now: float) -> None:
        self.socket = connected
        self.identity = spools.identity_of(connected.fileno())
        self.state = _READ
        self.received = b""
        self.out = memoryview(b"")
        self.began = now
        self.deadline = now + READ_SECONDS
        self.request = None
        self.drained = 0

    def close(self) -> None:
        """Closes the number only where it is still this connection."""
        if spools.identity_of(self.socket.fileno()) == self.identity:
            self.socket.close()
        else:
            self.socket.detach()

    def send(self, data: bytes, now: float) -> None:
        self.out = memoryview(data)
        self.state = _WRITE
        self.deadline = now + WRITE_SECONDS


class Server:
    """Serves `answers` on a listening socket, and does their upkeep between requests.

    `wanted` is asked before each round; False ends `run`."""

    def __init__(self, listener, answers) -> None:
        self.listener = listener
        self.answers = answers
        self.last_request = _clock()
        self._identity = spools.identity_of(listener.fileno())
        self._connections: dict[int, _Connection] = {}
        self._job = None  # (connection or None, generator, time at which it goes on)
        self._upkeep_at = 0.0
        listener.setblocking(False)

    def run(self, wanted, bell=None, nap: float = 5.0) -> None:
        """Serves until `wanted()` is false. `bell`: its descriptor `fd` becomes readable when it should look, and
        `hear()` reads that; `nap`: seconds after which it looks anyway. Raises OSError when the listener, or the bell,
        is not ours any more."""
        wake_fd = -1 if bell is None else bell.fd
        while wanted():
            now = _clock()
            self._drop_late(now)
            ready = self._wait(now, wake_fd, nap)
            if not self.owns_listener():
                raise OSError(errno.EBADF, "the listening socket was closed")
            for fd, _event in ready:
                if fd == self.listener.fileno():
                    self._accept()
                elif fd == wake_fd:
                    bell.hear()
                elif fd in self._connections:
                    self._move(self._connections[fd])
            self._work()

    def close(self) -> None:
        """Ends all connections and the listener, in a process that is no longer to serve."""
        for connection in list(self._connections.values()):
            self._end(connection)
        self._job = None
        if self.owns_listener():
            self.listener.close()
        else:
            self.listener.detach()

    def owns_listener(self) -> bool:
        """Whether the listener's number is still the listener: an application may close all descriptors and open
        others under the same numbers."""
        return spools.identity_of(self.listener.fileno()) == self._identity

    def _wait(self, now, wake_fd, nap):
        poll = _poll()
        poll.register(self.listener.fileno(), _POLLIN)
        if wake_fd >= 0:
            poll.register(wake_fd, _POLLIN)
        until = now + nap
        for fd, connection in self._connections.items():
            if connection.state in (_READ, _DRAIN):
                poll.register(fd, _POLLIN)
            elif connection.state == _WRITE:
                poll.register(fd, _POLLOUT)
            until = min(until, connection.deadline)
        if self._job is not None:
            until = min(until, self._job[2])
        elif self._next() is not None:
            until = now
        else:
            until = min(until, self._upkeep_at)
        return poll.poll(max(0, int((until - now) * 1000 + 0.999)))

    def _accept(self):
        for _ in range(MAX_CONNECTIONS):
            try:
                fd, _address = self.listener._accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptors left, or the client is gone already
                spools.sleep(_NAP_WITHOUT_DESCRIPTORS)
                return
            # The process may be the application's, which counts on low numbers.
            fd = spools.high(fd)
            connected = _socket.socket(fileno=fd)
            connected.setblocking(False)
            self._make_room()
            self._connections[fd] = _Connection(connected, _clock())

    def _make_room(self):
        """Drops the one that has been silent longest: who means it sends its request at once."""
        if len(self._connections) < MAX_CONNECTIONS:
            return
        idle = [one for one in self._connections.values() if one.state in (_READ, _DRAIN)]
        oldest = min(idle or self._connections.values(), key=lambda one: one.began)
        self._end(oldest)

    def _move(self, connection):
        try:
            if connection.state == _READ:
                self._receive(connection)
            elif connection.state == _WRITE:
                self._send(connection)
            elif connection.state == _DRAIN:
                self._drain(connection)
        except BlockingIOError:
            return
        except Exception:  # a reset, or a request that we cannot bear: it ends this client, not the helper
            self._end(connection)

    def _receive(self, connection):
        data = connection.socket.recv(16384)
        if not data:
            self._end(connection)
            return
        connection.received += data
        try:
            request = parse(connection.received)
        except Refused as error:
            connection.send(self.answers.refuse(error.status, error.text), _clock())
            return
        if request is not None:
            connection.request = request
            connection.received = b""
            connection.state = _WAIT
            connection.deadline = connection.began + TOTAL_SECONDS
            self.last_request = _clock()

    def _send(self, connection):
        sent = connection.socket.send(connection.out[: 1 << 18])
        connection.out = connection.out[sent:]
        now = _clock()
        connection.deadline = min(now + WRITE_SECONDS, connection.began + TOTAL_SECONDS)
        if not connection.out:
            # Closing with bytes unread would reset the connection and take the reply with it.
            connection.socket.shutdown(_socket.SHUT_WR)
            connection.state = _DRAIN
            connection.received = b""
            connection.deadline = now + _DRAIN_SECONDS

    def _drain(self, connection):
        data = connection.socket.recv(65536)
        connection.drained += len(data)
        if not data or connection.drained > _MAX_DRAIN:
            self._end(connection)

    def _drop_late(self, now):
        for connection in list(self._connections.values()):
            if now < connection.deadline:
                continue
            if connection.state == _READ and connection.received:
                connection.send(self.answers.refuse(408, "the request took too long"), now)
            else:
                self._end(connection)

    def _end(self, connection):
        fd = connection.socket.fileno()
        if self._connections.pop(fd, None) is not None:
            connection.close()
        # A job of its stays and runs to its end: half a closed window is nothing to leave behind.

    def _next(self):
        """The connection that has waited longest for its answer, unless too much waits to be sent."""
        if sum(len(one.out) for one in self._connections.values()) > MAX_PENDING:
            return None
        waiting = [one for one in self._connections.values() if one.state == _WAIT]
        return min(waiting, key=lambda one: one.began, default=None)

    def _work(self):
        """One step of the job in hand, or of the next one: a request, else the upkeep."""
        now = _clock()
        if self._job is None:
            connection = self._next()
            if connection is not None:
                self._job = (connection, self.answers.answer(connection.request), now)
            elif now >= self._upkeep_at:
                self._upkeep_at = now + UPKEEP_SECONDS
                self._job = (None, self.answers.upkeep(), now)
            else:
                return
        connection, steps, at = self._job
        if now < at:
            return
        try:
            self._job = (connection, steps, now + next(steps))
        except StopIteration as done:
            self._job = None
            self._reply(connection, done.value)
        except Exception:  # it ends this job, never the thread or the process that serves
            self._job = None
            self._reply(connection, self.answers.refuse(500, "covey's agent failed"))

    def _reply(self, connection, data):
        """`connection`: None where the job was nobody's request; it may have gone meanwhile."""
        if connection is not None and connection.socket.fileno() in self._connections:
            connection.send(data, _clock())
