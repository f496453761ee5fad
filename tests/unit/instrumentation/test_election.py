"""One helper a spool: who becomes it, what it has of the application (nothing), and when it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import agent_runs
import agent_serving
import interpreters
import pytest
from agent_serving import end_helper, free_port, helper, until

election = agent_runs.agent_module("election")
launch = agent_runs.agent_module("launch")
VERSIONS = ("3.9", "3.11", "3.12", "3.13")


@pytest.fixture
def spools(tmp_path):
    """A function that gives folders for spools, whose helpers are ended when the test ends."""
    made: list[Path] = []

    def make(name: str = "spool") -> Path:
        made.append(tmp_path / name)
        return made[-1]

    yield make
    for spool in made:
        end_helper(spool)


def run(version: str, spool: Path, code: str, port: int, linger: float = 60, **options):
    """The CompletedProcess of a program of one file under the agent."""
    program = spool.with_name(spool.name + "-app.py")
    program.write_text(code)
    env = {"COVERAGE_PORT": str(port), "COVEY_AGENT_LINGER": str(linger), **options.pop("env", {})}
    return agent_runs.run(interpreters.find(version), program, spool=spool, env=env, timeout=60, **options)


def helpers_of(spool: Path) -> list[int]:
    """Pids of all processes that serve the spool, found by their command lines."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--covey-helper" in arguments and any(os.fsencode(spool) in one for one in arguments):
            found.append(int(entry.name))
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_two_spools_on_one_port_get_neighbours(version, spools):
    port = free_port()
    one, two = spools("one"), spools("two")
    for spool in (one, two, one):
        done = run(version, spool, "print('ok')", port)
        assert (done.stdout, done.stderr, done.returncode) == ("ok\n", "", 0)
    assert (helper(one).port, helper(two).port) == (port, port + 1)
    for spool in (one, two):
        until(lambda spool=spool: len(helpers_of(spool)) == 1)
        reply = agent_serving.ask(helper(spool).port, "/health")
        assert reply.json["data_dir"] == str(agent_serving.folder_of(spool))
    ports = agent_serving.ask(port, "/covey/1/identity").json["ports"]
    assert ports is None or all(9095 <= one < 53750 for one in ports)


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_many_at_once_elect_one(version, spools):
    spool, port = spools(), free_port()
    program = spool.with_name("many.py")
    program.write_text("import time; time.sleep(0.2)")
    environ = agent_runs.environment(spool, COVERAGE_PORT=str(port), COVEY_AGENT_LINGER="60")
    command = [str(interpreters.find(version)), str(program)]
    started = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) for _ in range(8)]
    assert [(one.communicate()[1], one.returncode) for one in started] == [(b"", 0)] * 8
    until(lambda: len(helpers_of(spool)) == 1)
    assert len(agent_serving.ask(helper(spool).port, "/covey/1/capture").json["processes"]) == 8


@pytest.mark.parametrize("version", VERSIONS)
def test_the_helper_has_nothing_of_the_application(version, spools):
    spool = spools()
    reading, writing = os.pipe()
    env = {"SECRET": "x", "SOURCE_GIT_COMMIT": "abc"}
    code = "import os; print(len(os.listdir('/proc/self/fd')))"
    run(version, spool, code, free_port(), pass_fds=[writing], env=env)
    os.close(writing)
    assert os.read(reading, 1) == b""  # nobody holds the other end
    os.close(reading)
    found = helper(spool)
    assert agent_serving.ask(found.port, "/health").headers["x-art-coverage-source-commit"] == "abc"
    process = Path("/proc") / str(found.pid)

    def opened():
        with contextlib.suppress(FileNotFoundError):  # the connection of just now
            return {link.name: os.readlink(link).partition(":")[0] for link in (process / "fd").iterdir()}

    until(lambda: opened() == dict.fromkeys("012", "/dev/null") | {"3": "socket"})
    assert os.readlink(process / "cwd") == "/"
    assert os.getsid(found.pid) == os.getpgid(found.pid) != os.getsid(0)
    environment = (process / "environ").read_bytes()
    assert b"SECRET" not in environment
    assert b"PYTHONPATH" not in environment
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    # Python ignores two itself; from 32 on they are the C library's own.
    python_s = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
    assert int(status["SigIgn"], 16) & 0x7FFFFFFF & ~python_s == 0
    assert int(status["SigBlk"], 16) == 0


def test_its_own_files_are_not_in_what_it_serves(spools):
    spool = spools()
    run("3.12", spool, "print(1)", free_port(), env={"COVEY_AGENT_SOURCE": "/"})
    for process in agent_serving.ask(helper(spool).port, "/covey/1/capture").json["processes"]:
        assert [path for path in process["files"] if "covey_agent" in path or "sitecustomize" in path] == []


@pytest.mark.parametrize("code", ["signal.signal(signal.SIGCHLD, signal.SIG_IGN)", "signal.alarm(0)"])
def test_an_application_that_minds_its_children_sees_none(code, spools):
    code = f"import os, signal\n{code}\ntry: print(os.waitpid(-1, os.WNOHANG))\nexcept ChildProcessError: print('none')"
    assert run("3.11", spools(), code, free_port()).stdout == "none\n"


def test_started_with_sigchld_ignored(spools):
    spool = spools()
    run("3.11", spool, "", free_port(), preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert agent_serving.ask(helper(spool).port, "/health").status == 200


@pytest.mark.parametrize("version", ["3.9", "3.12"])
def test_it_ends_by_itself_when_nobody_is_left(version, spools):
    spool = spools()
    run(version, spool, "", free_port(), linger=0.3)
    until(lambda: helpers_of(spool) == [])
    until(lambda: helper(spool) is None)


def test_it_ends_when_its_spool_is_gone(spools):
    spool = spools()
    run("3.11", spool, "", free_port(), linger=2)
    until(lambda: helpers_of(spool))
    shutil.rmtree(spool)
    until(lambda: helpers_of(spool) == [])


@pytest.mark.parametrize("version", VERSIONS)
def test_it_stays_while_a_child_records_into_its_dead_parent_s_segment(version, spools):
    spool = spools()
    program = spool.with_name("parent.py")
    program.write_text("import os, sys\nif os.fork(): os._exit(0)\nsys.stdin.read()\n")
    environ = agent_runs.environment(spool, COVERAGE_PORT=str(free_port()), COVEY_AGENT_LINGER="0.2")
    reading, writing = os.pipe()
    null = subprocess.DEVNULL
    command = [str(interpreters.find(version)), str(program)]
    assert subprocess.run(command, env=environ, stdin=reading, stdout=null, stderr=null, check=False).returncode == 0
    os.close(reading)
    found = helper(spool)
    folder = str(agent_serving.folder_of(spool))
    somebody_lives = agent_runs.agent_module("helper").somebody_lives
    until(lambda: helpers_of(spool) == [found.pid])
    for _ in range(30):
        assert somebody_lives(folder)
        assert helpers_of(spool) == [found.pid]
        signal.sigtimedwait([], 0.02)
    os.close(writing)
    until(lambda: helpers_of(spool) == [])
    assert not somebody_lives(folder)


def test_after_its_end_the_next_process_starts_another_that_has_all(spools):
    spool, port = spools(), free_port()
    run("3.11", spool, "print('one')", port)
    assert agent_serving.ask(port, "/covey/1/epoch", method="POST").json["epoch"] == 1
    os.kill(helper(spool).pid, signal.SIGKILL)
    until(lambda: helper(spool) is None)
    run("3.11", spool, "print('two')", port)
    capture = agent_serving.ask(helper(spool).port, "/covey/1/capture").json
    assert (len(capture["processes"]), len(capture["windows"]), capture["epoch"]) == (2, 1, 1)


@pytest.mark.parametrize("text", ["", "9095 1 1 x", "x y z", "9095 {pid} 1 {boot}", "1 2 3 4 5 6"])
def test_a_file_that_lies_elects_nobody(tmp_path, text):
    boot = agent_runs.agent_module("processes").boot_id()
    (tmp_path / "helper").write_text(text.format(pid=os.getpid(), boot=boot))
    assert election.helper_of(str(tmp_path)) is None


def test_another_address_wants_a_token(spools, tmp_path):
    spool, port = spools("without"), free_port()
    done = run("3.11", spool, "print('ok')", port, env={"COVEY_AGENT_BIND": "0.0.0.0"})
    assert (done.stdout, len(done.stderr.splitlines())) == ("ok\n", 1)
    assert "COVEY_AGENT_TOKEN_FILE" in done.stderr
    assert _bound_to(helper(spool).port) == "0100007F"
    (tmp_path / "token").write_text("t")
    other = spools("with")
    env = {"COVEY_AGENT_BIND": "0.0.0.0", "COVEY_AGENT_TOKEN_FILE": str(tmp_path / "token")}
    assert run("3.11", other, "", port, env=env).stderr == ""
    assert _bound_to(helper(other).port) == "00000000"
    assert agent_serving.ask(helper(other).port, "/coverage").status == 401
    assert agent_serving.ask(helper(other).port, "/coverage", token="t").status == 200


def _bound_to(port: int) -> str:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (address,) = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
    return address.partition(":")[0]


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("127.evil.example", False),
        ("", False),
    ],
)
def test_what_counts_as_loopback(address, inside):
    assert election.is_loopback(address) is inside


def test_the_interpreter_is_found_when_python_is_embedded(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "_base_executable", "/usr/sbin/uwsgi", raising=False)
    assert launch.interpreters()
    for path in launch.interpreters():
        assert Path(path).name.startswith("python")


def test_without_an_interpreter_it_says_so_and_records(spools):
    code = """
import sys
sys.path.insert(0, sys.argv[1])
sys.executable = sys._base_executable = "/bin/true"
sys.base_exec_prefix = "/nowhere"
from covey_agent.start import start
print(start())
"""
    spool = spools()
    program = spool.with_name("embedded.py")
    program.write_text(code)
    env = {"COVEY_AGENT_SPOOL": str(spool), "COVERAGE_PORT": str(free_port())}
    done = agent_runs.run(interpreters.find("3.11"), program, agent_runs.AGENT, spool=None, env=env)
    assert (done.stdout, done.returncode, len(done.stderr.splitlines())) == ("True\n", 0, 1)
    assert "is not served" in done.stderr
    assert len(agent_runs.segments(spool)) == 1


def test_all_ports_taken_is_said_in_one_line(spools):
    import socket

    port = free_port()
    taken = [socket.create_server(("127.0.0.1", number)) for number in range(port, port + 50)]
    done = run("3.11", spools(), "print('ok')", port)
    assert (done.stdout, len(done.stderr.splitlines()), done.returncode) == ("ok\n", 1, 0)
    assert f"no free port from {port} on" in done.stderr
    for one in taken:
        one.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run the tests in a container or as root")
def test_root_s_helper_serves_a_user_who_has_none(tmp_path):
    """A server that starts as root and gives its rights up, then loads code: its second folder has no helper."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="covey-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "later.py").write_text("def f():\n    return 'f'\n\n\ndef g():\n    return 'g'\n" + "#\n" * 60_000)
        code = "import os, sys\nos.setgroups([]), os.setgid(65534), os.setuid(65534)\nimport later\n"
        code += "for line in sys.stdin: print(getattr(later, line.strip())(), flush=True)\n"
        (folder / "app.py").write_text(code)
        with agent_serving.served(interpreters.find("3.11"), folder / "spool", folder / "app.py") as running:
            later = folder / "later.py"

            def call(function):
                running.process.stdin.write(function + "\n")
                assert running.process.stdout.readline().strip() == function

            call("f")
            user = next(iter((folder / "spool").glob("u65534-*")))
            assert agent_serving.ran(running.capture(), later) == {1, 2, 5}
            assert running.close_window("one")["late"] == []
            call("g")
            assert agent_serving.ran(running.capture(since=1), later) == {6}
            assert running.capture()["windows"][0]["files"][str(later)] == "1-2,5"
            (process,) = running.capture()["processes"]
            assert set(process["files"]) == {str(later), str(folder / "app.py")}
            assert running.get("/health").json["coverage_files"] == 2
            # A folder that is a link, or of another owner than its name says, is nobody's to serve.
            (folder / "real").mkdir()
            user.rename(folder / "real" / user.name)
            user.symlink_to(folder / "real" / user.name)
            assert agent_serving.ran(running.capture(), later) == set()


# Forks a child for each line of input, which tells what it saw and what it has for its own.
FORKS = """
import os, signal, sys
caught = []
signal.signal(signal.SIGCHLD, lambda *_: caught.append(os.getpid()))
for line in sys.stdin:
    down, up = os.pipe()
    if not os.fork():
        try:
            os.waitpid(-1, os.WNOHANG)
            caught.append("a child")
        except ChildProcessError:
            pass
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        os.write(up, repr((os.getpid() in caught or "a child" in caught, sorted(mask))).encode())
        os._exit(0)
    os.close(up)
    print(os.read(down, 100).decode(), flush=True)
    os.close(down)
"""


def fork(running) -> str:
    running.process.stdin.write("fork\n")
    running.process.stdin.flush()
    return running.process.stdout.readline().strip()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_helper_that_was_killed_comes_back_with_the_next_fork(version, tmp_path):
    (tmp_path / "app.py").write_text(FORKS)
    spool = tmp_path / "spool"
    with agent_serving.served(interpreters.find(version), spool, tmp_path / "app.py") as running:
        assert fork(running) == "(False, [])"
        first = helper(spool)
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: helper(spool) is None)
        assert fork(running) == "(False, [])"
        assert helper(spool) is None  # it had hardly begun: one that cannot live is not started again and again
        file = agent_serving.folder_of(spool) / "helper"
        os.utime(file, (0, 0))
        assert fork(running) == "(False, [])"
        again = helper(spool)
        assert again is not None
        assert again.pid != first.pid
        running.port = again.port
        assert running.capture()["processes"]
