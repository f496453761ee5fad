"""Work of the agent's that no signal handler of the application's is to interrupt."""

from __future__ import annotations

from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals

ALL = valid_signals()


def sheltered(work, signals=ALL):
    """What `work()` gives, called with these signals blocked in this thread; the mask is as before when this returns or
    raises. What handlers raise comes out when the work is done, but for a signal that another thread gets."""
    # Asked first: handlers run in the call that blocks too, and what they raise would leave us without the mask.
    before = pthread_sigmask(SIG_BLOCK, ())
    try:
        try:
            pthread_sigmask(SIG_BLOCK, signals)
        finally:
            result = work()
    finally:
        pthread_sigmask(SIG_SETMASK, before)
    return result


def absorb() -> None:
    """A hook to be called before another: handlers of signals that have come, as during the system call of a fork, run
    when a function begins. What they raise then ends this one, which does nothing."""
