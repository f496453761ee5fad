"""Where lines go: the segment of the process that runs, whichever process that is by now."""

from __future__ import annotations

import os
import sys

from covey_agent import spool as spools
from covey_agent.facts import Facts, stamp_of
from covey_agent.processes import Identity
from covey_agent.segment import FULL, MISSING, Segment, SegmentFull

_FACTS_MAX = 4 << 20
_getpid, _stat = os.getpid, os.stat
_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STANDARD = os.path.dirname(os.__file__) + os.sep


class Recorder:
    """Opens a segment for each process that asks: this one, and each child that comes of it by fork.

    `facts` are those of the spool, once there is a segment. Nothing here raises for want of room: it is said once, on
    standard error, and the segment says so too."""

    def __init__(self, settings, core: str, program: str = "", flags: int = 0) -> None:
        self._settings = settings
        self._core = core
        self._program = program
        self._flags = flags
        self._segments = {}
        self._exhausted = set()
        self._said = False
        self.facts = None

    def segment(self):
        """This process's own segment; None when none could be made."""
        pid = os.getpid()
        try:
            return self._segments[pid]
        except KeyError:
            return self._segments.setdefault(pid, self._open())

    def plane(self, path: str, digest: bytes, lines: int):
        """A plane to store 1 into at line numbers 0 to `lines`, or None when there is no room."""
        segment = self._segments.get(_getpid())
        if segment is not None and segment not in self._exhausted:
            try:
                return segment.add(path, digest, lines)
            except SegmentFull:  # it is tried again below, where it is said
                pass
        return self._do(lambda segment: segment.add(path, digest, lines))

    def known_plane(self, path: str, pid: int):
        """The plane, as `plane`, and the stamp of a file whose source an earlier process has read; (None, None) when
        none has, it has changed, or it takes more than one copy to say so. `path` is absolute, `pid` this process.
        Raises OSError, and SegmentFull for want of room, which nobody has been told of then."""
        known = self.facts.known.get(path)
        segment = self._segments.get(pid)
        if known is None or segment is None or segment in self._exhausted:
            return None, None
        stamp, _, lines, head = known
        if not head or stamp_of(_stat(path)) != stamp:
            return None, None
        return segment.add_ready(head, lines), stamp

    def note(self, path: str) -> None:
        """Says that the file at `path` was loaded before it could be recorded."""
        self._do(lambda segment: segment.note(path))

    def miss(self, name: str) -> None:
        """Says that a package of this name is asked for and was not found."""
        self._do(lambda segment: segment.note(name, MISSING))

    def _do(self, write):
        segment = self.segment()
        if segment is None or segment in self._exhausted:
            return None
        try:
            return write(segment)
        except SegmentFull as error:
            if segment.uid != os.geteuid():
                return self._as_other_user(write)
            return self._give_up(segment, error)
        except Exception as error:  # a fault of the agent's own costs its data, never the application
            if is_of_the_application(error):
                raise
            return self._give_up(segment, error)

    def _give_up(self, segment, error):
        self._exhausted.add(segment)
        segment.set_flag(FULL)
        self.say_once(f"not all of what runs is recorded: {error}")

    def _as_other_user(self, write):
        """The process gave up its user: the folder of the old one is closed to it, the new one has its own."""
        segment = self._open()
        self._segments[os.getpid()] = segment
        return self._do(write) if segment is not None else None

    def _open(self):
        try:
            spool = spools.find(self._settings)
            segment = Segment(spool, Identity(), self._core, self._program, self._flags)
        except (OSError, spools.NoSpool) as error:
            self.say_once(f"nothing is recorded: {error}")
            return None
        if self.facts is None:
            self.facts = Facts(spool.folder, min(spool.limit // 4, _FACTS_MAX))
        return segment

    def say_once(self, text: str) -> None:
        """One line on standard error, and none after it."""
        if not self._said:
            self._said = True
            say(text)


def say(text: str) -> None:
    """One line on standard error, if the application has one."""
    try:
        sys.stderr.write(f"covey: {text}\n")
        sys.stderr.flush()
    except Exception:  # closed, replaced or None: the application's, and no reason to disturb it
        return


def is_of_the_application(error: BaseException) -> bool:
    """Whether an exception that passed through the agent was raised by a signal handler of the application's, which
    may run at any moment, so that it has to go on up."""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith((_HERE, _STANDARD, "<frozen ")):
            return True
        trace = trace.tb_next
    return False
