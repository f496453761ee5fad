"""The fuzzing itself finds what is wrong, in a format made to be wrong, and goes on where it ended."""

from __future__ import annotations

import sqlite3
import sys
import threading

import pytest
from fuzz import cases, structured
from fuzz.campaign import Campaign, tried
from fuzz.making import Maker
from fuzz.mutations import ANY, LARGE, MOST, Dice
from fuzz.reached import Reached
from fuzz.reducing import reduced

from covey import plugins

BRITTLE = """
import os
from pathlib import Path

from covey.errors import FormatError
from covey.formats.base import Format
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report

MENDED = Path(__file__).with_name("mended")


class Brittle(Format):
    name = "brittle"

    def sniff(self, name, head):
        return head.startswith(b"brittle")

    def read(self, files, sources):
        data = b"".join(file.read(1 << 20) for file in files)
        if MENDED.exists():
            raise FormatError("no", path=files[0].name)
        if b"abort" in data or b"\\0" in data:
            os.abort()
        while b"hang" in data:
            pass
        if b"eat" in data:
            return bytearray(1 << 31)
        if b"nobody" in data:
            raise FormatError("damaged")
        if b"early" in data:
            raise FormatError("damaged", path=files[0].name, line=0)
        if b"order" in data:
            return Report.of([FileCoverage("a", Lines(Lines.of({2: 1}).numbers * 2, Lines.of({2: 1}).hits * 2))])
        return Report.of([FileCoverage("a", Lines.of({int(row): 1 for row in data.split()[1:]}))])

    def write(self, report, out):
        out.write(b"brittle\\n1\\n2\\n3\\n")


FORMAT = Brittle()
"""


@pytest.fixture
def brittle(tmp_path, monkeypatch):
    """A package that brings the format, as pip would have installed it; its folder."""
    site = tmp_path / "site"
    (site / "brittle-1.0.dist-info").mkdir(parents=True)
    (site / "brittle.py").write_text(BRITTLE)
    (site / "brittle-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: brittle\nVersion: 1.0\n")
    (site / "brittle-1.0.dist-info/entry_points.txt").write_text("[covey.formats]\nbrittle = brittle:FORMAT\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    return site


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"brittle 7", ""),
        (b"brittle x", "ValueError"),
        (b"brittle 0", "ValueError"),
        (b"brittle eat", "MemoryError"),
        (b"brittle abort", "ends the process by SIGABRT"),
        (b"brittle hang", "takes too long"),
        (b"brittle nobody", "refused without naming the file"),
        (b"brittle early", "refused at a place that is none"),
        (b"brittle order", "lines that do not ascend"),
    ],
)
def test_what_is_wrong_is_found(brittle, tmp_path, text, wrong):
    _, told, _ = tried("brittle", ((cases.ONLY, text),), tmp_path / "here", limit=1)
    assert wrong in told
    assert bool(wrong) == bool(told)


def test_findings_are_small_and_survive_what_ends_the_process_and_go_when_mended(brittle, tmp_path):
    first = Campaign("brittle", tmp_path / "here", count=20, most_deaths=99, reducing=1).run()
    assert first.inputs == first.all == 20
    texts = [path.with_suffix(".txt").read_text() for path in first.found]
    assert any(text.startswith("ends the process by SIGABRT") for text in texts)
    small = [path for path, text in zip(first.found, texts, strict=True) if text.startswith("ValueError")]
    assert small
    assert all(cases.size(cases.load(path)) < 20 for path in small)
    again = Campaign("brittle", tmp_path / "here", count=5, most_deaths=99, reducing=1).run()
    assert (again.inputs, again.all) == (5, 25)
    (brittle / "mended").touch()
    mended = Campaign("brittle", tmp_path / "here", count=5).run()
    assert (mended.all, mended.found) == (30, ())


def test_what_is_stopped_ends_soon_and_keeps_its_place(tmp_path):
    stopped = threading.Event()
    stopped.set()
    ended = Campaign("sonar", tmp_path, seconds=600, stopped=stopped).run()
    assert ended.found == ()
    assert Campaign("sonar", tmp_path, count=5).run().all == ended.all + 5


@pytest.mark.parametrize("name", plugins.names("formats"))
def test_input_n_is_the_same_each_time_and_no_larger_than_it_may_be(name):
    seeds = cases.seeds(name, plugins.load("formats", name))
    one, two = (Maker(name, seeds, seeds[:1]) for _ in range(2))
    made = [one.make(number) for number in range(0, 400, 10)]
    assert made == [two.make(number) for number in range(0, 400, 10)]
    assert len(set(made)) > 30


def test_any_bytes_can_be_changed():
    for number, change in enumerate([*ANY, *LARGE, structured.wrapped] * 20):
        dice = Dice(number)
        for data in (b"", b"x", b"a 1\nb 2\n", dice.randbytes(50)):
            assert len(change(data, dice)) <= 2 * MOST


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 990 + b"]" * 990,
        b"[" * 99999,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"{}",
        b"<a",
        b"<",
        b"<a" + b"x" * (200 << 10),
    ],
)
def test_what_is_deep_or_broken_can_be_changed(data):
    change = structured.of(data)
    for number in range(60):
        assert isinstance(change(data, Dice(number)), bytes)


def test_an_empty_database_can_be_changed():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE x (a)")
    connection.execute("DROP TABLE x")
    assert isinstance(structured.database(connection.serialize(), Dice(1)), bytes)


@pytest.mark.parametrize("room", ["coveragepy", "istanbul", "jacoco"])
def test_what_a_file_says_can_be_changed(room):
    for ((_, data),) in cases.golden(room, plugins.load("formats", room)):
        change = structured.of(data)
        dice = Dice(1)
        assert len({change(data, dice) for _ in range(40)}) > 20


def test_a_case_comes_back_from_disk(tmp_path):
    for number, case in enumerate([((cases.ONLY, b"1"),), (("a/b", b""), ("../c", b"2"))]):
        assert cases.load(cases.save(case, tmp_path / str(number))) == case
    assert len(cases.stored(tmp_path)) == 2


def test_what_is_made_small_still_shows_it():
    case = (("a", b"nothing"), ("b", b"some" * 50 + b"here" + b"more" * 30))
    steps = iter(range(2000))
    assert reduced(
        case, lambda one: b"here" in b"".join(data for _, data in one), lambda: next(steps, None) is not None
    ) == ((cases.ONLY, b"here"),)


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="Python 3.12 and newer can tell which lines are reached")
def test_a_line_that_is_reached_counts_once():
    from covey.formats import intake

    reached = Reached()
    try:
        reached.watch()
        intake.line_of(3)
        first = reached.new
        intake.line_of(4)
        assert first > 0
        assert reached.new == first
    finally:
        sys.monitoring.free_tool_id(sys.monitoring.COVERAGE_ID)
