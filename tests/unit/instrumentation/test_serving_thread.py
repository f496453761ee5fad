"""An application that is PID 1 is served by a thread of its own, which it must not notice."""

from __future__ import annotations

import json
import shutil
import subprocess

import agent_runs
import agent_serving
import interpreters
import pytest

VERSIONS = ("3.9", "3.11", "3.12", "3.13")

# Asks itself before, between and after forks, then waits for children until there are none, as init programs do.
PROGRAM = """
import json, os, signal, threading
from urllib.request import Request, urlopen

def ask(path, data=None):
    request = Request("http://127.0.0.1:" + os.environ["COVERAGE_PORT"] + path, data=data)
    with urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())

def threads():
    return len(os.listdir("/proc/self/task"))

seen = {"pid": os.getpid(), "before": ask("/health")["coverage_files"], "threads": threads()}
low = sorted(int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) < 100)
seen["low descriptors"] = len(low)
children = []
for number in range(15):
    pid = os.fork()
    if not pid:
        mine = [os.readlink("/proc/self/fd/" + fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 100]
        os._exit(len([one for one in mine if "socket" in one or "pipe" in one]))
    children.append(os.waitpid(pid, 0)[1] >> 8)
    if number % 5 == 0:
        ask("/health")
seen["left in children"] = max(children)
caught = []
signal.signal(signal.SIGTERM, lambda *_: caught.append(threading.current_thread() is threading.main_thread()))
for _ in range(20):
    os.kill(os.getpid(), signal.SIGTERM)
seen["signals"] = len(caught) and all(caught)
seen["epoch"] = ask("/covey/1/epoch", b"{}")["epoch"]
seen["processes"] = len(ask("/covey/1/capture")["processes"])
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
print(json.dumps(seen))
"""


@pytest.fixture
def as_pid_1(tmp_path):
    """A function that runs a program as PID 1 of a namespace of its own; skips where that is not allowed."""
    unshare = shutil.which("unshare")
    command = [unshare or "", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if unshare is None or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no unshare(1), or the kernel allows no user namespaces here: run where it does")

    def run(version: str, code: str, *options: str, **env: str):
        program = tmp_path / "app.py"
        program.write_text(code)
        spool = tmp_path / "spool"
        environ = agent_runs.environment(spool, COVERAGE_PORT=str(agent_serving.free_port()), **env)
        arguments = [*command, str(interpreters.find(version)), *options, str(program)]
        return subprocess.run(arguments, env=environ, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.mark.repeat
@pytest.mark.parametrize("version", VERSIONS)
def test_it_serves_forks_and_ends_as_without(version, as_pid_1):
    done = as_pid_1(version, PROGRAM, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    monitoring = version in interpreters.MONITORING
    assert seen == {
        "pid": 1,
        "before": 1,
        "threads": 3 if monitoring else 2,
        "low descriptors": 4,  # the standard ones and that of the listing
        "left in children": 1 if monitoring else 0,  # the child's own waking socket
        "signals": True,
        "epoch": 1,
        "processes": 16 if monitoring else 1,
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_no_warning_at_a_fork_either(version, as_pid_1):
    done = as_pid_1(
        version, "import os\nfor _ in range(9):\n    if not os.fork(): os._exit(0)\n    os.wait()", "-W", "always"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_an_application_s_own_threads_are_still_warned_of(version, as_pid_1):
    code = "import os, threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    code += "if not os.fork(): os._exit(0)\nos.wait()\n"
    assert "multi-threaded" in as_pid_1(version, code, "-W", "always").stderr


def test_an_application_that_closes_all_descriptors_keeps_those_it_opens_then(as_pid_1):
    code = """
import os, socket, time
os.closerange(3, 1000)
mine = [socket.create_server(("127.0.0.1", 0)) for _ in range(300)]
with socket.create_connection(mine[-1].getsockname()) as client:
    time.sleep(0.3)
    mine[-1].settimeout(5)
    accepted, _ = mine[-1].accept()
    accepted.sendall(b"mine")
    print(client.recv(10).decode())
for one in mine: one.getsockname()
"""
    done = as_pid_1("3.11", code)
    assert (done.stdout, done.stderr, done.returncode) == ("mine\n", "", 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_application_that_closes_all_descriptors_is_served_on(version, as_pid_1, tmp_path):
    (tmp_path / "asks.py").write_text(ASKING)
    code = f"""
import os, subprocess, sys, time
os.closerange(3, 4096)
mine = [os.open("/dev/null", os.O_RDONLY) for _ in range(300)]
time.sleep(2.5)
ask = [sys.executable, {str(tmp_path / "asks.py")!r}]
print(subprocess.run(ask, capture_output=True, text=True))
if not os.fork(): os._exit(0)
while True:
    try: os.wait()
    except ChildProcessError: break
for one in mine: os.fstat(one)
"""
    done = as_pid_1(version, code)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "stdout='200\\n', stderr=''" in done.stdout


# As a program that PID 1 became by exec, or a child of it.
ASKING = """
import os
from urllib.request import urlopen
print(urlopen("http://127.0.0.1:" + os.environ["COVERAGE_PORT"] + "/health", timeout=20).status)
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_who_becomes_another_python_is_served_anew(version, as_pid_1, tmp_path):
    (tmp_path / "asks.py").write_text(ASKING)
    code = f"import os, sys\nos.execv(sys.executable, [sys.executable, {str(tmp_path / 'asks.py')!r}])"
    done = as_pid_1(version, code, "-W", "error")
    assert (done.stdout, done.stderr, done.returncode) == ("200\n", "", 0)


def test_who_becomes_another_program_leaves_the_serving_to_its_children(as_pid_1, tmp_path):
    (tmp_path / "asks.py").write_text(ASKING)
    code = f"""
import os, sys
os.execv("/bin/sh", ["sh", "-c", sys.executable + " {tmp_path / "asks.py"}; exit 0"])
"""
    done = as_pid_1("3.12", code)
    assert (done.stdout, done.stderr, done.returncode) == ("200\n", "", 0)


FOLDING = """
import json, os, subprocess, sys
from urllib.request import urlopen
for number in range(30):
    subprocess.run([sys.executable, "-c", "import os.path"], check=True)
with urlopen("http://127.0.0.1:" + os.environ["COVERAGE_PORT"] + "/covey/1/capture", timeout=20) as reply:
    told = json.loads(reply.read())
folder = os.path.join(os.environ["COVEY_AGENT_SPOOL"], os.listdir(os.environ["COVEY_AGENT_SPOOL"])[0])
left = [name for name in os.listdir(folder) if name.endswith(".seg")]
print(json.dumps([sum(1 + one.get("folded", 0) for one in told["processes"]), told["warnings"], len(left)]))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_it_folds_what_ended_processes_have_left(version, as_pid_1):
    done = as_pid_1(version, FOLDING, "-W", "error", COVEY_AGENT_SPOOL_MAX="400k")
    assert (done.returncode, done.stderr) == (0, "")
    processes, warnings, left = json.loads(done.stdout)
    assert (processes, warnings) == (31, [])
    assert left < 30
