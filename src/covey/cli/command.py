"""The command in the middle of `covey collect ... -- COMMAND`, and what an interrupt means to it.

End-to-end tests put away at their end what they set up, and are given the time for it: covey waits for the command
whatever it was sent itself, and kills it only when it is told the same again.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from types import FrameType

from covey.cli.output import warn


def run(command: tuple[str, ...], *, to_stderr: bool) -> int:
    """Run it to its end: its exit code, 128 + N where signal N ended it. to_stderr: its stdout goes there.

    KeyboardInterrupt after Ctrl-C or SIGTERM, once it has ended; neither is heard any more then.
    """
    wait = _Wait()
    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, wait.hear) for number in heard}
    try:
        ended = wait.for_end_of(command, to_stderr=to_stderr)
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_IGN if wait.told else before[number])
    if wait.told:
        raise KeyboardInterrupt
    return 128 - ended if ended < 0 else ended


class _Wait:
    """told: the signals that came."""

    def __init__(self) -> None:
        self.told: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None

    def for_end_of(self, command: tuple[str, ...], *, to_stderr: bool) -> int:
        if self.told:
            return 0
        self._process = subprocess.Popen(command, stdout=sys.stderr if to_stderr else None)
        if signal.SIGTERM in self.told:  # it came while the command was being started
            self._process.terminate()
        return self._process.wait()

    def hear(self, number: int, _: FrameType | None) -> None:
        """A terminal's Ctrl-C goes to the command as well, and twice would cut off what it does then; a pipeline's
        SIGTERM comes here alone."""
        again, process = number in self.told, self._process
        self.told.add(number)
        if process is None or process.returncode is not None:
            return
        if again:
            process.kill()
            return
        if number == signal.SIGTERM:
            process.terminate()
        warn("waiting for the command to end; once more kills it")
