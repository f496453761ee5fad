"""COVEY_AGENT_CORE=ctrace: coverage.py's tracer into the same segment."""

from __future__ import annotations

import signal
import subprocess
import time

import agent_runs
import interpreters
import pytest

CTRACE = {"COVEY_AGENT_CORE": "ctrace"}

PROGRAM = """
    import os, sys, threading, time
    def in_thread():
        return 1
    def in_child():
        return 2
    thread = threading.Thread(target=in_thread)
    thread.start(), thread.join()
    pid = os.fork()
    if pid == 0:
        in_child()
        import late
        sys.exit(0)
    os.waitpid(pid, 0)
    print("waits", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def traced(lab):
    lab.python = interpreters.with_packages(lab.version)
    lab.env |= CTRACE
    return lab


def test_threads_and_children(traced):
    late = traced.write("late.py", "x = 1\n")
    script = traced.write("app.py", PROGRAM)
    done = traced.run("-W", "error", script, input="")
    assert (done.stdout, done.stderr) == ("waits\n", "")
    assert {segment.core for segment in agent_runs.segments(traced.spool)} == {"ctrace"}
    for text in ("return 1", "return 2", "sys.exit(0)", "sys.stdin.read()"):
        assert traced.saw(script, text)
    assert traced.ran(late) == {1}
    assert set(agent_runs.recorded(traced.spool)) == {str(script), str(late)}


LEAVING = """
    import multiprocessing, os
    def in_child():
        return 1
    def in_worker():
        return 2
    if __name__ == "__main__":
        if os.fork() == 0:
            in_child()
            os._exit(3)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
        process = multiprocessing.get_context("fork").Process(target=in_worker)
        process.start()
        process.join()
        print(process.exitcode)
"""


def test_children_that_leave_by_exit_lose_nothing(traced):
    """`os._exit` runs nothing that was registered; multiprocessing ends with it the children that it forks."""
    script = traced.write("app.py", LEAVING)
    done = traced.run(script)
    assert (done.stdout, done.stderr) == ("3\n0\n", "")
    for text in ("return 1", "os._exit(3)", "return 2"):
        assert traced.saw(script, text)


def test_lines_are_there_while_it_runs_and_after_a_violent_end(traced):
    traced.write("late.py", "x = 1\n")
    script = traced.write("app.py", PROGRAM)
    environ = agent_runs.environment(traced.spool, **traced.env)
    command = [str(traced.python), str(script)]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"waits\n"
        end = time.monotonic() + 10
        while not traced.saw(script, "sys.stdin.read()") and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert traced.saw(script, "sys.stdin.read()")


def test_without_coverage_the_best_core_is_used(lab):
    """It is said in one line."""
    script = lab.write("app.py", "import sys\nprint('coverage' in sys.modules)\n")
    lab.write("none/coverage.py", "raise ImportError('not here')\n")
    path = f"{agent_runs.AGENT}:{lab.folder / 'none'}"
    done = lab.run(script, env=CTRACE | {"PYTHONPATH": path})
    assert done.stdout == "False\n"
    assert done.stderr.startswith("covey: COVEY_AGENT_CORE=ctrace: ")
    assert done.stderr.count("\n") == 1
    assert lab.ran(script) == {1, 2}


THREADS = """
    import threading, time, sys
    sys.setswitchinterval(0.0005)
    import many
    def work(worker):
        for number in range(100):
            getattr(many, "f%d_%d" % (worker, number))()
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_none_is_lost_while_its_sets_are_looked_at(traced):
    text, wanted = [], set()
    for worker in range(8):
        for number in range(100):
            text.append(f"def f{worker}_{number}():")
            text.extend(f"    x = {line}" for line in range(40))
            wanted |= set(range(len(text) - 40, len(text) + 1))
    module = traced.write("many.py", "")
    module.write_text("\n".join(text) + "\n")
    # The agent's own period is for services; here it looks as often as it can.
    start = "import covey_agent.ctrace as c; c.PERIOD = 0.002\n"
    script = traced.write("app.py", start)
    script.write_text(start + "\n".join(line[4:] for line in THREADS.splitlines()))
    done = traced.run(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert wanted - traced.ran(module) == set()
