"""Who this process is, and which processes still live, asked of /proc.

A process is known by its pid and its start in clock ticks (field 22 of `/proc/PID/stat`), since pids are used again.
Both are those of the pid namespace of whoever asks: the helper runs in the container whose processes it serves.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

_TICKS_FIELD = 19  # field 22, counted from the state, which is the first after the name


class Identity:
    """What tells this process's segment from all others. pid, start_ticks: int; boot_id: 16 bytes; started: f64 of
    seconds since 1970, as its 8 bytes."""

    __slots__ = ("boot_id", "pid", "start_ticks", "started")

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.start_ticks = start_ticks(self.pid) or 0
        self.boot_id = bytes.fromhex(boot_id().replace("-", ""))
        self.started = _double(started_at(self.start_ticks))


def command_line() -> list[str]:
    """How this interpreter was called: its program, its options, and what follows them; empty where that is hidden."""
    if hasattr(sys, "orig_argv"):  # from 3.10 on
        return list(sys.orig_argv)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return [os.fsdecode(part) for part in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def is_subinterpreter() -> bool:
    """Whether this is an interpreter that another one of this process has made. Such a one cannot have a thread of the
    agent's: it aborts the process when it ends, or is left to the end of the process, with a thread in it."""
    is_main = getattr(_thread, "_is_main_interpreter", None)  # from 3.12 on, and built in
    if is_main is not None:
        return not is_main()
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        return False
    return interpreters.get_current() != interpreters.get_main()


def start_ticks(pid: int) -> int | None:
    """The start of a process in clock ticks since boot; None when it is gone, a zombie, or cannot be seen."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read(4096).rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X", b"x"):
            return None
        return int(fields[_TICKS_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def is_alive(pid: int, ticks: int) -> bool:
    """Whether exactly this process runs; a zombie does not, nor another that got the same pid."""
    return pid > 0 and start_ticks(pid) == ticks


def boot_id() -> str:
    """The kernel's boot id as `/proc` writes it (a lower-case UUID), or zeros where it is hidden."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as source:
            return source.read(64).decode("ascii").strip()  # as text it would load a codec for it
    except (OSError, ValueError):
        return "00000000-0000-0000-0000-000000000000"


def started_at(ticks: int) -> float:
    """Seconds since 1970 (UTC) at which a process with that start began, to about 10 ms."""
    try:
        with open("/proc/uptime", "rb") as source:
            uptime = float(source.read(64).split()[0])
        return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.time()


def _double(number):
    """Little-endian bytes of a float, on any machine, without importing struct."""
    view = memoryview(bytearray(8)).cast("d")
    view[0] = number
    raw = view.tobytes()
    return raw if memoryview(b"\x01\x00").cast("H")[0] == 1 else raw[::-1]


def iso(seconds: float) -> str:
    """`2026-11-21T08:19:14.250Z` of seconds since 1970; times that no calendar has become the epoch's start."""
    try:
        whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        return f"{whole}.{int(seconds % 1 * 1000):03d}Z"
    except (ValueError, OverflowError, OSError):
        return "1970-01-01T00:00:00.000Z"
