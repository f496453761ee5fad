"""The spool's folder, and the code cache in it: only ours, only so large, never in the application's way."""

from __future__ import annotations

import os
import resource

import agent_runs
import pytest

settings = agent_runs.agent_module("settings")
spools = agent_runs.agent_module("spool")
codecache = agent_runs.agent_module("codecache")

KEY = bytes(range(32))


def asked(root, **more):
    return settings.read({"COVEY_AGENT_SPOOL": str(root), **more})


def test_a_folder_for_the_user_and_the_container(tmp_path):
    found = spools.find(asked(tmp_path / "deep" / "spool", COVEY_AGENT_SPOOL_MAX="1m"))
    assert os.path.basename(found.folder) == f"u{os.geteuid()}-{os.stat('/proc/self/ns/mnt').st_ino}"
    assert os.stat(found.folder).st_mode & 0o7777 == 0o700
    assert os.stat(found.root).st_mode & 0o7777 == 0o1777
    assert found.limit == 1 << 20
    assert spools.find(asked(tmp_path / "deep" / "spool")).folder == found.folder


def test_a_link_or_a_folder_of_others_is_refused(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "spool").mkdir()
    own = tmp_path / "spool" / spools.folder_name()
    own.symlink_to(elsewhere)
    with pytest.raises(spools.NoSpool, match=str(tmp_path)):
        spools.find(asked(tmp_path / "spool"))
    own.unlink()
    own.mkdir(mode=0o755)
    own.chmod(0o755)
    with pytest.raises(spools.NoSpool, match="not this user's alone"):
        spools.find(asked(tmp_path / "spool"))
    own.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(own, 12345, 12345)
        with pytest.raises(spools.NoSpool):
            spools.find(asked(tmp_path / "spool"))


def test_without_a_place_all_that_were_tried_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(spools.NoSpool, match="file"):
        spools.find(asked(tmp_path / "file"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give folders away")
@pytest.mark.parametrize(
    ("owner", "mode", "safe"), [(0, 0o755, True), (0, 0o1777, True), (0, 0o777, False), (5, 0o755, False)]
)
def test_where_nobody_else_can_put_another_folder(tmp_path, owner, mode, safe):
    folder = tmp_path / "root"
    folder.mkdir()
    folder.chmod(mode)
    os.chown(folder, owner, owner)
    assert spools.is_safe_parent(str(folder)) is safe
    (tmp_path / "link").symlink_to(folder)
    assert not spools.is_safe_parent(str(tmp_path / "link"))


def test_descriptors_go_high_and_none_is_left(tmp_path):
    before = sorted(os.listdir("/proc/self/fd"))
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    made = spools.with_high_descriptor(fd, lambda: os.dup(fd))
    assert made >= 128
    os.close(made)
    moved = spools.high(fd)
    assert moved >= 128
    assert not os.get_inheritable(moved)
    os.close(moved)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_few_descriptors_are_allowed(tmp_path):
    """Then a low number it is; nothing fails."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, limits[1]))
    try:
        made = spools.with_high_descriptor(fd, lambda: os.dup(fd))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    os.close(made)
    os.close(fd)


@pytest.fixture
def folder(tmp_path):
    return spools.find(asked(tmp_path / "spool")).folder


def code(text="x = 1"):
    return compile(text, "a.py", "exec")


def test_the_cache_gives_what_was_put(folder):
    cache, other = codecache.CodeCache(folder, 1 << 20), codecache.CodeCache(folder, 1 << 20)
    assert cache.get(KEY) is None
    assert other.get(KEY) is None
    cache.put(KEY, 7, code())
    assert cache.get(KEY) == (7, code())
    assert other.get(KEY) == (7, code())  # it looks again when it does not know a key
    assert other.names() == [(KEY, 7)]
    other.put(KEY, 8, code("y = 1"))
    assert cache.get(KEY) == (7, code())


def test_the_cache_is_bounded(folder):
    cache = codecache.CodeCache(folder, 1000)
    for number in range(20):
        cache.put(bytes([number]) * 32, 1, code(f"x = {'1' * 50}"))
    assert 0 < len(cache.names()) < 20
    used = os.stat(os.path.join(folder, os.listdir(folder)[0])).st_size - codecache.DATA_AT
    assert used <= 1000


def test_a_writer_that_was_killed_leaves_nothing_half(folder):
    cache = codecache.CodeCache(folder, 1 << 20)
    cache.put(KEY, 1, code())
    with open(os.path.join(folder, os.listdir(folder)[0]), "r+b") as file:
        file.seek(codecache.ENTRIES_AT + codecache.ENTRY)
        file.write(bytes(range(32)) + b"\xff" * 16)  # an entry that is not counted yet
        file.seek(0, os.SEEK_END)
        file.write(b"half")
    fresh = codecache.CodeCache(folder, 1 << 20)
    fresh.put(b"k" * 32, 2, code("y = 2"))
    assert fresh.get(KEY) == (1, code())
    assert fresh.get(b"k" * 32) == (2, code("y = 2"))


@pytest.mark.parametrize("damage", ["mode", "link", "garbage", "cut", "counts"])
def test_a_cache_that_cannot_be_trusted_is_empty(folder, damage, tmp_path):
    codecache.CodeCache(folder, 1 << 20).put(KEY, 1, code())
    path = os.path.join(folder, os.listdir(folder)[0])
    if damage == "mode":
        os.chmod(path, 0o666)
    elif damage == "link":
        os.rename(path, tmp_path / "moved")
        os.symlink(tmp_path / "moved", path)
    elif damage == "garbage":
        with open(path, "r+b") as file:
            file.seek(codecache.DATA_AT)
            file.write(b"\xff" * 40)
    elif damage == "cut":
        os.truncate(path, codecache.DATA_AT + 3)
    elif damage == "counts":
        with open(path, "r+b") as file:
            file.seek(8)
            file.write(b"\xff\xff\xff\xff")
    assert codecache.CodeCache(folder, 1 << 20).get(KEY) is None


def test_a_descriptor_that_the_application_has_reused_is_not_touched(folder, tmp_path):
    cache = codecache.CodeCache(folder, 1 << 20)
    cache.put(KEY, 1, code())
    other = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    os.dup2(other, cache._file.fd)
    cache.put(b"k" * 32, 2, code("y = 2"))
    assert cache.get(KEY) == (1, code())
    assert os.fstat(other).st_size == 0
    os.close(other)
