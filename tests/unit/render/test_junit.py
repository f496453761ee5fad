"""JUnit as text: same bytes, sums of folders, thresholds compared exactly."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
import shown_project

from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Lines
from covey.model.report import FileCoverage, Report
from covey.render.base import Options
from covey.render.junit import MOST_FOLDERS, RENDERER


def shown(report, **options):
    out = io.BytesIO()
    RENDERER.render(report, out, Options(**options))
    return out.getvalue().decode()


def cases(report, **options):
    root = ET.fromstring(shown(report, **options))
    return {case.get("name"): case for case in root.iter("testcase")}


@pytest.mark.parametrize(
    ("missed", "told"),
    [
        ({3}, "2 of 3 lines ran; line 3 did not run"),
        ({1, 2}, "1 of 3 lines ran; lines 1-2 did not run"),
    ],
)
def test_a_failure_says_which_lines_did_not_run(missed, told):
    file = FileCoverage("a.py", Lines.of({n: int(n not in missed) for n in (1, 2, 3)}))
    assert cases(Report.of([file]), threshold=Decimal(90))["a.py"].findtext("failure") == told


def test_equal_reports_give_equal_bytes():
    assert shown(shown_project.own()) == shown(shown_project.own())


@pytest.mark.parametrize(
    ("covered", "threshold", "message"),
    [
        (1999, "99.95", None),
        (1999, "99.951", "99.9% of lines, 99.951% wanted"),
        (1999, "100", "99.9% of lines, 100% wanted"),
        (999, "50", "49.95% of lines, 50% wanted"),
        (1000, "50", None),
        (1998, "99.9", None),
    ],
)
def test_a_threshold_is_compared_exactly_and_the_message_reads_so(covered, threshold, message):
    file = FileCoverage("a.py", Lines.of({n: int(n <= covered) for n in range(1, 2001)}))
    failure = cases(Report.of([file]), threshold=Decimal(threshold))["a.py"].find("failure")
    assert (None if failure is None else failure.get("message")) == message


def test_without_a_threshold_nothing_fails():
    text = shown(shown_project.own())
    assert "<failure" not in text
    assert re.search(r'failures="0"', text)


def test_each_metric_has_its_figure():
    blocks = Blocks.of([Block(1, 1, 1, 9, 7, 1), Block(2, 1, 2, 9, 3, 0)])
    file = FileCoverage("a.go", Lines.of({1: 1, 2: 0}), Branches.of([Arm(1, "0", 1), Arm(1, "1", 0)]), blocks=blocks)
    report = Report.of([file])
    figures = {
        metric: cases(report, metric=metric)["a.go"].find("properties/property").get("value")
        for metric in ("cover", "lines", "statements", "branches")
    }
    assert figures == {"cover": "66.7", "lines": "50.0", "statements": "70.0", "branches": "50.0"}
    assert "a.go" not in cases(report, metric="functions")


def test_folders_of_several_repositories_keep_apart():
    files = [FileCoverage("src/main.py", Lines.of({1: n}), repository=name) for n, name in enumerate(("one", "two"))]
    found = cases(Report.of(files))
    assert found["one//src/"].find("properties/property").get("value") == "0.0"
    assert found["two//src/"].find("properties/property").get("value") == "100.0"


def test_a_name_of_very_many_folders_does_not_make_a_row_of_each():
    deep = "/".join(f"d{number}" for number in range(3000)) + "/a.py"
    found = cases(Report.of([FileCoverage(deep, Lines.of({1: 1}))]))
    assert len(found) == 2 + MOST_FOLDERS
    assert {"d0/", "d0/d1/", deep} < found.keys()
