"""Who serves a spool: one helper, found by its file in the spool and its life in /proc; started when there is none.

The right to start one is a lock in the spool. The port is whichever of 50 from COVERAGE_PORT on can be bound: where
another spool's helper, another container of the pod or another language holds one, the next is taken.
"""

from __future__ import annotations

import fcntl
import os
from time import monotonic
from time import time as now

from covey_agent import processes
from covey_agent import spool as spools
from covey_agent.recorder import say

# What it takes to start a helper is loaded when one is to be started: most processes find one.

PORTS = 50
# In the spool: port, pid, start in ticks, boot id of who serves it; the name of its segment where that is a thread.
FILE = "helper"
_BACKLOG = 64
_PATIENCE = 2.0
_RESPITE = 10.0  # seconds that a helper has to have lived for being replaced
DEFAULT_LINGER = 600.0


class Helper:
    """Who serves a spool: `port`, `pid`, `start_ticks`; alive when it was asked for."""

    __slots__ = ("pid", "port", "start_ticks")

    def __init__(self, port: int, pid: int, start_ticks: int) -> None:
        self.port = port
        self.pid = pid
        self.start_ticks = start_ticks


def helper_of(spool: str) -> Helper | None:
    """The helper that serves a spool now; None when there is none that lives."""
    try:
        fd = os.open(os.path.join(spool, FILE), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            port, pid, ticks, boot, *segments = os.read(fd, 256).decode("ascii").split()
        finally:
            os.close(fd)
        helper = Helper(int(port), int(pid), int(ticks))
    except (OSError, ValueError):
        return None
    if boot != processes.boot_id() or not processes.is_alive(helper.pid, helper.start_ticks):
        return None
    # exec ends the thread and keeps pid and start: what it does not keep is the mapping of the segment.
    return helper if all(_is_mapped(spool, name) for name in segments) else None


def _is_mapped(spool, name):
    """Whether any process maps the segment of that name."""
    if name != os.path.basename(name):
        return False
    try:
        fd = os.open(os.path.join(spool, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return spools.has_locked(fd)
    except OSError:  # a file system without locks: then it goes by the pid, as for others
        return True
    finally:
        os.close(fd)


def _helper_but_me(spool):
    """As `helper_of`, for a process that serves nothing itself: what has its own pid served before it became, by exec,
    the program that it is."""
    helper = helper_of(spool)
    return helper if helper is None or helper.pid != os.getpid() else None


def ensure_helper(settings, spool: str, segment=None) -> int | None:
    """Sees to it that somebody serves the spool (a folder), and gives the port; None when nobody can, which is said in
    one line on standard error. Never raises for want of a helper.

    `settings`: `port`, `bind`, `token_file`. `segment` is this process's, if it has one: as long as that is mapped, a
    thread of this process is believed to serve."""
    helper = _helper_but_me(spool)
    if helper is not None:
        return helper.port
    from covey_agent import launch

    try:
        return _elect(settings, spool, segment)
    except (OSError, launch.CannotLaunch) as error:
        say(f"what this process records is not served: {error}")
        return None


def revive(settings, spool: str) -> None:
    """In a child just made by fork: starts the next helper where the last one was killed. One that does not live long
    is not replaced at once, and where there never was one there is none now."""
    try:
        age = now() - os.stat(os.path.join(spool, FILE)).st_mtime
    except OSError:
        return
    if age < _RESPITE or os.getpid() == 1 or helper_of(spool) is not None:
        return
    from _signal import SIGCHLD

    from covey_agent.shelter import sheltered

    # So that no handler of the application's hears of the child that launches (see launch.py).
    sheltered(lambda: ensure_helper(settings, spool), [SIGCHLD])


def _elect(settings, spool, segment):
    from covey_agent import launch

    by_thread = os.getpid() == 1 or not launch.entry()
    if by_thread and processes.is_subinterpreter():
        return None  # the main interpreter serves: its thread is the one that can stay
    lock = _lock(spool)
    if lock is None:
        return None  # whoever has it that long is starting one
    try:
        helper = _helper_but_me(spool)
        if helper is not None:
            return helper.port
        listener = bind(settings)
        try:
            port = listener.getsockname()[1]
            if by_thread:
                _serve_here(listener, port, spool, settings, segment)
            else:
                launch.launch(listener.fileno(), port, spool, processes.boot_id(), _environment(settings))
                listener.close()
        except BaseException:
            listener.close()
            raise
        return port
    finally:
        os.close(lock)


def _lock(spool):
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(os.path.join(spool, "helper.lock"), flags, 0o600)
    deadline = monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if monotonic() > deadline:
                os.close(fd)
                return None
            spools.sleep(0.002)
        except OSError:
            os.close(fd)
            raise


def bind(settings):
    """A listening socket on the first port that is free, of 50. Raises OSError when there is none.

    An address other than loopback is for whoever has the token, so without one it is not bound."""
    import _socket
    import errno

    address = settings.bind
    if not is_loopback(address) and not settings.token_file:
        say(f"COVEY_AGENT_BIND={address} wants COVEY_AGENT_TOKEN_FILE too; bound 127.0.0.1 instead")
        address = settings.bind = "127.0.0.1"
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    for port in range(settings.port, min(settings.port + PORTS, 65536)):
        # Bound and listening at once: two sockets may have one address until one of them listens.
        listener = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(_BACKLOG)
            return listener
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise OSError(errno.EADDRINUSE, f"no free port from {settings.port} on")


def is_loopback(address: str) -> bool:
    """Whether only this machine (or pod) reaches an address."""
    return address in ("localhost", "::1") or (address.startswith("127.") and address.count(".") == 3)


def _environment(settings) -> dict[str, str]:
    found = {"COVEY_HELPER_STARTER": str(os.getpid()), "COVEY_AGENT_LINGER": str(linger(os.environ))}
    found["COVEY_AGENT_SPOOL_MAX"] = str(settings.spool_max)
    if settings.token_file:
        found["COVEY_AGENT_TOKEN_FILE"] = os.path.abspath(settings.token_file)
    return found


def linger(environ) -> float:
    """Seconds for which a helper goes on after the last process it serves; COVEY_AGENT_LINGER, 600 without."""
    try:
        return min(max(float(environ.get("COVEY_AGENT_LINGER", "") or DEFAULT_LINGER), 0.0), 1e9)
    except ValueError:
        return DEFAULT_LINGER


def _serve_here(listener, port, spool, settings, segment):
    """A helper of an application that is PID 1 would be its child to wait for: a thread of it serves instead."""
    from covey_agent import serving_thread

    def listen():
        again = bind(settings)
        try:
            _announce(again.getsockname()[1], spool, segment)
        except BaseException:
            again.close()
            raise
        return _moved(again)

    token_file = settings.token_file and os.path.abspath(settings.token_file)

    def give_up():
        os.unlink(os.path.join(spool, FILE))

    serving_thread.begin(_moved(listener), spool, token_file, settings.spool_max, listen, give_up)
    _announce(port, spool, segment)


def _moved(listener):
    import _socket

    return _socket.socket(fileno=spools.high(listener.detach()))


def _announce(port, spool, segment):
    """Writes into the spool that a thread of this process serves."""
    pid, target = os.getpid(), os.path.join(spool, FILE)
    text = f"{port} {pid} {processes.start_ticks(pid) or 0} {processes.boot_id()}"
    if segment is not None:
        text += f" {segment.name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(target + ".new", flags, 0o600), "w", encoding="ascii") as out:
        out.write(text)
    os.rename(target + ".new", target)
