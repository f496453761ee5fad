"""A container that restarts does not fill the /dev/shm of its pod, and nothing is removed that somebody may want."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import agent_runs
import pytest
from segment_bytes import record, segment

settings = agent_runs.agent_module("settings")
spools = agent_runs.agent_module("spool")
surroundings = agent_runs.agent_module("surroundings")

UID, OTHER = b"3f0c2d1e-0000-4000-8000-00000000000a", b"3f0c2d1e-0000-4000-8000-00000000000b"
LEFT = (UID, b"app", b"0a0a0a0a")  # an earlier start of the container that runs in these tests
NOW = (UID, b"app", b"1b1b1b1b")
LARGE = 40 << 10


@pytest.fixture
def pod(tmp_path, monkeypatch):
    """A function that gives the spool of a start of a container; all may have 64 KiB together."""

    def start(number: int, who):
        monkeypatch.setattr(spools, "folder_name", lambda: f"u{os.geteuid()}-{number}")
        monkeypatch.setattr(surroundings, "incarnation", lambda: who)
        return spools.find(settings.read({"COVEY_AGENT_SPOOL": str(tmp_path)}))

    monkeypatch.setattr(spools, "share", lambda path: 64 << 10)
    return start


def fill(spool, size: int = LARGE) -> Path:
    path = Path(spool.folder, "7-99-0.seg")
    path.write_bytes(segment(record(b"/a", b"\0\1", b"\0\0")).ljust(size, b"\0"))
    return path


def has_room(spool, size: int = LARGE) -> bool:
    """Whether a segment can be made."""
    path = Path(spool.folder, "8-99-0.seg")
    with path.open("wb") as file:
        try:
            spool.reserve(file.fileno(), 0, size)
        except OSError as error:
            return "a quarter of /dev/shm" not in str(error)
        finally:
            path.unlink()
    return True


def test_what_an_earlier_start_has_left_goes_when_there_is_no_room(pod):
    left = pod(1, LEFT)
    fill(left)
    Path(left.folder, "0000000000.window").write_bytes(b"x")
    now = pod(2, NOW)
    assert has_room(now, 10 << 10)
    assert os.path.isdir(left.folder)
    assert has_room(now)
    assert not os.path.exists(left.folder)


def test_only_as_much_goes_as_is_needed_the_oldest_first(pod):
    left = [pod(number, (UID, b"app", b"%d" % number)) for number in range(3)]
    for number, spool in enumerate(left):
        fill(spool, 12 << 10)
        os.utime(spool.folder, (number, number))
    assert has_room(pod(9, NOW), 20 << 10)
    assert [os.path.isdir(spool.folder) for spool in left] == [False, True, True]


@pytest.mark.parametrize(
    "who",
    [NOW, (OTHER, b"app", b"0a0a0a0a"), (UID, b"side", b"0a0a0a0a"), ()],
    ids=["same", "pod", "container", "none"],
)
def test_what_may_be_of_somebody_who_lives_stays(pod, who):
    fill(pod(1, who))
    assert not has_room(pod(2, NOW))
    assert not has_room(pod(2, ()))
    assert has_room(pod(1, who), 10 << 10)


def test_a_file_counts_for_what_it_takes(pod):
    spool = pod(1, NOW)
    with Path(spool.folder, "code.cache").open("wb") as file:
        file.truncate(1 << 20)
    assert has_room(spool)


def test_what_somebody_records_into_stays(pod):
    path = fill(pod(1, LEFT))
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert not has_room(pod(2, NOW))
    assert has_room(pod(2, NOW))


def test_a_folder_that_is_not_our_own_is_not_entered(pod, tmp_path):
    left = pod(1, LEFT)
    fill(left)
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    os.rename(left.folder, elsewhere)
    os.symlink(elsewhere, left.folder)
    has_room(pod(2, NOW))
    assert (elsewhere / "7-99-0.seg").exists()


def test_where_the_limit_is_reached_alone_nothing_else_is_removed(pod, tmp_path):
    left, now = pod(1, LEFT), pod(2, NOW)
    fill(left)
    now.limit = 1000
    with pytest.raises(OSError, match="COVEY_AGENT_SPOOL_MAX"):
        now.reserve(-1, 0, 2000)
    assert os.path.isdir(left.folder)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a /dev/shm to write to: mount a tmpfs there")
def test_only_shared_memory_has_the_bound(tmp_path):
    assert spools.share(str(tmp_path)) == spools.NO_BOUND
    folder = tempfile.mkdtemp(dir="/dev/shm")
    try:
        size = shutil.disk_usage("/dev/shm").total
        assert spools.share(folder) == size // 4
    finally:
        os.rmdir(folder)
