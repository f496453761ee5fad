"""Keeps Python 3.13 and later from warning of threads at a fork for the agent's own threads.

They are ended before the fork, but 3.13 counts the process's threads after the hooks that start them again (3.12 does
so before). The warning is kept quiet only while the application itself has one thread: its own threads are its news.
"""

from __future__ import annotations

import os
import sys

_NEEDED = sys.version_info >= (3, 13)
_alive = []  # one for each of the agent's threads that runs now; several threads may add and take away at once
_going = set()  # the kernel's numbers of those that have ended: it forgets them a moment later


class _ForkWarning:
    """Matches, as the message pattern of a warning filter, that one warning, which ends the filter: it is there from
    the hooks of a fork to the warning. A fork by C code does not warn, so it also looks like what it stands for."""

    pattern = r"This process \(pid=\d+\) is multi-threaded, use of fork"
    flags = 34  # as those of other filters: re.IGNORECASE and re.UNICODE

    def match(self, text):
        matches = text.startswith("This process (pid=") and "is multi-threaded, use of fork" in text
        if matches:
            _take_away()
        return matches


_quiet = ("ignore", _ForkWarning(), DeprecationWarning, None, 0)


def started() -> None:
    """To be called when a thread of the agent's has been started."""
    _alive.append(None)


def ended(thread: int = 0) -> None:
    """To be called when one ends, with the kernel's number of it, also in a child, where it never began."""
    if thread:
        _going.add(str(thread))
    try:
        _alive.pop()
    except IndexError:
        return


def before_restart() -> None:
    """To be called after a fork in the parent, before a thread is started again."""
    if not _NEEDED:
        return
    import warnings

    try:
        tasks = set(os.listdir("/proc/self/task"))
    except OSError:
        return
    _going.intersection_update(tasks)
    others = len(tasks - _going) - len(_alive)
    if others > 1:
        _take_away()
    elif others == 1 and _quiet not in warnings.filters:
        warnings.filters.insert(0, _quiet)


def _take_away():
    import warnings

    try:
        warnings.filters.remove(_quiet)
    except ValueError:  # it is not there, or another thread that forks was first
        return
