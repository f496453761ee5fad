"""The core on request, COVEY_AGENT_CORE=ctrace: coverage.py's C tracer, where the image has coverage.py.

For results that are coverage.py's to the letter. It costs 2 to 10 times the CPU, and as its lines are in the heap, the
last quarter of a second before a violent end is lost; `os._exit` is wrapped, so it is none. The tracer's sets are
looked at, never cleared: clearing them loses what other threads record meanwhile. So a line is stored when it first
runs and not again in later windows; the process has no address to be woken at, and whoever closes a window names it as
late.
"""

from __future__ import annotations

import atexit
import os
from _thread import allocate_lock

from covey_agent import processes
from covey_agent import sources as texts
from covey_agent.recorder import Recorder
from covey_agent.worker import Worker

PERIOD = 0.25


class NoTracer(Exception):
    """coverage.py is not here, has no C tracer, or is not as this code knows it."""


class CtraceCore:
    """Traces as soon as it is made; raises NoTracer."""

    def __init__(self, settings, sources, program: str) -> None:
        self._sources = sources
        tracing, self._collector = _start_tracer(settings)
        self.recorder = Recorder(settings, "ctrace", program)
        self._planes = {}
        self._seen = {}
        self._unwanted = set()
        if self.recorder.segment() is None:
            tracing.stop()
            return
        atexit.register(self.flush)
        self._flush_before_leaving()
        if processes.is_subinterpreter():  # it cannot end with a thread: what is left is the flush at exit
            return
        ticker = _Ticker(self.flush)
        ticker.start()
        os.register_at_fork(before=ticker.before_fork, after_in_parent=ticker.in_parent, after_in_child=ticker.in_child)

    def flush(self) -> None:
        """Stores what was traced since the last time. May run in any thread, also in two at once."""
        for path, lines in list(self._collector.data.items()):
            known = self._seen.get(path, ())
            if path in self._unwanted or len(known) == len(lines):
                continue
            new = lines.difference(known)  # one step, whatever other threads add
            plane = self._plane(path)
            if plane is None:
                continue
            for line in new:
                if 0 < line < len(plane):
                    plane[line] = 1
            self._seen[path] = new.union(known)

    def _flush_before_leaving(self):
        """`os._exit` runs nothing that was registered, and is how multiprocessing ends the children that it forks."""
        leave = os._exit

        def flush_and_leave(status):
            try:
                self.flush()
            finally:
                leave(status)

        os._exit = flush_and_leave

    def _plane(self, path):
        if path not in self._planes:
            source = texts.read(path) if self._sources.wanted(path) else None
            plane = None
            if source is not None and not source.is_off():
                plane = self.recorder.plane(path, source.digest, source.lines)
            if plane is None:
                self._unwanted.add(path)
                return None
            self._planes[path] = plane
        return self._planes[path]


def _start_tracer(settings):
    """Starts coverage.py; it and its collector, whose `data` is path -> set of lines."""
    try:
        import coverage
        import coverage.tracer  # the C tracer
    except ImportError as error:
        raise NoTracer(str(error)) from None
    before = os.environ.get("COVERAGE_CORE")
    os.environ["COVERAGE_CORE"] = "ctrace"
    try:
        tracing = coverage.Coverage(data_file=None, config_file=False, source=list(settings.source) or None)
        tracing.start()
    except Exception as error:
        raise NoTracer(repr(error)) from None
    finally:
        os.environ.pop("COVERAGE_CORE")
        if before is not None:
            os.environ["COVERAGE_CORE"] = before
    collector = getattr(tracing, "_collector", None)
    name = getattr(collector, "tracer_name", str)()
    if name != "CTracer" or not isinstance(getattr(collector, "data", None), dict):
        tracing.stop()
        raise NoTracer(f"coverage.py {coverage.__version__} is unknown")
    return tracing, collector


class _Ticker:
    """A thread that calls `work` every PERIOD seconds."""

    def __init__(self, work):
        self._work = work
        self._bell = allocate_lock()
        self._worker = Worker(self._tick, self._ring)
        self.before_fork, self.in_parent = self._worker.before_fork, self._worker.in_parent

    def start(self):
        try:
            self._worker.start()
        except RuntimeError:  # no more threads allowed: what is left is the flush at exit
            return

    def in_child(self):
        self._worker.in_child()
        self.start()

    def _tick(self, wanted):
        self._bell.acquire(False)
        while wanted():
            if not self._bell.acquire(True, PERIOD):
                self._work()

    def _ring(self):
        try:
            self._bell.release()
        except RuntimeError:  # it has been rung already
            return
