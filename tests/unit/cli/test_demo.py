"""The demo where it is stopped midway, or cannot begin. That its figures are right: tests/oracle/test_demo.py."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "covey", "demo"]


def alive(folder):
    """The processes that work in a folder, or were told of it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(folder).encode() in told and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


@pytest.mark.skipif(
    any(not find_spec(name) for name in ("flask", "gunicorn")),
    reason="needs what the demo runs: pip install covey[demo]",
)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in Linux's /proc")
@pytest.mark.parametrize(
    ("number", "tell", "sign"),
    [
        (signal.SIGINT, os.kill, "spool/*/helper"),
        (signal.SIGTERM, os.kill, "spool/*/helper"),
        (signal.SIGINT, os.killpg, "spool/*/helper"),  # as a terminal does
        (signal.SIGINT, os.killpg, "service/app.py"),  # while it looks at the tests
    ],
)
def test_a_demo_that_is_stopped_leaves_no_process(tmp_path, number, tell, sign):
    folder = tmp_path / "the-demo"
    with (tmp_path / "said").open("wb") as said:
        demo = subprocess.Popen([*DEMO, "-o", str(folder)], stdout=said, stderr=said, start_new_session=True)
        try:
            end = time.monotonic() + 60
            while not list(folder.glob(sign)) and time.monotonic() < end:
                time.sleep(0.01)
            assert alive(folder)
            for _ in range(3):  # somebody impatient
                with contextlib.suppress(ProcessLookupError):
                    tell(demo.pid, number)
                time.sleep(0.05)
            assert demo.wait(30) == 130
        finally:
            demo.kill()
    end = time.monotonic() + 10
    while alive(folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert alive(folder) == []
    assert "Traceback" not in (tmp_path / "said").read_text()


@pytest.mark.parametrize("python", ["/bin/false", "/etc/passwd"])
def test_a_python_that_is_none(tmp_path, python):
    done = subprocess.run([*DEMO, "--python", python, "-o", str(tmp_path / "x")], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"there is no program" in done.stderr or b"no Python that runs" in done.stderr


def test_a_folder_of_somebody_elses_is_kept_also_behind_a_link(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    (tmp_path / "link").symlink_to("mine")
    for name in ("mine", "link"):
        done = subprocess.run([*DEMO, "-o", str(tmp_path / name)], capture_output=True, check=False)
        assert done.returncode == 2
        assert b"holds other things than a demo" in done.stderr
    assert (tmp_path / "mine" / "file").read_text() == "precious"


def test_a_demo_without_room_says_so_and_its_folder_can_be_used_again(tmp_path):
    demo = f"{' '.join(DEMO)} -o x"
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-c", f"ulimit -f 1; {demo}"],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert done.returncode == 2, done.stderr
        assert b"cannot write" in done.stderr
