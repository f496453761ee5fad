"""`covey run`: each run by itself, on the port that it was given."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from covey import instrumentation

FIRST = "def f():\n    return 1\n\n\nf()\n"
WAITING = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="agents record on Linux only")


@pytest.fixture
def port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number = one.getsockname()[1]
    yield min(number, 65000)
    folder = Path(f"/dev/shm/covey-run-u{os.geteuid()}/{min(number, 65000)}")
    for spool in folder.glob("u*"):
        instrumentation.stop_helper(spool)
    shutil.rmtree(folder, ignore_errors=True)


def command(port, *arguments):
    return [sys.executable, "-m", "covey", "run", "--port", str(port), *arguments]


def run(port, *arguments, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVEY_")}
    return subprocess.run(
        command(port, *arguments), capture_output=True, text=True, timeout=60, env=environment | more.pop("env", {})
    )


def programs(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/covey/1/capture", timeout=10) as reply:
                return sorted(Path(one["program"]).name for one in json.load(reply)["processes"])
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_the_next_program_begins_anew_on_the_same_port(tmp_path, port):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(FIRST)
    first = run(port, str(tmp_path / "one.py"))
    assert (first.returncode, first.stderr) == (0, "")
    assert programs(port) == ["one.py"]
    second = run(port, str(tmp_path / "two.py"))
    assert second.returncode == 0
    assert f"what {tmp_path / 'one.py'} recorded on port {port} is dropped" in second.stderr
    assert programs(port) == ["two.py"]


def test_a_mistyped_program_drops_nothing_and_starts_no_helper(tmp_path, port):
    (tmp_path / "one.py").write_text(FIRST)
    assert run(port, str(tmp_path / "one.py")).returncode == 0
    done = run(port, str(tmp_path / "on.py"))
    assert done.returncode == 2
    assert f"there is no file {tmp_path / 'on.py'}" in done.stderr
    assert "there is no module nosuchmodule.main for " in run(port, "-m", "nosuchmodule.main").stderr
    assert programs(port) == ["one.py"]


def test_a_module_of_the_working_directory_is_found(tmp_path, port, monkeypatch):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "main.py").write_text(FIRST)
    monkeypatch.chdir(tmp_path)
    assert (run(port, "-m", "package.main").returncode, programs(port)) == (0, ["-m package.main"])
    assert run(port, "-m", "json.tool", "--help").returncode == 0


def test_a_terminal_is_told_how_to_collect(tmp_path, port):
    """A pipe is not: its stderr is the program's own."""
    (tmp_path / "one.py").write_text(FIRST)
    parent, child = os.openpty()
    with os.fdopen(parent, "rb") as screen:
        environment = os.environ | {"TERM": "xterm"}
        subprocess.run(command(port, str(tmp_path / "one.py")), stderr=child, timeout=60, check=True, env=environment)
        os.close(child)
        assert f"covey collect --url http://127.0.0.1:{port}\r\n".encode() in screen.read1()


def test_what_still_runs_is_never_dropped(tmp_path, port):
    (tmp_path / "long.py").write_text(WAITING)
    (tmp_path / "short.py").write_text(FIRST)
    with subprocess.Popen(
        command(port, str(tmp_path / "long.py")), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as long:
        assert long.stdout.readline() == "ready\n"
        assert "recorded together" in run(port, str(tmp_path / "short.py")).stderr
        assert programs(port) == ["long.py", "short.py"]
        long.stdin.close()


def test_a_port_that_is_taken_is_said(tmp_path, port):
    (tmp_path / "one.py").write_text(FIRST)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        done = run(port, str(tmp_path / "one.py"))
    assert done.returncode == 0
    taken = f"port {port} is taken: the agent takes {port + 1}, so collect with --url http://127.0.0.1:{port + 1}"
    assert taken in done.stderr


def test_a_spool_of_the_user_s_own_says_too_where_it_is_served(tmp_path, port):
    """The helper of an earlier program, which is done, would answer for it otherwise."""
    (tmp_path / "one.py").write_text(FIRST)
    assert run(port, str(tmp_path / "one.py")).stderr == ""
    for _ in range(2):  # the second time it is served there
        done = run(port, "--spool", str(tmp_path / "spool"), str(tmp_path / "one.py"))
        assert f"port {port} is taken: the agent takes {port + 1}" in done.stderr
    for folder in (tmp_path / "spool").glob("u*"):
        instrumentation.stop_helper(folder)


def test_after_a_violent_end_the_port_is_free_again(tmp_path, port):
    (tmp_path / "one.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    for _ in range(3):
        assert "is taken" not in run(port, str(tmp_path / "one.py")).stderr


def test_a_spool_of_the_user_s_own_is_added_to(tmp_path, port):
    spool = tmp_path / "spool"
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(FIRST)
        assert run(port, "--spool", str(spool), str(tmp_path / name)).stderr == ""
    try:
        assert programs(port) == ["one.py", "two.py"]
    finally:
        for folder in spool.glob("u*"):
            instrumentation.stop_helper(folder)
