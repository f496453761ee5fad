"""Interpreters inside the process: sitecustomize runs in each of them, and none can end with a thread in it."""

from __future__ import annotations

import os
import subprocess
import sys

import agent_runs
import pytest

if sys.platform != "linux":
    pytest.skip("agents run on Linux", allow_module_level=True)

MADE = """
    import sys, threading
    try:
        import _interpreters as interpreters
        run = interpreters.exec
    except ImportError:
        import _xxsubinterpreters as interpreters
        run = interpreters.run_string
    TEXT = "import sys; sys.path.insert(0, %r); import inside" % sys.path[0]
    def one():
        made = interpreters.create()
        run(made, TEXT)
        interpreters.destroy(made)
"""
SEVERAL = """
    def several():
        for _ in range(5): one()
    threads = [threading.Thread(target=several) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print("ended")
"""
LEFT = """
    one()
    run(interpreters.create(), TEXT)
    print("left")
"""
LEGACY = """
    import sys
    import _testcapi
    text = "import atexit, sys; atexit.register(print, 'over'); sys.path.insert(0, %r); import inside" % sys.path[0]
    print(_testcapi.run_in_subinterp(text), flush=True)
"""
INSIDE = "def f():\n    return 1\nf()\n"


def has(lab, module):
    return subprocess.run([lab.python, "-I", "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("program", [MADE + SEVERAL, MADE + LEFT, LEGACY], ids=["several", "left", "legacy"])
def test_subinterpreters_end_as_without_the_agent_and_are_recorded(lab, program):
    if program is LEGACY and not has(lab, "_testcapi"):
        pytest.skip("this Python has no _testcapi")
    inside = lab.write("inside.py", INSIDE)
    without, done = lab.both(lab.write("app.py", program))
    assert (done.returncode, done.stdout, done.stderr) == (0, without.stdout, without.stderr)
    assert lab.ran(inside) == {1, 2, 3}


ALIVE = """
    def f():
        return 1
    made = interpreters.create()
    run(made, TEXT)
    for line in sys.stdin:
        f()
        print("ok", flush=True)
"""


def test_the_main_interpreter_goes_on_re_arming(lab):
    """The subinterpreter, which lives on, is waited for by nobody."""
    inside = lab.write("inside.py", INSIDE)
    script = lab.write("app.py", MADE + ALIVE)
    closing = agent_runs.agent_module("closing")
    environ = agent_runs.environment(lab.spool, **lab.env)
    with subprocess.Popen(
        [str(lab.python), str(script)], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:

        def step():
            process.stdin.write(b"x\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"ok\n"

        step()
        (folder,) = {str(path.parent) for path in lab.spool.glob("u*/*.seg")}
        own = [one for one in agent_runs.segments(lab.spool) if one.pid == process.pid]
        assert len(own) == (2 if lab.core == "monitoring" else len(own))
        assert sum(one.needs_waking for one in own) == (1 if lab.core == "monitoring" else 0)
        round_ = closing._Round(folder, 1)
        for _nap in round_.wait({}):
            os.sched_yield()
        assert round_.late() == []
        assert round_.acknowledged == len(own)
        process.stdin.close()
    assert process.returncode == 0
    assert lab.ran(inside) == {1, 2, 3}
    assert lab.saw(script, "return 1")
