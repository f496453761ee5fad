"""How long what a stranger wrote may keep covey busy: a pattern can ask for more steps than there are seconds."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from covey.errors import CoveyError


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
