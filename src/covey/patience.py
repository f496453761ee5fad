"""How long what a stranger wrote may keep covey busy: a pattern can ask for more steps than there are seconds."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from covey.errors import ConfigError, CoveyError

_CHUNK = 1 << 16  # bytes


@contextlib.contextmanager
def at_most(seconds: float, late: CoveyError) -> Iterator[None]:
    """Raises `late` inside the block once it has taken that long.

    Regular expressions and all that is written in Python can be ended so; a call into C that never looks for signals
    ends late. The system's alarm clock does it, which only the main thread hears, and of which there is one: without
    effect elsewhere, and where whoever uses covey as a library has set it.
    """
    if threading.current_thread() is not threading.main_thread() or _in_use():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise late

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _in_use() -> bool:
    return signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL or signal.getitimer(signal.ITIMER_REAL)[0] > 0


def read_small(path: Path, most: int, seconds: float = 60.0) -> bytes:
    """The content of a settings or secrets file of up to `most` bytes, which may be a pipe, as in `--token <(command)`.

    ConfigError when there is more, or when it is not complete in time: a pipe that nobody writes to would hang covey,
    and an event loop that hangs hears no Ctrl-C. OSError where the file cannot be read.
    """
    end = time.monotonic() + seconds
    found = bytearray()
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while len(found) <= most:
            if not select.select([descriptor], [], [], max(end - time.monotonic(), 0))[0]:
                raise ConfigError(f"{path} was not complete within {seconds:g} s", hint="does anything write to it?")
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return bytes(found)
            found += chunk
    finally:
        os.close(descriptor)
    raise ConfigError(f"{path} is larger than {most} bytes")
