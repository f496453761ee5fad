"""The core for Python 3.12 and later: `sys.monitoring`, with the waking thread, and what a fork does to them.

The start of each code object is seen once; where its file is wanted, its lines are asked for, and each line's event is
switched off after the first time, so that code at work costs nothing. A new window re-arms them: `restart_events()`,
which re-arms what other tools of the process switched off too (they see those events once more).

A subinterpreter has no thread, as it cannot end with one: it records, and its later windows miss what it ran before.

A child made by fork has the lines switched off that its parent ran, and stores others into its parent's segment, so
the union of both is right; its own segment is there so that it can be asked to re-arm.
"""

from __future__ import annotations

import os
import sys

from covey_agent import processes
from covey_agent import sources as texts
from covey_agent.recorder import Recorder, is_of_the_application
from covey_agent.segment import NO_ACKNOWLEDGEMENT, UNKNOWN_HASH
from covey_agent.shelter import absorb
from covey_agent.wake import Wake

_SPARE_LINES = 1000
_UNWANTED_MAX = 5000  # names, of about 200 bytes each
_NAME = "covey"


class NoTool(Exception):
    """The tool numbers of sys.monitoring that are for anybody are taken."""


class MonitoringCore:
    """Records as soon as it is made; raises NoTool."""

    def __init__(self, settings, sources, program: str) -> None:
        alone = processes.is_subinterpreter()
        # Nobody is to wait for an answer that never comes, and that of an interpreter which may have ended long ago.
        self.recorder = Recorder(settings, "monitoring", program, NO_ACKNOWLEDGEMENT if alone else 0)
        self._monitoring = Monitoring(self.recorder, sources, self._in_child)
        self._wake = None if alone else Wake(self.recorder, self._monitoring.rearm)
        if self.recorder.segment() is None:
            return
        self._monitoring.start()
        if self._wake is None:
            os.register_at_fork(after_in_child=self._in_child)
            return
        self._wake.start()
        os.register_at_fork(after_in_parent=absorb)
        os.register_at_fork(
            before=self._wake.before_fork, after_in_parent=self._wake.in_parent, after_in_child=self._in_child
        )
        # Hooks before a fork are called last first.
        os.register_at_fork(before=absorb, after_in_parent=self._wake.make_sure)

    def _in_child(self):
        # At once, not when the first new line runs: a child that runs only what its parent ran has to be re-armed too.
        self._monitoring.forked()
        if self._wake is not None:
            self._wake.in_child()


class Monitoring:
    """Records lines through `recorder` for files that `sources` wants. `on_fork` is called in a child that was made
    by a fork that Python knows nothing of, as uwsgi's."""

    def __init__(self, recorder, sources, on_fork) -> None:
        self._recorder = recorder
        self._wanted = sources.wanted
        self._on_fork = on_fork
        self._pid = os.getpid()
        self._planes = {}
        self._stamps = {}
        self._unwanted = set()
        self._tool = None

    def start(self) -> None:
        """Raises NoTool."""
        monitoring = sys.monitoring
        self._tool = _take_tool()
        monitoring.register_callback(self._tool, monitoring.events.LINE, self._line_callback())
        monitoring.register_callback(self._tool, monitoring.events.PY_START, self._start_callback())
        monitoring.set_events(self._tool, monitoring.events.PY_START)

    def rearm(self) -> None:
        sys.monitoring.restart_events()

    def forked(self) -> None:
        """To be called in a child of a fork."""
        self._pid = os.getpid()

    def _line_callback(self):
        planes, disable, unseen = self._planes, sys.monitoring.DISABLE, self._unseen

        def line(code, number):
            try:
                # Between this store and the return the interpreter has no place to switch threads: a re-arm comes
                # before the store or after the line is off, so a line that is off was stored in this window.
                planes[code.co_filename][number] = 1
                return disable
            except (KeyError, IndexError):
                return unseen(code, number)

        return line

    def _start_callback(self):
        monitoring = sys.monitoring
        set_local_events, line, disable = monitoring.set_local_events, monitoring.events.LINE, monitoring.DISABLE
        planes, unwanted, tool = self._planes, self._unwanted, self._tool
        getpid, known, judge, frame = os.getpid, self._known, self._judge, sys._getframe

        def start(code, _offset):
            name = code.co_filename
            pid = getpid()
            if pid != self._pid:
                self._in_child()
            if name in unwanted:
                return disable
            if name in planes:
                if code.co_name == "<module>" and not judge(code, frame(1)):
                    return disable
            # Text that is compiled may have another such name each time: none is kept, lest they fill the memory.
            elif name[:1] == "<" or (not known(name, pid) and not judge(code, frame(1))):
                return disable
            set_local_events(tool, code, line)
            return disable

        return start

    def _in_child(self):
        self.forked()
        self._on_fork()

    def _known(self, name, pid):
        """Whether it is a file to record that an earlier process has read: the quick way, which most modules of a
        second start go. What does not fit, or fails, goes the long way, which says why."""
        try:
            if name not in self._recorder.facts.known or not self._wanted(name):
                return False
            plane, stamp = self._recorder.known_plane(name, pid)
        except Exception as error:
            if is_of_the_application(error):
                raise
            return False
        if plane is None:
            return False
        self._planes[name] = plane
        self._stamps[name] = stamp
        return True

    def _judge(self, code, frame):
        """Whether to record this code, of a file seen for the first time or of a module loaded again."""
        name = code.co_filename
        try:
            path = texts.absolute(name)
            if not self._wanted(path):
                self._leave_alone(name)
                return False
            if name in self._planes:
                return not self._has_changed(name, path) or self._load(name, path, code, frame)
            return self._load(name, path, code, frame)
        except Exception as error:
            if is_of_the_application(error):
                raise
            self._leave_alone(name)
            self._recorder.say_once(f"not all is recorded: {name}: {error!r}")
            return False

    def _leave_alone(self, name):
        if len(self._unwanted) >= _UNWANTED_MAX:  # templates, say: those that are met again are judged again
            self._unwanted.clear()
        self._unwanted.add(name)

    def _has_changed(self, name, path):
        stamp = self._stamps.get(name)
        if stamp is None:
            return False
        try:
            state = os.stat(path)
        except OSError:
            return False
        return stamp != texts.stamp_of(state)

    def _load(self, name, path, code, frame):
        source = texts.read(path, frame.f_globals.get("__loader__"), self._recorder.facts)
        if source is None:
            return self._place(name, path, UNKNOWN_HASH, _highest_line(code) + _SPARE_LINES)
        if source.is_off():
            self._leave_alone(name)
            return False
        self._stamps[name] = source.stamp
        return self._place(name, path, source.digest, source.lines)

    def _place(self, name, path, digest, lines):
        plane = self._recorder.plane(path, digest, lines)
        if plane is None:
            self._leave_alone(name)
            return name in self._planes
        self._planes[name] = plane
        return True

    def _unseen(self, code, number):
        """A line beyond the source as it was read: code without source, or made from another text."""
        name = code.co_filename
        if self._place(name, texts.absolute(name), UNKNOWN_HASH, number + _SPARE_LINES):
            try:
                self._planes[name][number] = 1
            except IndexError:  # there was no room for a larger plane
                pass
        return sys.monitoring.DISABLE


def _take_tool():
    """A tool number that is by convention not a debugger's, coverage's or a profiler's: those find theirs free."""
    for number in (3, 4, 5):
        try:
            sys.monitoring.use_tool_id(number, _NAME)
            return number
        except ValueError:
            continue
    raise NoTool("tools 3, 4 and 5 of sys.monitoring are taken")


def _highest_line(code):
    """The highest line number of a code object and all in it."""
    highest, waiting = 1, [code]
    while waiting:
        one = waiting.pop()
        highest = max(highest, max((line or 0 for _, _, line in one.co_lines()), default=0))
        waiting.extend(constant for constant in one.co_consts if hasattr(constant, "co_lines"))
    return highest
