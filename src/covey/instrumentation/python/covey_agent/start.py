"""`start()`: the one way in, whichever way the agent is activated. What goes wrong here is said in one line."""

from __future__ import annotations

import os
import sys

from covey_agent import processes
from covey_agent import settings as options
from covey_agent.recorder import is_of_the_application, say
from covey_agent.sources import Sources, absolute

_running = []


def start(environ=os.environ) -> bool:
    """Begins to record this process and sees to it that a helper serves the spool. True when it records.

    A second call does nothing. No exception comes out, but for one that a signal handler of the application raised."""
    if _running:
        return True
    try:
        return _start(options.read(environ))
    except Exception as error:
        if is_of_the_application(error):
            raise
        say(f"this process is not recorded: {error!r}")
        return False


def code_of(path: str, original):
    """The code to run of a script that no loader loads: with probes, where the core works with probes."""
    core = _running[0] if _running else None
    return core.code(path, original) if hasattr(core, "code") and core.sources.wanted(path) else original()


def _start(settings):
    for problem in settings.problems:
        say(problem)
    if sys.implementation.name != "cpython":
        say(f"records CPython only, this is {sys.implementation.name}")
        return False
    script, program = what_runs()
    sources = Sources(settings, script)
    core = _start_core(settings, sources, program)
    segment = core.recorder.segment()
    if segment is None:
        return False
    _running.append(core)
    sources.when_missing(core.recorder.miss)
    _note_early(core.recorder, sources)
    _ensure_helper(settings, segment)
    return True


def _start_core(settings, sources, program):
    if settings.core == "monitoring":
        from covey_agent.monitoring import MonitoringCore, NoTool

        try:
            return MonitoringCore(settings, sources, program)
        except NoTool as error:
            say(f"{error}; probes are used instead")
    if settings.core == "ctrace":
        from covey_agent.ctrace import CtraceCore, NoTracer

        try:
            return CtraceCore(settings, sources, program)
        except NoTracer as error:
            say(f"COVEY_AGENT_CORE=ctrace: {error}; {options.best_core()} is used instead")
            settings.core = options.best_core()
            return _start_core(settings, sources, program)
    from covey_agent.loader import ProbesCore

    return ProbesCore(settings, sources, program)


def _note_early(recorder, sources):
    """Modules that ran before us, as those of `.pth` files, are unknown; they are not to be taken for never run."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) if name != "__main__" else None
        if isinstance(path, str) and path.endswith(".py"):
            path = absolute(path)
            if sources.wanted(path):
                recorder.note(path)


def _ensure_helper(settings, segment):
    try:
        from covey_agent import election
    except ImportError as error:
        say(f"no helper: {error}")
        return
    election.ensure_helper(settings, segment.folder, segment)
    uid, revive = segment.uid, election.revive

    def in_child():
        try:
            if os.geteuid() == uid:
                revive(settings, segment.folder)
        except Exception as error:
            if is_of_the_application(error):
                raise

    os.register_at_fork(after_in_child=in_child)


def what_runs() -> tuple:
    """The absolute path of the script, or "", and what to call the program: that path, `-m NAME` or `-c`."""
    arguments = processes.command_line()
    first = sys.argv[0] if getattr(sys, "argv", None) else ""
    if first == "-m":
        follows = arguments.index("-m") + 1 if "-m" in arguments else len(arguments)
        return "", "-m " + arguments[follows] if follows < len(arguments) else "-m"
    if first in ("", "-", "-c"):
        return "", first or "python"
    path = absolute(first)
    return path, path
