"""The helper's program: `python -I -S -E helper.py --covey-helper FD SPOOL`, started by launch.py.

It ends when nothing has been alive in its spool, and nobody has asked for anything, for COVEY_AGENT_LINGER seconds
(600), unless it is the child of a container's PID 1; when the spool's folder is gone; at once on SIGTERM: its pid is
in the spool's file `helper`. Nothing is lost by its end: the next process that starts on the spool starts the next
helper, which finds segments and windows there.
"""

from __future__ import annotations

import os
import sys


def server_main(argv: list[str]) -> int:
    """Serves until there is nobody left to serve. `argv`: [`--covey-helper`,] descriptor of the listener, spool."""
    import _socket

    from covey_agent import answers, election, server, settings, spool

    arguments = argv[1:] if argv[:1] == ["--covey-helper"] else argv
    listener = _socket.socket(fileno=int(arguments[0]))
    os.set_inheritable(listener.fileno(), False)
    folder = arguments[1]
    os.close(spool.open_own_folder(folder))
    pid = int(os.environ.get("COVEY_HELPER_STARTER", "0"))
    limit = settings.read(os.environ).spool_max
    replies = answers.Answers(folder, pid, os.environ.get("COVEY_AGENT_TOKEN_FILE", ""), limit=limit)
    serving = server.Server(listener, replies)
    watch = Watch(folder, election.linger(os.environ), serving)
    serving.run(watch.wanted, nap=watch.interval)
    return 0


class Watch:
    """Says how long a helper is wanted. Looks every `interval` seconds, at most 5."""

    def __init__(self, spool: str, linger: float, serving) -> None:
        from time import monotonic

        self.interval = min(5.0, max(linger / 4, 0.05))
        self._spool = spool
        self._linger = linger
        self._serving = serving
        self._clock = monotonic
        self._looked = self._lived = monotonic()

    def wanted(self) -> bool:
        now = self._clock()
        if now - self._looked < self.interval:
            return True
        self._looked = now
        if not os.path.isdir(self._spool):
            return False
        if somebody_lives(self._spool):
            self._lived = now
        return now - max(self._lived, self._serving.last_request) < self._linger or _nobody_reaps()


def _nobody_reaps() -> bool:
    """Whether we are the child of a container's PID 1: mostly an application that knows nothing of us. A process that
    starts Python now and then, as a server in Go does, would gather a zombie for each helper that ends."""
    from covey_agent import surroundings

    return os.getppid() == 1 and surroundings.container()[0] is not None


def somebody_lives(spool: str) -> bool:
    """Whether any process that records here lives, also one that has only inherited a segment."""
    from covey_agent import folders, reading

    for name in reversed(folders.names(spool)):
        path = os.path.join(spool, name)
        try:
            if reading.read_header(path).is_alive() or reading.is_held(path):
                return True
        except (OSError, reading.NotASegment):
            continue
    return False


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # this folder is the application's image's
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.exit(server_main(sys.argv[1:]))
