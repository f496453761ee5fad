"""Who this process is: what tells one process's segment from all others."""

from __future__ import annotations

import os

from covey_agent import processes


class Identity:
    """pid, start_ticks: int; boot_id: 16 bytes; started: f64 of seconds since 1970, as its 8 bytes."""

    __slots__ = ("boot_id", "pid", "start_ticks", "started")

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.start_ticks = processes.start_ticks(self.pid) or 0
        self.boot_id = bytes.fromhex(processes.boot_id().replace("-", ""))
        self.started = _double(processes.started_at(self.start_ticks))


def _double(number):
    """Little-endian bytes of a float, on any machine, without importing struct."""
    view = memoryview(bytearray(8)).cast("d")
    view[0] = number
    raw = view.tobytes()
    return raw if memoryview(b"\x01\x00").cast("H")[0] == 1 else raw[::-1]
