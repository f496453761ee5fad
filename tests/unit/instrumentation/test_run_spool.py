"""Where `covey run` records: any user may write into that folder, and what they put there harms nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from covey import instrumentation
from covey.instrumentation.run_spool import prepare

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="agents record on Linux only")
PORT = 28765


@pytest.fixture
def spool(tmp_path):
    """A folder that somebody has recorded into."""
    root = prepare(PORT, "first.py", tmp_path).root
    (root / "u0-1").mkdir()
    (root / "u0-1" / "1-2-0.seg").write_bytes(b"COVEYSG1")
    return root


def told(tmp_path):
    return prepare(PORT, "next.py", tmp_path).dropped


def test_what_an_earlier_program_recorded_is_dropped_under_its_name(spool, tmp_path):
    (spool / "u0-1" / "code.cache").write_bytes(b"code")
    assert told(tmp_path) == "first.py"
    assert [path.name for path in (spool / "u0-1").iterdir()] == ["code.cache"]
    assert told(tmp_path) == ""


def test_a_link_to_another_folder_is_not_followed(spool, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    (precious / "1-2-0.seg").write_bytes(b"COVEYSG1")
    (spool / "u0-2").symlink_to(precious)
    assert told(tmp_path) == "first.py"
    assert sorted(path.name for path in precious.iterdir()) == ["1-2-0.seg", "thesis.txt"]


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
@pytest.mark.parametrize("name", ["helper", "9-9-9.seg"])
def test_nothing_in_it_is_waited_for(spool, tmp_path, put, name):
    put(spool / "u0-1" / name)
    prepare(PORT, "next.py", tmp_path)
    assert not (spool / "u0-1" / "1-2-0.seg").exists()


def test_what_cannot_be_removed_is_not_said_to_be(spool, tmp_path):
    (spool / "u0-1" / "9-9-9.seg").mkdir()
    assert told(tmp_path) == ""


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_a_name_that_is_no_file_is_none(spool, tmp_path, put):
    name = spool.with_name(f"{PORT}.program")
    name.unlink()
    put(name)
    assert told(tmp_path) == "an earlier program"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have a file that is another's: run the tests as root")
def test_a_helper_is_ended_for_its_owner_only(spool):
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()", "--covey-helper"], stdin=subprocess.PIPE
    ) as helper:
        ticks = Path(f"/proc/{helper.pid}/stat").read_text().rpartition(") ")[2].split()[19]
        file = spool / "u0-1" / "helper"
        file.write_text(f"{PORT} {helper.pid} {ticks} boot")
        assert instrumentation.port_of(file.parent) == PORT
        os.chown(file, 65534, 65534)
        assert instrumentation.port_of(file.parent) is None
        assert not instrumentation.stop_helper(file.parent)
        assert helper.poll() is None
        helper.stdin.close()
