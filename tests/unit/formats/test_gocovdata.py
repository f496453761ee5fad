"""Go's binary coverage data: joined, added up, and refused where it is damaged."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from covey.errors import FormatError, SourceMismatch
from covey.formats.base import Input
from covey.formats.gocovdata import FORMAT
from covey.formats.gocover import FORMAT as PROFILES
from covey.formats.sources import NoSources
from covey.loops import gocovdata as loop

GOLDEN = Path(__file__).parents[2] / "golden" / "gocovdata"
CASES = sorted(GOLDEN.glob("*"))
COUNT = next(case for case in CASES if case.name.endswith("-count"))
META = next(COUNT.glob("covmeta.*"))
FIRST, SECOND = sorted(COUNT.glob("covcounters.*"))
PARCEL = "example.com/depot/zone0/row0/leg0/parcel.go"
NEVER = 5  # the index of a function of the package with index 1
HASH = META.name.partition(".")[2]


def read(*files):
    """Of paths, or (name, bytes)."""
    return FORMAT.read(
        [Input.of_path(file) if isinstance(file, Path) else Input.of_bytes(*file) for file in files], NoSources()
    )


def hits(report):
    return {path: list(file.blocks.hits) for (_, path), file in report.files.items()}


def counters(values, name=f"covcounters.{HASH}.7.8", flavour=2, hash_=HASH, footer=(b"\0cwm", 1), big=0):
    """A file of (package, function, counters)."""
    numbers = [number for package, function, counts in values for number in (len(counts), package, function, *counts)]
    data = (
        struct.pack(f"{'>' if big else '<'}{len(numbers)}I", *numbers) if flavour == 1 else b"".join(map(uleb, numbers))
    )
    head = struct.pack("<4sI16sBB6x", b"\0cwm", 1, bytes.fromhex(hash_), flavour, big)
    segment = struct.pack("<QII", len(values), 4, 4) + b"\1\0\0\0" + bytes(4)
    return name, head + segment + data + struct.pack("<4s4xI4x", *footer)


def uleb(number):
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_tells_what_go_tells(case):
    told = json.loads((case / "expected.json").read_text())
    report = read(*sorted(case.glob("cov*")))
    text = PROFILES.read([Input.of_bytes("textfmt", told["textfmt"].encode())], NoSources())
    assert {key: file.blocks for key, file in report.files.items()} == {
        k: file.blocks for k, file in text.files.items()
    }
    assert {file.mode for file in report.files.values()} == {"set" if case.name.endswith("-set") else "count"}
    assert f"{report.totals.statements.percent:.1f}" == told["total"]
    named = {(path.rpartition("/")[2], one.name) for (_, path), file in report.files.items() for one in file.functions}
    assert named == {(file, name) for file, name, _ in told["functions"]}
    ran = {
        (path.rpartition("/")[2], one.name)
        for (_, path), file in report.files.items()
        for one in file.functions
        if one.hits
    }
    assert ran == {(file, name) for file, name, percent in told["functions"] if percent != "0.0"}
    assert [(source.format, source.capture.pid > 0) for source in report.sources] == [("gocovdata", True)] * 2
    assert not report.notes


def test_processes_add_up_whatever_the_order_and_once_each():
    both, one, two = hits(read(META, FIRST, SECOND)), hits(read(META, FIRST)), hits(read(META, SECOND))
    assert both == {path: [a + b for a, b in zip(one[path], two[path], strict=True)] for path in one}
    assert hits(read(SECOND, FIRST, META, META, FIRST)) == both
    with pytest.raises(FormatError, match="another content"):
        read(META, FIRST, (f"elsewhere/{FIRST.name}", SECOND.read_bytes()))


def test_a_build_that_never_ran_is_at_0():
    report = read(META)
    assert report.totals.statements.covered == 0
    assert report.totals.statements.total > 50
    assert [source.path for source in report.sources] == [str(META)]


def test_a_covmeta_alone_is_told():
    (told,) = read(META).notes
    assert told.startswith(f"nothing that ran is recorded beside {META}: ")
    assert read(META, counters([])).notes == ()


def test_counters_saturate_as_in_go():
    most = 2**32 - 1
    one = counters([(1, NEVER, [most, 1, 2, 0, 0])], f"covcounters.{HASH}.1.1")
    two = counters([(1, NEVER, [5, most, 1, 0, 0])], f"covcounters.{HASH}.2.2")
    file = read(META, one, two).files[None, PARCEL]
    assert sorted(file.blocks.hits)[-4:] == [0, 3, most, most]
    assert file.functions[-1].hits == most


@pytest.mark.parametrize(("flavour", "big"), [(1, 0), (1, 1), (2, 0)])
def test_flavours_of_counters(flavour, big):
    report = read(META, counters([(1, NEVER, [7, 300, 2**32 - 1, 0, 1])], flavour=flavour, big=big))
    assert sorted(hits(report)[PARCEL])[-4:] == [1, 7, 300, 2**32 - 1]


def test_counters_of_another_build_are_told_and_refused_alone():
    stranger = counters([(0, 0, [1])], "out/covcounters.x", hash_="ab" * 16)
    report = read(META, FIRST, stranger)
    assert hits(report) == hits(read(META, FIRST))
    assert report.notes == ("counters of builds whose covmeta is not here do not count: out/covcounters.x",)
    with pytest.raises(FormatError, match=r"covmeta\.abab") as refused:
        read(stranger)
    assert refused.value.path == "out/covcounters.x"


def test_unfinished_files_are_told():
    report = read(META, FIRST, (f"d/tmp.covcounters.{HASH}.1.2", b"\0cwm"))
    assert hits(report) == hits(read(META, FIRST))
    assert report.notes == (f"unfinished files do not count: d/tmp.covcounters.{HASH}.1.2",)


def test_builds_of_several_modes_make_a_set_and_a_note():
    atomic, set_ = (next(GOLDEN.glob(f"*-{mode}")) for mode in ("atomic", "set"))
    report = read(*sorted(atomic.glob("cov*")), *sorted(set_.glob("cov*")))
    assert {file.mode for file in report.files.values()} == {"set"}
    assert {count for counts in hits(report).values() for count in counts} == {0, 1}
    assert "mode set" in report.notes[0]


def test_one_counter_a_function_counts_for_its_blocks():
    meta = bytearray(META.read_bytes())
    meta[49] = 2
    report = read(("covmeta", bytes(meta)), counters([(1, NEVER, [9])]))
    assert list(hits(report)[PARCEL])[-6:] == [0, 9, 9, 9, 9, 9]


def test_a_file_of_two_sources_is_refused():
    meta = bytearray(META.read_bytes())
    at = meta.index(bytes([66, 30, 67, 12, 1]))  # the first block of Never
    meta[24:40], meta[at] = bytes(16), 65
    with pytest.raises(SourceMismatch):
        read(META, ("covmeta.0", bytes(meta)))


@pytest.mark.parametrize(
    ("data", "why", "offset"),
    [
        (META.read_bytes()[:40], "cut off", 40),
        (META.read_bytes()[:-1], "cut off", len(META.read_bytes()) - 1),
        (b"\0cvm\2" + META.read_bytes()[5:], "version 2", 4),
        (META.read_bytes()[:48] + b"\x04" + META.read_bytes()[49:], "counter mode 4", 48),
        (META.read_bytes()[:16] + b"\xff" * 8 + META.read_bytes()[24:], "cut off", len(META.read_bytes())),
        (META.read_bytes()[:56] + b"\xff" * 8 + META.read_bytes()[64:], "not within it", 2**64 - 1),
        (FIRST.read_bytes()[:40], "cut off", 40),
        (FIRST.read_bytes()[:-16], "no footer", len(FIRST.read_bytes()) - 16),
        (b"\0cwm\2" + FIRST.read_bytes()[5:], "version 2", 4),
        (counters([(0, 0, [1])], flavour=3)[1], "flavour 3", 24),
        (counters([(0, 0, [1])], footer=(b"\0cwm", 2))[1], "2 segments", 64 + 4 - 8),
        (FIRST.read_bytes()[:40] + b"\xff" * 4 + FIRST.read_bytes()[44:], "string table", len(FIRST.read_bytes())),
    ],
)
def test_refuses_with_the_offset(data, why, offset):
    with pytest.raises(FormatError, match=why) as refused:
        read(META, ("x", data))
    assert (refused.value.path, refused.value.offset) == ("x", offset)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([(99, 0, [1])], "no function 0 of package 99"),
        ([(0, 999, [1])], "no function 999 of package 0"),
        ([(1, NEVER, [1])], "1 counters for 5 blocks"),
    ],
)
def test_refuses_counters_of_what_was_not_built(values, why):
    with pytest.raises(FormatError, match=why):
        read(META, counters(values))


def test_refuses_fewer_counters_than_told():
    name, data = counters([(0, 0, [1, 2, 3])])
    with pytest.raises(FormatError, match="cut off within"):
        read(META, (name, data[:32] + struct.pack("<Q", 2**63) + data[40:]))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 16383, 16384, 2**21, 2**32 - 1, 2**56])
def test_numbers(value):
    assert loop.numbers(uleb(value) + uleb(5) + uleb(value)) == [value, 5, value]
    assert loop.one_number(b"x" + uleb(value) + b"x", 1) == (value, 1 + len(uleb(value)))


@pytest.mark.parametrize("data", [b"\x80", b"\x01\x80", b"\xff\xff", b"\xff" * 20 + b"\1"])
def test_numbers_cut_off(data):
    with pytest.raises(ValueError):  # noqa: PT011 - there are two
        loop.numbers(data)


def test_the_covmeta_of_every_folder_counts_once_and_is_refused_where_it_is_cut():
    again = (f"other/{META.name}", META.read_bytes())
    assert read(META, again, FIRST) == read(META, FIRST)
    with pytest.raises(FormatError, match="cut off"):
        read(META, (f"other/{META.name}", META.read_bytes()[:-1]), FIRST)
    with pytest.raises(FormatError, match="version 2"):
        read(META, (f"other/{META.name}", b"\0cvm\2" + META.read_bytes()[5:]), FIRST)
