"""Files of the real tools, several versions, read as the tools themselves tell of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from covey import plugins
from covey.formats.base import Input
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.report import lines_of

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(
    (room, path)
    for room in ("cobertura", "coveragepy", "gcov", "lcov", "llvm")
    for path in (GOLDEN / room).glob("*/*")
    if (path.parent / "expected.json").exists() and path.name != "expected.json"
)
CAPTURES = sorted((GOLDEN / "segments").glob("*/capture.json"))


def told(path):
    return json.loads((path.parent / "expected.json").read_text())["files"]


def listed_in_lcov(path, name):
    section = path.read_text().partition(f"SF:{name}\n")[2].partition("end_of_record")[0]
    return [int(line) for line in re.findall(r"^DA:([1-9]\d*),1", section, re.MULTILINE)]


def names_no_arms(path):
    """The JSON of coverage.py 5 only counts its branches."""
    return path.name == "report.json" and path.parent.name == "coveragepy-5.5-branch"


def counts_comprehensions(path):
    """Up to 7.6 coverage.py took a comprehension for a branch; data is judged by the coverage.py that is installed.
    Its LCOV then listed what it did not count."""
    return path.parent.name.startswith(("coveragepy-5", "coveragepy-6", "coveragepy-7.6"))


@pytest.mark.parametrize(
    ("room", "path"), CASES, ids=lambda value: getattr(value, "parent", value) and str(value)[-45:]
)
def test_reads_what_the_tool_tells(room, path):
    source = GOLDEN / ("coveragepy/source" if path.parent.name.startswith("coveragepy") else "c")
    report = plugins.load("formats", room).read([Input.of_path(path)], CheckoutSources(source))
    expected = told(path)
    assert {key[1] for key in report.files} == set(expected)
    for (_, name), file in report.files.items():
        wanted = expected[name]
        if room == "lcov" and counts_comprehensions(path):
            wanted["executed"] = listed_in_lcov(path, name)  # docstrings too: LF and LH say otherwise
        assert [line for line, hits in file.lines.items() if hits] == wanted["executed"], name
        assert file.lines.missing == wanted["missing"], name
        assert list(file.lines.hits) == wanted.get("hits", [int(n in wanted["executed"]) for n in file.lines]), name
        if names_no_arms(path):
            assert file.inexact == ({"branches"} if wanted["branches"][1] else set())
            continue
        assert not file.inexact
        if path.suffix not in (".dump", ".sqlite", ".lcov") or not counts_comprehensions(path):
            ratio = file.totals.branches
            assert [ratio.covered, ratio.total] == wanted["branches"], name
        if "functions" in wanted:
            ratio = file.totals.functions
            assert [ratio.covered, ratio.total] == wanted["functions"], name
    assert report.sources[0].format == room
    assert report.sources[0].digest.startswith("sha256:")


@pytest.mark.parametrize("path", sorted((GOLDEN / "coveragepy").glob("coveragepy-*")), ids=lambda path: path.name)
def test_dump_and_database_are_one(path):
    read = plugins.load("formats", "coveragepy").read
    sources = CheckoutSources(GOLDEN / "coveragepy/source")
    database, dump = (read([Input.of_path(path / name)], sources) for name in ("data.sqlite", "data.dump"))
    assert database.files == dump.files
    assert database.slices == dump.slices
    tests = {name.rpartition(".")[2] for name in database.slices}
    assert tests == {"test_total", "test_receipt"}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_the_agent_sees_what_coverage_sees(path):
    segments, sources = plugins.load("formats", "segments"), CheckoutSources(GOLDEN / "coveragepy/source")
    report = segments.complete(segments.read([Input.of_path(path)], sources), sources)
    expected = told(GOLDEN / "coveragepy/coveragepy-7.17.3/data.sqlite")
    assert {
        name: ([line for line, hits in file.lines.items() if hits], file.lines.missing)
        for (_, name), file in report.files.items()
    } == {name: (wanted["executed"], wanted["missing"]) for name, wanted in expected.items()}
    total = {name: lines_of(bit_set) for (_, name), bit_set in report.slices["test:test_total"].items()}
    assert total == {"shop/till.py": [11, 15, 16, 17, 18, 19], "try_it.py": [5, 6]}
    assert [source.agent for source in report.sources] == ["python"]
    assert report.sources[0].capture.pid > 0


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_without_the_source_the_line_tables_count(path):
    report = plugins.load("formats", "segments").read([Input.of_path(path)], NoSources())
    till = report.files[None, "srv/shop/shop/till.py"]
    assert set(till.lines.missing) >= {32, 33, 34, 38}
    assert not till.inexact
    assert any("lines of their code objects" in note for note in report.notes)


def test_without_a_checkout_only_what_ran_is_known():
    path = GOLDEN / "coveragepy/coveragepy-7.17.3/data.sqlite"
    report = plugins.load("formats", "coveragepy").read([Input.of_path(path)], NoSources())
    file = report.files[None, "srv/shop/shop/till.py"]
    assert file.lines.ratio.percent == 100
    assert file.inexact == {"lines", "missing"}
    assert any("only what ran is known" in note for note in report.notes)


def test_functions_of_both_lcov_kinds():
    lcov = plugins.load("formats", "lcov")
    path = GOLDEN / "lcov/coveragepy-7.17.3/report.lcov"
    report = lcov.read([Input.of_path(path)], CheckoutSources(GOLDEN / "coveragepy/source"))
    till = report.files[None, "shop/till.py"]
    assert {(one.name, one.first, one.last, one.hits) for one in till.functions} == {
        ("total", 9, 19, 1), ("receipt", 22, 28, 1), ("refund", 31, 34, 0),
    }  # fmt: skip
    newer = "SF:a.c\nFNL:0,3,9\nFNA:0,4,one\nFNA:0,1,two\nFNL:1,12\nFNA:1,0,three\nDA:3,5\nend_of_record\n"
    report = lcov.read([Input.of_bytes("x", newer.encode())], NoSources())
    assert [(one.name, one.first, one.last, one.hits) for one in report.files[None, "a.c"].functions] == [
        ("one", 3, 9, 4), ("two", 3, 9, 1), ("three", 12, None, 0),
    ]  # fmt: skip
