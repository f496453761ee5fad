"""Every process an application makes is recorded, however it is made and however it ends."""

from __future__ import annotations

import signal
import subprocess

import agent_runs
import interpreters
import pytest

POOLED = """
    import multiprocessing, sys, time
    import work
    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        with context.Pool(2) as pool:
            print(pool.map(work.double, range(5)))
        # leaving the block has terminated the pool
        process = context.Process(target=work.last)
        process.start()
        process.join()
        print(process.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(lab, method):
    work = lab.write("work.py", "def double(x):\n    return x * 2\n\ndef last():\n    x = 1\n    raise SystemExit(4)\n")
    done = lab.run(lab.write("app.py", POOLED), method)
    assert (done.stdout, done.stderr) == ("[0, 2, 4, 6, 8]\n4\n", "")
    assert lab.ran(work) == {1, 2, 4, 5, 6}


MAIN_FUNCTION = """
    import multiprocessing
    def own(x):
        return x + 1
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(own, [1]))
"""


def test_functions_of_the_main_script_run_in_a_spawned_child(lab):
    script = lab.write("app.py", MAIN_FUNCTION)
    done = lab.run(script)
    assert (done.stdout, done.stderr) == ("[2]\n", "")
    assert lab.saw(script, "return x + 1")


EXECUTOR = """
    from concurrent.futures import ProcessPoolExecutor
    import work
    if __name__ == "__main__":
        with ProcessPoolExecutor(2) as pool:
            print(list(pool.map(work.double, range(3))))
"""


def test_process_pool_executor(lab):
    work = lab.write("work.py", "def double(x):\n    return x * 2\n")
    done = lab.run(lab.write("app.py", EXECUTOR))
    assert done.stdout == "[0, 2, 4]\n", done.stderr
    assert lab.ran(work) == {1, 2}


FORKED = """
    import os, sys
    def only_in_child():
        return 1
    pid = os.fork()
    if pid == 0:
        only_in_child()
        import late
        os._exit(0)
    os.waitpid(pid, 0)
    os.environ["AGAIN"] = "1"
    os.execv(sys.executable, [sys.executable, sys.argv[1]])
"""


def test_fork_without_exit_handlers_and_exec(lab):
    late = lab.write("late.py", "x = 1\n")
    follows = lab.write("follows.py", "print('follows')\n")
    script = lab.write("app.py", FORKED)
    done = lab.run(script, follows)
    assert (done.stdout, done.stderr) == ("follows\n", "")
    assert lab.saw(script, "return 1")
    assert lab.saw(script, "os._exit(0)")
    assert lab.saw(script, "os.execv")
    assert lab.ran(late) == {1}
    assert lab.ran(follows) == {1}
    # exec keeps pid and start: one process by its identity, with two segments that add up
    identities = [(segment.pid, segment.start_ticks) for segment in agent_runs.segments(lab.spool)]
    assert len(identities) == len(set(identities)) + 1


def test_subprocesses_and_shells_are_recorded(lab):
    child = lab.write("child.py", "x = 1\n")
    script = lab.write(
        "app.py",
        "import subprocess, sys\nsubprocess.run(sys.argv[1:])\nsubprocess.run(['sh', '-c', ' '.join(sys.argv[1:])])\n",
    )
    lab.run(script, lab.python, child)
    assert len([one for one in agent_runs.segments(lab.spool) if one.program == str(child)]) == 2
    assert lab.ran(child) == {1}


KILLED = """
    import os, signal, sys
    def f():
        x = 1
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    f()
"""


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_no_line_is_lost_by_a_violent_end(lab, name):
    script = lab.write("app.py", KILLED)
    done = lab.run(script, name)
    assert done.returncode == -getattr(signal, name)
    assert lab.saw(script, "x = 1")
    assert lab.saw(script, "os.kill")


THREADS = """
    import asyncio, threading
    def in_thread():
        return 1
    def in_executor():
        return 2
    async def task():
        await asyncio.sleep(0)
        return await asyncio.get_running_loop().run_in_executor(None, in_executor)
    thread = threading.Thread(target=in_thread)
    thread.start(), thread.join()
    print(asyncio.run(task()))
"""


def test_threads_and_asyncio(lab):
    script = lab.write("app.py", THREADS)
    done = lab.run(script)
    assert (done.stdout, done.stderr) == ("2\n", "")
    assert lab.ran(script) >= set(range(2, 13))


GREEN = """
    from gevent import monkey
    monkey.patch_all()
    import os, gevent, threading, subprocess, sys
    def green(x):
        gevent.sleep(0)
        return x
    jobs = [gevent.spawn(green, x) for x in range(3)]
    gevent.joinall(jobs)
    print([job.value for job in jobs])
    pid = os.fork()
    if pid == 0:
        import late
        os._exit(0)
    monkey.get_original("os", "waitpid")(pid, 0)  # gevent's own may miss the end of a quick child
    print(subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout)
"""


def test_gevent(lab):
    lab.python = interpreters.with_packages(lab.version)
    late = lab.write("late.py", "x = 1\n")
    script = lab.write("app.py", GREEN)
    without, done = lab.both(script)
    assert (done.stdout, done.stderr) == (without.stdout, without.stderr)
    assert lab.saw(script, "return x")
    assert lab.ran(late) == {1}


BY_VALUE = """
    import cloudpickle, subprocess, sys
    LIMIT = 3
    class Counter:
        __hidden = 2
        def count(self, x):
            return x + LIMIT + self.__hidden
    def function(x):
        def inner(y):
            return Counter().count(y)
        return inner(x)
    load = "import sys, pickle; print(pickle.load(sys.stdin.buffer)(1))"
    done = subprocess.run([sys.executable, "-c", load], input=cloudpickle.dumps(function), capture_output=True)
    print(done.stdout, done.stderr)
"""


def test_functions_pickled_by_value_run_in_other_processes(lab):
    """As joblib's workers get them: the file is not loaded there, only the function's code comes."""
    lab.python = interpreters.with_packages(lab.version)
    script = lab.write("app.py", BY_VALUE)
    done = lab.run(script)
    assert done.stdout == "b'6\\n' b''\n", done.stderr


REWRITTEN = """
    import pytest
    def value():
        return 3
    def test_good():
        assert value() == 3
    @pytest.mark.parametrize("x", [1, 2])
    def test_many(x):
        assert x
    def test_bad():
        assert value() == 4
"""


def test_pytest_still_explains_its_assertions_and_tests_are_recorded(lab):
    lab.python = interpreters.with_packages(lab.version)
    script = lab.write("test_it.py", REWRITTEN)
    for _ in range(2):  # the second time pytest has its own compiled file
        done = lab.run("-m", "pytest", "-q", "-p", "no:cacheprovider", script, cwd=lab.folder)
        assert "assert 3 == 4" in done.stdout
        assert "where 3 = value()" in done.stdout
        assert "1 failed, 3 passed" in done.stdout
        assert lab.ran(script) >= {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
    without = lab.run("-m", "pytest", "-q", "-p", "no:cacheprovider", script, cwd=lab.folder, spool=None)
    assert "1 failed, 3 passed" in without.stdout


def test_a_fork_that_python_does_not_know_of(lab):
    """As uwsgi's: no hook runs, the child finds out by its pid."""
    late = lab.write("late.py", "def f():\n    return 1\nf()\n")
    code = """
        import ctypes, os
        def only_in_child():
            return 1
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            only_in_child()
            import late
            os._exit(0)
        os.waitpid(pid, 0)
    """
    script = lab.write("app.py", code)
    done = lab.run(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert lab.saw(script, "return 1")
    assert lab.ran(late) == {1, 2, 3}
    assert len({segment.pid for segment in agent_runs.segments(lab.spool)}) == 2


def test_the_same_spool_for_all(lab):
    script = lab.write("app.py", "import time, sys\nprint('up', flush=True)\nsys.stdin.read()\n")
    environ = agent_runs.environment(lab.spool, **lab.env)
    command = [str(lab.python), str(script)]
    several = [
        subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in several:
        assert process.stdout.readline() == b"up\n"
    assert all(segment.is_alive() for segment in agent_runs.segments(lab.spool))
    assert [process.communicate(timeout=30)[1] for process in several] == [b""] * 4
    assert len(agent_runs.segments(lab.spool)) == 4
