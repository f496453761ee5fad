"""The segment's writer: what it writes is what the reader reads, whoever interrupts it."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading

import agent_runs
import pytest
from hypothesis import given
from hypothesis import strategies as st

identity = agent_runs.agent_module("processes")
reading = agent_runs.agent_module("reading")
segments = agent_runs.agent_module("segment")
spools = agent_runs.agent_module("spool")

HASH = bytes(range(32))
NAMES = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


def make_folder(root, limit=1 << 30):
    place = root / "own"
    place.mkdir(mode=0o700)
    return spools.Spool(str(root), str(place), limit)


def make_segment(folder, **options):
    return segments.Segment(folder, identity.Identity(), "probes", **options)


def read(folder, segment):
    return reading.read_segment(os.path.join(folder.folder, segment.name))


def lines_of(found):
    return {record.path: [number for number, mark in enumerate(found.now(record)) if mark] for record in found.records}


def test_header_says_who_the_process_is(folder):
    segment = make_segment(folder, program="/app/é.py", flags=segments.NO_ACKNOWLEDGEMENT)
    segment.set_wake(b"\0wake")
    found = read(folder, segment)
    assert (found.pid, found.core, found.program) == (os.getpid(), "probes", "/app/é.py")
    assert found.flags == segments.NO_ACKNOWLEDGEMENT
    assert found.address == b"\0wake"
    assert found.is_alive()
    segment.set_flag(segments.FULL)
    assert read(folder, segment).full


def test_acknowledges_an_epoch(folder):
    segment = make_segment(folder)
    assert (segment.epoch_wanted(), segment.epoch_done()) == (0, 0)
    with open(os.path.join(folder.folder, segment.name), "r+b") as file:
        file.seek(segments.EPOCH_WANTED)
        file.write((70_000).to_bytes(4, "little"))
    assert segment.epoch_wanted() == 70_000
    segment.acknowledge(70_000)
    assert read(folder, segment).acknowledged == 70_000


@given(st.lists(st.tuples(st.text(NAMES, max_size=300), st.integers(1, 200_000)), max_size=30), st.randoms())
def test_any_files_are_read_back(tmp_path_factory, files, chance):
    folder = make_folder(tmp_path_factory.mktemp("spool"))
    segment = make_segment(folder)
    wanted = {}
    for number, (name, lines) in enumerate(files):  # a name is never empty, nor twice there
        path = f"/{number}/{name}"
        plane = segment.add(path, HASH, lines)
        ran = sorted({chance.randint(1, lines) for _ in range(5)})
        for line in ran:
            plane[line] = 1
        wanted[path] = ran
    found = read(folder, segment)
    assert not found.damaged
    assert lines_of(found) == wanted


def test_a_plane_ends_with_its_file(folder):
    plane = make_segment(folder).add("/a.py", HASH, 10)
    plane[10] = 1
    with pytest.raises(IndexError):
        plane[11] = 1


def test_notes_and_unknown_hashes(folder):
    segment = make_segment(folder)
    segment.note("/early.py")
    segment.add("/b.py", segments.UNKNOWN_HASH, 1)
    early, known = read(folder, segment).records
    assert early.not_recorded
    assert not known.not_recorded
    assert known.source_hash is None


def test_the_file_is_never_sparse_and_grows_in_steps(folder):
    segment = make_segment(folder)
    path = os.path.join(folder.folder, segment.name)
    sizes = set()
    for number in range(60):
        segment.add(f"/{number}.py", HASH, 20_000)
        state = os.stat(path)
        assert state.st_blocks * 512 >= state.st_size
        sizes.add(state.st_size)
    assert len(sizes) < 12
    assert len(read(folder, segment).records) == 60


def test_a_full_spool_is_said_and_leaves_what_is_there(tmp_path):
    folder = make_folder(tmp_path, limit=200 << 10)
    segment = make_segment(folder)
    plane = segment.add("/a.py", HASH, 1000)
    with pytest.raises(segments.SegmentFull, match="COVEY_AGENT_SPOOL_MAX"):
        segment.add("/large.py", HASH, 150_000)
    plane[7] = 1
    segment.add("/small.py", HASH, 10)
    assert lines_of(read(folder, segment))["/a.py"] == [7]


@pytest.mark.parametrize("lines", [0, -1, segments.LINES_MAX + 1])
def test_impossible_files_are_refused(folder, lines):
    with pytest.raises(segments.SegmentFull):
        make_segment(folder).add("/a.py", HASH, lines)


def test_a_file_that_is_gone_is_no_room(folder):
    segment = make_segment(folder)
    os.unlink(os.path.join(folder.folder, segment.name))
    with pytest.raises(segments.SegmentFull):
        segment.add("/a.py", HASH, 100_000)


def test_many_threads_write_at_once(folder):
    segment = make_segment(folder)
    planes = {}

    def work(worker):
        chance = random.Random(worker)
        for number in range(150):
            path = f"/{worker}/{number}.py"
            plane = segment.add(path, HASH, chance.randint(1, 3000))
            plane[1] = 1
            planes[path] = plane

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(folder, segment)
    assert not found.damaged
    assert lines_of(found) == {path: [1] for path in planes}


def test_a_signal_handler_writes_in_the_middle(folder):
    """The handler runs between any two steps of the writer, and writes itself."""
    segment = make_segment(folder)
    inside, numbers = [], itertools.count()

    def handler(number, frame):
        mine = next(numbers)  # a handler may be interrupted by the next
        segment.add(f"/handler/{mine}.py", HASH, 700)
        inside.append(mine)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for number in range(4000):
            segment.add(f"/main/{number}.py", HASH, 300)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    found = read(folder, segment)
    assert inside
    assert len(found.records) == 4000 + len(inside)
    assert len({record.path for record in found.records}) == 4000 + len(inside)


def test_two_segments_of_one_process_have_two_files(folder):
    assert make_segment(folder).name != make_segment(folder).name
