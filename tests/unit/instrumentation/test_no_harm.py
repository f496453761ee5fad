"""First, do no harm: what an application does is the same with the agent and without."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import agent_runs
import pytest

from covey import instrumentation

if sys.platform != "linux":
    pytest.skip("agents run on Linux", allow_module_level=True)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run the tests in a container or as root")
needs_unshare = pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, of util-linux")


def covey_lines(done):
    return [line for line in done.stderr.splitlines() if line.startswith("covey:")]


def test_command_substitution_returns(lab):
    """A helper that kept standard output open would let the shell wait for it."""
    command = ["sh", "-c", 'x=$("$0" -c "print(41 + 1)"); echo "got $x"', str(lab.python)]
    done = subprocess.run(command, env=agent_runs.environment(lab.spool, **lab.env), capture_output=True, timeout=30)
    assert done.stdout == b"got 42\n"
    assert done.stderr == b""


def test_nothing_inherited_is_kept_by_the_helper(lab, tmp_path):
    """A lock on an inherited descriptor, and a pipe other than the standard ones, end with the application."""
    script = lab.write("app.py", "print('ran')\n")
    reading, writing = os.pipe()
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        lab.run(script, pass_fds=(held.fileno(), writing))
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert pipe.read() == b""
    with (tmp_path / "lock").open("w") as again:
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)


REAPER = """
    import os, subprocess, sys
    children = [subprocess.Popen([sys.executable, "-c", "pass"]) for _ in range(3)]
    ended = 0
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
        ended += 1
    print("ended", ended, "children")
"""


def test_a_loop_over_all_children_ends(lab):
    done = lab.run(lab.write("app.py", REAPER))
    assert done.stdout == "ended 3 children\n", done.stderr


@needs_root
@needs_unshare
def test_a_loop_over_all_children_ends_as_pid_1(lab):
    script = lab.write("app.py", REAPER.replace('print("ended', 'print(os.getpid(), "ended'))
    command = ["unshare", "--pid", "--fork", "--mount-proc", str(lab.python), str(script)]
    done = subprocess.run(
        command, env=agent_runs.environment(lab.spool, **lab.env), capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "1 ended 3 children\n", done.stderr
    assert lab.saw(script, "ended += 1")


@needs_root
@needs_unshare
@pytest.mark.parametrize("size", ["4k", "64k", "256k"])
def test_a_tiny_device_costs_one_line_and_never_the_process(lab, size):
    """A page of a mapping that the device has no room for would kill with SIGBUS."""
    for number in range(30):
        lab.write(f"mod{number}.py", "\n" * 9000 + "x = 0\n")
    names = ", ".join(f"mod{number}" for number in range(30))
    script = lab.write("app.py", f"import {names}\nprint('ran to its end')\n")
    lab.spool.mkdir()
    mounted = f'mount -t tmpfs -o size={size},mode=1777 none "$0" && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounted, str(lab.spool), str(lab.python), str(script)]
    environ = agent_runs.environment(lab.spool, **lab.env)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "ran to its end\n"), done.stderr
    assert len(covey_lines(done)) == 1, done.stderr
    assert done.stderr.count("\n") == 1


def test_a_full_spool_costs_one_line_and_the_segment_says_so(lab):
    for number in range(10):
        lab.write(f"mod{number}.py", "\n" * 20_000 + "x = 0\n")
    imports = "".join(f"import mod{number}\n" for number in range(10))
    script = lab.write("app.py", imports + "print('ran to its end')\n")
    done = lab.run(script, env={"COVEY_AGENT_SPOOL_MAX": "200k"})
    assert (done.returncode, done.stdout) == (0, "ran to its end\n")
    assert len(covey_lines(done)) == 1
    assert "COVEY_AGENT_SPOOL_MAX" in done.stderr
    (segment,) = agent_runs.segments(lab.spool)
    assert segment.full
    assert lab.saw(script, "ran to its end")


def test_no_place_to_record_costs_one_line(lab):
    script = lab.write("app.py", "print('ran')\n")
    done = lab.run(script, spool="/proc/nowhere")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert len(covey_lines(done)) == 1


FORKS = """
    import os, sys, threading
    for number in range(5):
        pid = os.fork()
        if pid == 0:
            os._exit(number)
        assert os.waitpid(pid, 0)[1] >> 8 == number
    print("forked", threading.active_count(), [thread.name for thread in threading.enumerate()])
    print(len(os.listdir("/proc/self/task")) if "tasks" in sys.argv else "")
"""


def test_a_fork_is_not_warned_of(lab):
    """From 3.12 on Python warns of a fork while there is another thread, as the one that re-arms lines."""
    script = lab.write("app.py", FORKS)
    without, with_agent = lab.both("-W", "error", script)
    assert (with_agent.returncode, with_agent.stdout) == (0, without.stdout), with_agent.stderr
    assert with_agent.stderr == ""


def test_probes_bring_no_thread(lab):
    if lab.core != "probes":
        pytest.skip("one thread re-arms sys.monitoring's lines")
    without, with_agent = lab.both(lab.write("app.py", FORKS), "tasks")
    assert with_agent.stdout == without.stdout


FIRST_NUMBER = """
    import os, subprocess, sys
    print("first", os.open("/dev/null", os.O_RDONLY))
    import late
    print("second", os.open("/dev/null", os.O_RDONLY))
    show = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd')))"
    print(subprocess.run([sys.executable, "-I", "-c", show], close_fds=False, stdout=subprocess.PIPE).stdout)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-I", "-c", show])
"""


def test_descriptor_numbers_are_the_same_and_none_is_inherited(lab):
    lab.write("late.py", "\n" * 50_000 + "x = 1\n")
    without, with_agent = lab.both(lab.write("app.py", FIRST_NUMBER))
    assert with_agent.stdout == without.stdout
    assert with_agent.stderr == ""


CLOSES_ALL = """
    import os, sys
    if os.fork():
        os.wait()
        sys.exit()
    os.setsid()
    os.closerange(3, 4096)
    files = [open("/dev/null") for _ in range(300)]
    import late
    pid = os.fork()
    if pid == 0:
        import later
        os._exit(0)
    os.waitpid(pid, 0)
    for file in files:
        file.close()
    print("went on", flush=True)
"""


def test_a_daemon_that_closes_all_descriptors_keeps_its_own(lab):
    late, later = lab.write("late.py", "\n" * 50_000 + "x = 1\n"), lab.write("later.py", "x = 2\n")
    script = lab.write("app.py", CLOSES_ALL)
    done = lab.run("-W", "error", script)
    assert (done.stdout, done.stderr) == ("went on\n", "")
    assert lab.saw(script, "went on")
    assert lab.ran(late) == {50_001}
    assert lab.ran(later) == {1}


ENDINGS = {
    "exit": "import sys; sys.exit(3)",
    "text": "import sys; sys.exit('over')",
    "raise": "def f():\n    raise ValueError('bad')\nf()",
    "group": "import os; os._exit(7)",
    "term": "import os, signal; os.kill(os.getpid(), signal.SIGTERM); import time; time.sleep(9)",
    "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "interrupt": "import os, signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(9)",
    "syntax": "x = (\n",
    "abort": "import os; os.abort()",
    "recursion": "def f(): f()\nf()",
    "thread": "import threading, time; threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
    "atexit": "import atexit; atexit.register(print, 'bye'); print('end')",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_endings_are_the_same(lab, ending):
    script = lab.write("app.py", ENDINGS[ending] + "\n")
    without, with_agent = lab.both(script)
    assert with_agent.returncode == without.returncode
    assert with_agent.stdout == without.stdout
    assert with_agent.stderr.splitlines()[-1:] == without.stderr.splitlines()[-1:]
    assert covey_lines(with_agent) == []
    if lab.core == "monitoring" and ending != "recursion":
        assert with_agent.stderr == without.stderr


AT_THE_END = """
    import contextlib, os, sys
    import pool
    class Buffer:
        def __init__(self):
            self.write = os.write
        def __del__(self):
            self.write(1, b"flushed|")
    buffer = Buffer()
    def rows(write):
        try:
            yield 1
        finally:
            write(1, b"closed|")
    waiting = rows(os.write)
    next(waiting)
    @contextlib.contextmanager
    def lock(path, unlink=os.unlink):
        open(path, "w").close()
        try:
            yield
        finally:
            unlink(path)
    held = lock(sys.argv[1])
    held.__enter__()
    def cycle():
        return buffer, waiting, held
"""
POOL = """
    import os
    class Pool:
        def __init__(self):
            self.write = os.write
        def close(self):
            self.write(1, b"left|")
        def __del__(self):
            self.close()
    POOL = Pool()
    def current():
        return POOL
"""


def test_what_runs_while_the_interpreter_ends_runs(lab, tmp_path):
    """When modules are destroyed the builtins are those of the start again: probes have to find their planes there."""
    pool = lab.write("pool.py", POOL)
    script = lab.write("app.py", AT_THE_END)
    for _ in range(2):  # the second time the code is from the cache
        without, with_agent = lab.both(script, tmp_path / "lock")
        assert (without.returncode, without.stderr) == (0, "")
        assert (with_agent.returncode, with_agent.stderr) == (0, "")
        for done in (without, with_agent):  # in which order is the garbage collector's
            assert sorted(done.stdout.split("|")) == ["", "closed", "flushed", "left"]
        assert not (tmp_path / "lock").exists()
    assert all(lab.saw(script, text) for text in ("flushed", "closed", "unlink(path)"))
    assert lab.saw(pool, "left")


STILL_LATER = """
    import builtins, codecs, contextvars, os, sys
    class Kept:
        def __init__(self, name):
            self.name, self.write = name, os.write
        def __del__(self):
            self.write(1, self.name + b"|")
    def hook(kind, value, trace, kept=Kept(b"excepthook")):
        raise value
    os.register_at_fork(before=lambda kept=Kept(b"fork"): None)
    codecs.register_error("kept", lambda error, kept=Kept(b"codec"): None)
    contextvars.ContextVar("kept").set(Kept(b"context"))
    builtins.kept, sys.kept, sys.excepthook = Kept(b"builtins"), Kept(b"sys"), hook
"""


def test_what_the_interpreter_itself_holds_goes_as_without(lab):
    """Then `builtins` has nothing but None, and after that is empty."""
    without, with_agent = lab.both(lab.write("app.py", STILL_LATER))
    assert {"builtins", "sys", "context", "codec", "fork"} < set(without.stdout.split("|"))
    assert sorted(with_agent.stdout.split("|")) == sorted(without.stdout.split("|"))
    assert (with_agent.returncode, with_agent.stderr) == (0, without.stderr)


WARNS = "x = 3\nprint(x is 3, flush=True)\n"
WARNING = """
    import sys, warnings
    before = list(warnings.filters)
    def warn():
        warnings.warn("once")
    warn()
    {imports}
    warn()
    print(warnings.filters == before, "ast" in sys.modules)
"""


@pytest.mark.parametrize("options", [[], ["-W", "error"]])
def test_the_compiler_s_warnings_come_as_without(lab, options):
    """Of the main script each time, of a module whenever it is compiled, and none of it twice."""
    lab.write("warns.py", WARNS)
    for text in (WARNS, "import warns\n"):
        script = lab.write("app.py", text)
        for _ in range(2):  # the second time code could be from the cache
            without, with_agent = lab.both(*options, script, env={"PYTHONDONTWRITEBYTECODE": "1"})
            assert ("SyntaxWarning" in without.stderr) != (without.returncode == 1) or options
            assert (with_agent.returncode, with_agent.stdout) == (without.returncode, without.stdout)
            assert with_agent.stderr.splitlines()[-2:] == without.stderr.splitlines()[-2:]
            assert with_agent.stderr.count("SyntaxWarning") == without.stderr.count("SyntaxWarning")


def test_filters_and_what_was_warned_of_are_left_alone_by_an_import(lab):
    lab.write("other.py", "number = 7\n")
    without, with_agent = lab.both(lab.write("app.py", WARNING.format(imports="import other")))
    assert (with_agent.returncode, with_agent.stderr) == (0, without.stderr)
    assert with_agent.stdout == without.stdout == "True False\n"


def test_imports_in_threads_leave_no_filter(lab):
    for number in range(24):
        lab.write(f"many/m{number}.py", "def f():\n    return 1\n" * 200)
    imports = """
    import threading
    sys.path.insert(0, "many")
    sys.setswitchinterval(1e-5)
    def load(first):
        for number in range(first, 24, 4):
            __import__(f"m{number}")
    threads = [threading.Thread(target=load, args=(first,)) for first in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    """
    done = lab.run(lab.write("app.py", WARNING.format(imports=imports)), cwd=lab.folder)
    assert (done.returncode, done.stdout) == (0, "True False\n"), done.stderr


def test_a_module_of_the_application_may_be_called_ast(lab):
    lab.write("ast.py", "NODE = 1\n")
    without, with_agent = lab.both(lab.write("app.py", "import ast\nprint(hasattr(ast, 'NODE'))\n"))
    assert (with_agent.stdout, with_agent.stderr) == (without.stdout, "") == ("True\n", "")


LOADER = """
    import importlib.machinery, importlib.util
    class Loader(importlib.machinery.SourceFileLoader):
        def path_stats(self, path):
            raise OSError
        def get_data(self, path):
            return super().get_data(path).replace(b"DEBUG = False", b"DEBUG = True")
    spec = importlib.util.spec_from_file_location("mod", "mod.py", loader=Loader("mod", "mod.py"))
    mod = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mod)
    print(mod.DEBUG)
"""


def test_what_a_loader_reads_in_its_own_way_is_what_runs(lab):
    lab.write("mod.py", "DEBUG = False\n")
    without, with_agent = lab.both(lab.write("app.py", LOADER), cwd=lab.folder)
    assert (with_agent.stdout, with_agent.stderr) == (without.stdout, "") == ("True\n", "")


def test_a_compiled_file_whose_source_is_not_looked_at_is_what_runs(lab):
    module = lab.write("mod.py", "V = 1\n")
    script = lab.write("app.py", "import mod\nprint(mod.V)\n")
    mode = "py_compile.PycInvalidationMode.UNCHECKED_HASH"
    lab.run("-c", f"import py_compile; py_compile.compile({str(module)!r}, invalidation_mode={mode})", spool=None)
    assert [done.stdout for done in lab.both(script)] == ["1\n", "1\n"]
    assert lab.ran(module) == {1}
    lab.write("mod.py", "V = 2\n")
    assert [done.stdout for done in lab.both(script)] == ["1\n", "1\n"]


def test_a_module_with_builtins_of_its_own_runs(lab):
    lab.write("mod.py", "def f():\n    return len('a')\n__builtins__ = {'len': len}\n")
    without, with_agent = lab.both(lab.write("app.py", "import mod\nprint(mod.f())\n"))
    assert (with_agent.stdout, with_agent.stderr) == (without.stdout, "") == ("1\n", "")


BLOCKED = """
    import os, signal, sys, threading, time
    def handler(number, frame):
        print("handled", number, flush=True)
        sys.exit(5)
    signal.signal(signal.SIGTERM, handler)
    print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), flush=True)
    {block}
"""


@pytest.mark.parametrize(
    "block",
    ["signal.pause()", "time.sleep(60)", "lock = threading.Lock(); lock.acquire(); lock.acquire()", "sys.stdin.read()"],
)
def test_a_signal_reaches_the_blocked_main_thread(lab, block):
    script = lab.write("app.py", BLOCKED.format(block=block))
    environ = agent_runs.environment(lab.spool, **lab.env)
    command = [str(lab.python), str(script)]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "[]\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "handled 15\n"
        assert process.wait(20) == 5


HANDLED = """
    import signal, sys, importlib
    sys.path.insert(0, {folder!r})
    raised = caught = swallowed = number = 0
    class Stop(Exception):
        pass
    def handler(number, frame):
        global raised
        raised += 1
        raise Stop
    signal.signal(signal.SIGALRM, handler)
    def work():  # of its own: 3.13.0 alone, too, lets past an `except` what is raised where a loop in its `try` goes on
        global number
        while raised == caught + swallowed:
            number += 1
            importlib.import_module("mod%d" % (number % 400))
            sys.modules.pop("mod%d" % (number % 400), None)
    while raised < 40:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0007)
            work()
            swallowed += 1
        except Stop:
            caught += 1
    print(raised == caught + swallowed, swallowed)
"""


def test_what_a_signal_handler_raises_comes_out(lab):
    """Also when the handler runs while the agent is at work. Python itself swallows, and says so, what is raised while
    a callback of a weak reference runs, as the import system's."""
    for number in range(400):
        lab.write(f"mod{number}.py", f"def f{number}():\n    return {number}\nf{number}()\n")
    done = lab.run(lab.write("app.py", HANDLED.format(folder=str(lab.folder))))
    told = done.stderr.count("Exception ignored in:")
    assert (done.returncode, done.stdout) == (0, f"True {told}\n"), done.stderr
    assert covey_lines(done) == []
    assert "covey_agent" not in done.stderr


NAMES = """
    import sys, builtins, inspect, pickle
    import other
    def function(a, b=2):
        "doc"
        return a
    class Thing:
        "doc"
        __hidden = 1
        def method(self): return self.__hidden
    print(sorted(vars(other)), sorted(n for n in globals() if n != "__cached__"))
    print(__name__, __spec__, __package__, __doc__, __file__, type(__loader__).__name__, sys.argv, sys.path[0])
    print(inspect.getsource(function), inspect.signature(function), function.__doc__, Thing.__doc__, Thing().method())
    print(function.__code__.co_varnames, function.__code__.co_firstlineno, sorted(vars(Thing)))
    print(pickle.dumps(Thing()) == pickle.dumps(pickle.loads(pickle.dumps(Thing()))), sys.flags)
    print([name for name in sys.modules if name.startswith("app")], sys.modules["__main__"].__dict__ is globals())
"""


def test_names_documentation_and_source_are_the_same(lab):
    lab.write("other.py", '"""Doc."""\nfrom __future__ import annotations\nx: int = 1\n')
    without, with_agent = lab.both(lab.write("app.py", NAMES), "a", "-b")
    assert with_agent.stdout == without.stdout
    assert with_agent.stderr == without.stderr == ""


WITHOUT_STREAMS = "import sys\nopen(sys.argv[1], 'w').write(repr((sys.stdin, sys.stdout, sys.stderr)))\n"


LOADED = """
    import sys
    print(sorted({"runpy", "pkgutil", "re", "typing", "collections", "importlib.util"} & set(sys.modules)))
    import runpy
    print(runpy.__spec__.name, runpy.run_path(sys.argv[1])["number"], __spec__, __name__, __cached__)
"""


def test_what_the_script_finds_loaded_is_the_same(lab):
    """A script with probes is not run by runpy, and runpy is itself when the script asks for it."""
    other = lab.write("other.py", "number = 7\n")
    script = lab.write("app.py", LOADED)
    without, _ = lab.both(script, other)
    done = lab.run(script, other)  # a first run also has the compiler's modules
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == without.stdout
    assert done.stdout.splitlines()[1] == "runpy 7 None __main__ None"
    assert lab.ran(other) == {1}


def test_closed_standard_streams_stay_closed(lab, tmp_path):
    script = lab.write("app.py", WITHOUT_STREAMS)
    for spool, name in ((None, "without"), (lab.spool, "with")):
        command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", str(lab.python), str(script), str(tmp_path / name)]
        subprocess.run(command, env=agent_runs.environment(spool, **lab.env), timeout=30)
    assert (tmp_path / "with").read_text() == (tmp_path / "without").read_text()


CHANGES_USER = """
    import os, sys
    sys.path.insert(0, {folder!r})
    import before
    pid = os.fork()
    if pid == 0:
        os.setgroups([]), os.setgid(65534), os.setuid(65534)
        import child_after
        before.used_by_child()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    import after
    print("ran as", os.getuid())
"""


@needs_root
def test_a_process_that_gives_up_root_is_still_recorded(lab):
    modules = {
        name: lab.write(f"{name}.py", f"def used_by_child():\n    return 1\nx = {number}\n" + "\n" * 9000)
        for number, name in enumerate(("before", "child_after", "after"))
    }
    script = lab.write("app.py", CHANGES_USER.format(folder=str(lab.folder)))
    done = lab.run(script)
    assert (done.stdout, done.stderr) == ("ran as 65534\n", "")
    assert lab.saw(script, "ran as")
    for path in modules.values():
        assert lab.saw(path, "x = ")
    assert lab.saw(modules["before"], "return 1")
    assert {folder.name.split("-")[0] for folder in lab.spool.glob("u*")} == {"u0", "u65534"}


@needs_root
@needs_unshare
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, of util-linux")
def test_a_spool_begun_by_root_serves_others(lab):
    """An entry point that runs as root, as a migration, and then the service as another user."""
    script = lab.write("app.py", "import os; print('ran as', os.getuid())\n")
    lab.run(script)
    agent = lab.folder / "agent"
    instrumentation.write_folder(agent)
    shown = lab.folder / "python"  # where another user reaches it
    shown.mkdir()
    binding = 'mount --bind "$1" "$2" && export LD_LIBRARY_PATH="$2/lib" && exec setpriv --reuid 65534 --regid 65534'
    binding += ' --clear-groups "$2/bin/$3" "$4"'
    parts = [str(lab.python.parents[1]), str(shown), lab.python.name, str(script)]
    environ = agent_runs.environment(lab.spool, **lab.env, PYTHONPATH=str(agent))
    command = ["unshare", "--mount", "sh", "-c", binding, "sh", *parts]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("ran as 65534\n", "")
    assert len(list(lab.spool.glob("u65534-*/*.seg"))) == 1


def test_isolated_interpreters_are_left_alone(newest):
    done = newest.run("-I", newest.write("app.py", "print('ran')\n"))
    assert (done.stdout, done.stderr) == ("ran\n", "")
    assert not newest.spool.exists()


def test_without_the_switch_nothing_happens(newest):
    script = newest.write("app.py", "import sys; print([n for n in sys.modules if n.startswith('covey')])\n")
    done = newest.run(script, env={"COVEY_AGENT": "0"})
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert not newest.spool.exists()


NAMES_WITHOUT_END = """
    import os
    def resident():
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    def run(pattern, count):
        for number in range(count):
            exec(compile("x = 1", pattern % number, "exec"))
    for pattern in ("<template %d of a usual length for such a name>", "/srv/templates/%d/of_a_usual_length.html"):
        run(pattern, 10_000)
        before = resident()
        run(pattern, 120_000)
        print((resident() - before) >> 22)
"""


def test_names_of_code_without_end_do_not_fill_the_memory(lab):
    """120,000 of them would take 8 MB or more."""
    done = lab.run(lab.write("app.py", NAMES_WITHOUT_END))
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n0\n", "")


WITHOUT_FOLDER = """
    import os, shutil, subprocess, sys, tempfile
    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)
    exec(compile("x = 1", "relative.py", "exec"))
    exec(compile("x = 1", "relative", "exec"))
    sys.path.insert(0, "rel")
    try:
        import nowhere
    except ImportError as error:
        print(error)
    command = [sys.executable, "-c", "import sys; print(sys.path[0]); import code, later"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.returncode, done.stdout if done.returncode == 0 else "")  # from 3.11 on Python itself does not start
"""


@pytest.mark.parametrize("extra", [{}, {"COVEY_AGENT_SOURCE": "relative"}], ids=["usual", "source"])
def test_where_the_working_directory_is_gone_nothing_is_said(lab, extra):
    lab.write("later.py", "x = 1\n")
    script = lab.write("app.py", WITHOUT_FOLDER)
    places = ["relative", str(lab.folder), "other"]
    without = lab.run(script, spool=None, env={"PYTHONPATH": os.pathsep.join(places)})
    with_agent = lab.run(script, env={"PYTHONPATH": os.pathsep.join([str(agent_runs.AGENT), *places]), **extra})
    assert (with_agent.returncode, with_agent.stdout) == (without.returncode, without.stdout)
    assert with_agent.stderr == without.stderr == ""


STARTED_WITH_A_BLOCKED_SIGNAL = """
    import os, signal, subprocess, sys
    number = signal.SIGCHLD
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
    if "pending" in sys.argv[2]:
        os.kill(os.getpid(), number)
    if "child" in sys.argv[2]:
        pid = os.spawnlp(os.P_NOWAIT, "true", "true")
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    environ = dict(os.environ, COVEY_AGENT=sys.argv[1])
    os.execve(sys.executable, [sys.executable, "-c", "import signal; print(signal.sigpending())"], environ)
"""


@pytest.mark.parametrize("before", ["nothing", "pending", "child"])
def test_no_signal_of_the_launching_child_is_pending(lab, before):
    """A process that starts with SIGCHLD blocked finds it pending where it was, and nowhere else."""
    script = lab.write("app.py", STARTED_WITH_A_BLOCKED_SIGNAL)
    without = lab.run(script, "0", before, env={"COVEY_AGENT": "0"})
    with_agent = lab.run(script, "1", before, env={"COVEY_AGENT": "0"})
    assert (with_agent.stdout, with_agent.stderr) == (without.stdout, "")
    assert list(lab.spool.glob("u*/helper"))


SHOWS_FILTERS = r"""
    import os, subprocess, sys, warnings
    QUIET = r"This process \(pid=\d+\) is multi-threaded, use of fork"
    def show():
        print([(message and message.pattern, message and message.flags) for _, message, *_ in warnings.filters])
    def fork():
        pid = os.fork()
        if pid == 0:
            show()
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        show()
        sys.stdout.flush()
    fork()
    fork()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fork()
    subprocess.run(["true"], preexec_fn=lambda: None)  # warns of nothing, so that the filter stays until the next fork
    print([message.pattern for _, message, *_ in warnings.filters if message] in ([], [QUIET]))
    sys.stdout.flush()
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    show()
"""


def test_nothing_is_left_in_the_warning_filters(lab):
    without, with_agent = lab.both(lab.write("app.py", SHOWS_FILTERS))
    assert (with_agent.stdout, with_agent.stderr) == (without.stdout, without.stderr)
    assert without.stderr == ""


def test_the_warning_filter_looks_like_one():
    quiet = agent_runs.agent_module("fork_warning")._quiet[1]
    text = "This process (pid=7) is multi-threaded, use of fork() may lead to deadlocks in the child."
    assert re.compile(quiet.pattern, re.IGNORECASE).flags == quiet.flags
    assert re.match(quiet.pattern, text)
    assert quiet.match(text)
    assert not quiet.match("another")


FORKS_AMONG_SIGNALS = """
    import os, signal, sys, time
    class Stop(Exception):
        pass
    def handler(number, frame):
        raise Stop
    sys.unraisablehook = lambda told: None  # Python says so of what is raised in a hook of a fork
    signal.signal(signal.SIGALRM, handler)
    masks = set()
    for number in range(400):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + number % 20 * 0.00005)
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            time.sleep(0.002)
        except Stop:
            pass
        masks.update(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(masks, pid > 0)
    time.sleep(0.2)
    print(len(os.listdir("/proc/self/task")))
"""


def test_what_signal_handlers_raise_in_a_fork_leaves_mask_and_thread_as_they_were(lab):
    done = lab.run("-W", "error", lab.write("app.py", FORKS_AMONG_SIGNALS))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"set() True\n{2 if lab.core == 'monitoring' else 1}\n"
