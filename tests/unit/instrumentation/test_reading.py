"""The reader of segments believes nothing that a file says of itself."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import agent_runs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from segment_bytes import header, record, segment

reading = agent_runs.agent_module("reading")
masks = agent_runs.agent_module("masks")
layout = agent_runs.agent_module("segment")


def written(folder: Path, data: bytes) -> str:
    path = folder / "7-99-0.seg"
    path.write_bytes(data)
    return str(path)


def test_reads_what_the_layout_says(tmp_path):
    data = segment(
        record(b"/app/a.py", b"\0\1\0\1", b"\0\0\1\0"),
        struct.pack("<I", 24).ljust(24, b"\0"),
        record(b"/app/early.py", b"", b"", flags=1, digest=bytes(32)),
        record(b"/app/\xff.py", b"\0\1", b"\0\0", digest=bytes(32)),
        flags=layout.FULL,
    )
    found = reading.read_segment(written(tmp_path, data))
    assert (found.pid, found.start_ticks, found.core, found.program) == (7, 99, "monitoring", "app.p")
    assert (found.boot_id, found.started) == ("00010203-0405-0607-0809-0a0b0c0d0e0f", 1.5)
    assert (found.address, found.full, found.needs_waking, found.damaged) == (b"\0abc", True, True, False)
    first, early, odd = found.records
    assert (first.path, first.lines, first.source_hash) == ("/app/a.py", 3, "sha256:" + "07" * 32)
    assert (found.now(first), found.before(first)) == (b"\0\1\0\1", b"\0\0\1\0")
    assert (early.path, early.not_recorded, early.source_hash) == ("/app/early.py", True, None)
    assert os.fsencode(odd.path) == b"/app/\xff.py"


def test_only_ones_count(tmp_path):
    found = reading.read_segment(written(tmp_path, segment(record(b"/a", b"\1\1\2\xff\1", b"\0\0\0\0\0"))))
    assert masks.to_text(found.now(found.records[0])) == "1,4"


def test_a_record_beyond_the_end_is_not_there_yet(tmp_path):
    whole = record(b"/app/a.py", b"\0\1", b"\0\0")
    data = header(layout.HEADER_SIZE + len(whole)) + whole + record(b"/app/b.py", b"\0\1", b"\0\0")
    assert [one.path for one in reading.read_segment(written(tmp_path, data)).records] == ["/app/a.py"]


@pytest.mark.parametrize("lost", [1, 8, 40, 63])
def test_a_file_cut_short_keeps_what_is_whole(tmp_path, lost):
    data = segment(record(b"/app/a.py", b"\0\1", b"\0\0"), record(b"/app/b.py", b"\0\1", b"\0\0"))[:-lost]
    found = reading.read_segment(written(tmp_path, data))
    assert ([one.path for one in found.records], found.damaged) == (["/app/a.py"], True)


@pytest.mark.parametrize(
    "bad",
    [
        struct.pack("<II", 0, 3).ljust(64, b"\1"),  # no length
        struct.pack("<II", 63, 3).ljust(64, b"\1"),  # no multiple of 8
        struct.pack("<II", 1 << 31, 3).ljust(64, b"\1"),  # past the end
        struct.pack("<II32sHH", 64, 1 << 31, b"", 1, 0).ljust(64, b"a"),  # more lines than bytes
        struct.pack("<II32sHH", 64, 1, b"", 60000, 0).ljust(64, b"a"),  # a path longer than the record
    ],
)
def test_nonsense_in_a_record_ends_or_skips_it(tmp_path, bad):
    found = reading.read_segment(written(tmp_path, segment(record(b"/app/a.py", b"\0\1", b"\0\0"), bad)))
    assert ([one.path for one in found.records], found.damaged) == (["/app/a.py"], True)


@pytest.mark.parametrize("data", [b"COVEYSG1", b"x" * 9000, header(4096, core=9), b"COVEYSG2" + bytes(8000)])
def test_what_is_no_segment_is_refused(tmp_path, data):
    with pytest.raises(reading.NotASegment):
        reading.read_segment(written(tmp_path, data))


@pytest.mark.parametrize("data", [b"", bytes(16384)])
def test_one_that_is_only_being_made_is_told_apart(tmp_path, data):
    with pytest.raises(reading.Unfinished):
        reading.read_segment(written(tmp_path, data))


def test_links_folders_and_pipes_are_not_opened(tmp_path):
    real = written(tmp_path, segment())
    os.symlink(real, tmp_path / "link.seg")
    os.mkfifo(tmp_path / "pipe.seg")
    (tmp_path / "folder.seg").mkdir()
    for name in ("link.seg", "pipe.seg", "folder.seg", "none.seg"):
        with pytest.raises((OSError, reading.NotASegment)):
            reading.read_segment(str(tmp_path / name))


def test_held_for_as_long_as_anybody_maps_it(tmp_path):
    spools = agent_runs.agent_module("spool")
    identity = agent_runs.agent_module("processes").Identity()
    os.chmod(tmp_path, 0o700)
    writer = layout.Segment(spools.Spool(str(tmp_path), str(tmp_path), 1 << 20), identity, "probes")
    path = str(tmp_path / writer.name)
    assert reading.is_held(path)
    child = os.fork()
    if not child:
        import time

        time.sleep(60)
        os._exit(0)
    del writer
    assert reading.is_held(path)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert not reading.is_held(path)


def test_noise_never_breaks_the_reader(tmp_path):
    chance = random.Random(4)
    good = segment(*(record(b"/app/%d.py" % number, b"\0\1\1", b"\0\0\0") for number in range(5)))
    for _ in range(400):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 12)):
            data[chance.randrange(8, len(data))] = chance.randrange(256)
        try:
            found = reading.read_segment(written(tmp_path, bytes(data[: chance.randrange(4000, len(data) + 1)])))
        except reading.NotASegment:
            continue
        for one in found.records:
            assert set(found.now(one) + found.before(one)) <= {0, 1}


@given(st.sets(st.integers(1, 600)), st.sets(st.integers(1, 600)))
def test_masks_are_sets(a, b):
    one, two = masks.of_lines(a), masks.of_lines(b)
    assert {n for n, bit in enumerate(masks.union(one, two)) if bit} == a | b
    assert {n for n, bit in enumerate(masks.intersection(one, two)) if bit} == a & b
    assert masks.from_text(masks.to_text(one)) == one
    from coverage.numbits import numbits_to_nums

    assert set(numbits_to_nums(masks.numbits(one))) == a


@pytest.mark.parametrize("text", ["3-1", "1,1", "0", "a", "1-", "-3", "1,,2", "99999999", "5,3"])
def test_lines_that_do_not_ascend_are_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        masks.from_text(text)
