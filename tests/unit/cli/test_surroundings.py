"""The command line where the machine is short of something: streams, disk, home, a working directory."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

COVEY = f"{sys.executable} -m covey"


def shell(command, **more):
    return subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False, **more)


@pytest.fixture
def tracefile(tmp_path):
    path = tmp_path / "a.info"
    path.write_text("SF:a.py\nDA:1,1\nend_of_record\n")
    return path


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full, as Linux has it")
@pytest.mark.parametrize("verb", ["report a.info", "report a.info --format json", "plugins", "--version"])
def test_a_full_disk_behind_stdout_is_said_and_no_bug(tmp_path, tracefile, verb):
    done = shell(f"{COVEY} {verb} > /dev/full", cwd=tracefile.parent)
    assert done.returncode == 2
    assert b"error: No space left on device" in done.stderr
    assert b"bug" not in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_like_the_null_device(tracefile, closed):
    assert shell(f"{COVEY} report a.info {closed}", cwd=tracefile.parent).returncode == 0
    assert shell(f"{COVEY} report none.info {closed}", cwd=tracefile.parent).returncode == 2


def test_an_output_file_never_takes_the_place_of_a_closed_stream(tracefile):
    shell(f"{COVEY} report a.info -o out.json >&- 2>&-", cwd=tracefile.parent)
    assert (tracefile.parent / "out.json").read_text().startswith('{"schema": "covey.report/1"')


def on_terminal(arguments):
    """What a terminal gets of the standard error."""
    ours, theirs = pty.openpty()
    code = f"from covey.cli import app; app.run({arguments!r})"
    done = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = bytearray()
    with contextlib.suppress(OSError):  # Linux ends a terminal that nobody has open any more by EIO
        while part := os.read(ours, 65536):
            shown += part
    done.wait()
    os.close(ours)
    return bytes(shown)


def test_names_never_reach_the_terminal_as_they_are(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "x\x1b[2J\n::error::y.info").write_text("SF:a\nDA:x\n")
    for name in (str(folder), str(tmp_path / "none\x1b[2J\n::error::")):
        shown = on_terminal(["report", name])
        assert b"rror: " in shown
        assert b"[2J" in shown
        assert b"\x1b[2J" not in shown
        assert b"\n::error::" not in shown


def test_notes_of_a_report_never_reach_the_terminal_as_they_are(tmp_path):
    report = tmp_path / "a.json"
    report.write_text('{"schema": "covey.report/1", "files": {}, "notes": ["\\u001b[2J\\n::error::x"]}')
    shown = on_terminal(["report", str(report), "--format", "lcov"])
    assert shown.startswith("note: \ufffd[2J\ufffd::error::x".encode())


def test_without_a_home_there_is_no_kubeconfig(tmp_path):
    """Nobody knows a home where HOME is not set and the user, as OpenShift's are, is in no list."""
    code = (
        "import os, pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "[os.environ.pop(name, None) for name in ('HOME', 'KUBECONFIG', 'KUBERNETES_SERVICE_HOST')]\n"
        "from covey.cli import app; app.run(['collect', '-l', 'a=b'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=tmp_path, check=False)
    assert b"there is no kubeconfig" in done.stderr


def test_a_working_directory_that_is_gone(tmp_path, tracefile):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(f"cd {gone}; rmdir {gone}; {COVEY} report {tracefile}")
    assert done.returncode == 2
    assert b"working directory" in done.stderr


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("verb", "room"),
    [
        ("report a.info --format html -o out", "report b.info --format html -o out"),
        ("agent python -o out", "agent python -o out"),
        ("merge a.info -o out/all.json", "merge b.info -o out/all.json"),
        ("merge a.info -o out/.coverage", "merge b.info -o out/.coverage"),
    ],
)
def test_what_was_written_before_outlives_a_disk_that_is_full(tracefile, verb, room):
    folder = tracefile.parent
    (folder / "out").mkdir()
    lines = "".join(f"DA:{number},{number}\n" for number in range(1, 5000))
    (folder / "b.info").write_text(f"SF:a.py\n{lines}end_of_record\n")
    assert shell(f"{COVEY} {verb}", cwd=folder).returncode == 0
    before = files(folder / "out")
    done = shell(f"ulimit -f 4; {COVEY} {room}", cwd=folder, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 2, done.stderr
    assert b"cannot" in done.stderr
    assert b"Traceback" not in done.stderr
    assert files(folder / "out") == before


def test_a_cancelled_job_leaves_the_old_report_and_nothing_half_written(tracefile):
    folder, out = tracefile.parent, tracefile.parent / "out"
    section = "".join(f"DA:{number},{number}\n" for number in range(1, 40)) + "end_of_record\n"
    (folder / "b.info").write_text("".join(f"SF:pkg/{number}.py\n{section}" for number in range(5000)))
    assert shell(f"{COVEY} report a.info --format html -o out", cwd=folder).returncode == 0
    before = files(out)
    command = [sys.executable, "-m", "covey", "report", "b.info", "--format", "html", "-o", "out"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as running:
        while running.poll() is None and not list(out.glob(".covey-*/files/*")):
            time.sleep(0.005)
        running.terminate()
        assert running.stderr.read().strip() == b"covey: interrupted"
    assert running.returncode == 130
    assert files(out) == before


@pytest.mark.parametrize(
    "verb", ["report a.info", "merge a.info", "merge a.info -o /dev/stdout", "--help", "report a.info 2>&1", "plugins"]
)
def test_a_reader_that_has_gone_is_no_failure(tracefile, verb):
    done = shell(f"{{ sleep 0.3; {COVEY} {verb}; echo $? >&3; }} 3>code | true", cwd=tracefile.parent)
    assert (tracefile.parent / "code").read_text() == "0\n", done.stderr


def test_standard_output_can_be_named_as_a_file(tracefile):
    done = shell(f"{COVEY} merge a.info -o /dev/stdout | cat", cwd=tracefile.parent)
    assert done.stdout.startswith(b'{"schema": "covey.report/1"'), done.stderr


@pytest.mark.parametrize(
    "verb",
    ["report ''", "merge '' a.info", "merge a.info -o ''", "report a.info --checkout ''", "agent python -o ''",
     "collect --url localhost:1 -o ''", "demo -o ''"],
)  # fmt: skip
def test_an_empty_name_is_not_the_working_directory(tracefile, verb):
    done = shell(f"{COVEY} {verb}", cwd=tracefile.parent)
    assert done.returncode == 2
    assert b"empty" in done.stderr
    assert [path.name for path in tracefile.parent.iterdir()] == ["a.info"]


@pytest.mark.parametrize("option", ["--agent-token-file", "-l app=a --kubeconfig"])
def test_a_secret_without_end_is_refused(tracefile, option):
    done = shell(f"{COVEY} collect --url localhost:1 {option} /dev/zero", cwd=tracefile.parent)
    assert done.returncode == 2
    assert b"larger than" in done.stderr


def test_folders_whose_names_are_no_text_are_left_out(tracefile):
    os.makedirs(os.fsencode(tracefile.parent) + b"/x\xff")
    Path(os.fsdecode(os.fsencode(tracefile.parent) + b"/x\xff/a.py")).write_text("x = 1\n")
    done = shell(f"{COVEY} merge a.info -o all.json && {COVEY} report a.info", cwd=tracefile.parent)
    assert done.returncode == 0, done.stderr
