"""The core on request, COVEY_AGENT_CORE=ctrace: coverage.py's C tracer, where the image has coverage.py.

For results that are coverage.py's to the letter. It costs 2 to 10 times the CPU, and as its lines are in the heap, the
last quarter of a second before a violent end is lost. Its sets are looked at, never cleared: clearing them loses what
other threads record meanwhile. So a line is stored when it first runs and not again in later windows; the process has
no address to be woken at, and whoever closes a window names it as late.
"""

from __future__ import annotations

import _signal
import atexit
import os
from _thread import allocate_lock, get_native_id, start_new_thread

from covey_agent import fork_warning, wake
from covey_agent import sources as texts
from covey_agent.recorder import Recorder, is_of_the_application

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
        ticker = _Ticker(self.flush)
        ticker.start()
        os.register_at_fork(before=ticker.stop, after_in_parent=ticker.start_again, after_in_child=ticker.start)

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
    """A thread that calls `work` every PERIOD seconds, with all signals blocked, and is gone during a fork."""

    def __init__(self, work):
        self._work = work
        self._running = False

    def start(self):
        """In this process, where no thread of it runs."""
        self._thread = 0
        self._stop, self._ended = allocate_lock(), allocate_lock()
        self._stop.acquire()
        self._ended.acquire()
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        try:
            start_new_thread(self._run, (self._stop, self._ended))
            self._running = True
            fork_warning.started()
        except RuntimeError:  # no more threads allowed: what is left is the flush at exit
            self._running = False
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def _run(self, stop, ended):
        self._thread = get_native_id()
        try:
            while not stop.acquire(True, PERIOD):
                self._work()
        except Exception as error:
            if is_of_the_application(error):
                raise
        finally:
            ended.release()

    def stop(self):
        if self._running:
            self._running = False
            self._stop.release()
            wake.wait_for_end(self._ended, lambda: self._thread)

    def start_again(self):
        fork_warning.before_restart()
        self.start()
