"""Branches of a merge are marked as a lower bound where an input ran a branching line and counts no branches there."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace

import pytest

from covey.model.counted import Arm, Branches, Lines
from covey.model.merge import merge
from covey.model.report import FileCoverage, Report

BRANCHES = Branches.of([Arm(1, "->2", 1), Arm(1, "->3", 0)])
UNIT = FileCoverage("a.py", Lines.of({1: 1, 2: 1, 3: 0}), BRANCHES)


def of(*files):
    return merge([Report.of([file]) for file in files]).files[None, "a.py"]


def test_a_line_that_ran_where_no_branches_are_counted():
    e2e = FileCoverage("a.py", Lines.of({1: 1, 2: 0, 3: 1}))
    assert of(UNIT, e2e).inexact == {"branches"}
    assert of(e2e, UNIT).inexact == {"branches"}


@pytest.mark.parametrize("keys", [("?0", "?1"), ("0", "1"), ("@4,0", "@4,1"), ("jump to line 2", "jump to line 3")])
def test_arms_of_one_suite_in_two_formats_count_once(keys):
    """coverage.py's data tells where they lead, its Cobertura counts them, its LCOV numbers or describes them."""
    counted = replace(UNIT, branches=Branches.of([Arm(1, keys[0], 1), Arm(1, keys[1], 0)]))
    both = of(UNIT, counted)
    assert (both.branches.ratio.covered, both.branches.ratio.total) == (1, 2)
    assert both.inexact == {"branches"}
    report = Report.of([both, FileCoverage("b.py")])
    assert list(report.told_once().files[None, "a.py"].branches) == [Arm(1, "?0", 1), Arm(1, "?1", 0)]
    assert report.told_once().files[None, "b.py"] is report.files[None, "b.py"]


@pytest.mark.parametrize(
    "other",
    [
        UNIT,
        FileCoverage("a.py", Lines.of({1: 0, 2: 0, 3: 0})),
        FileCoverage("a.py", Lines.of({2: 1})),
        FileCoverage("a.py"),
        FileCoverage("a.py", Lines.of({1: 1, 2: 1}), Branches.of([Arm(1, "->2", 1)])),
    ],
)
def test_nothing_is_lost_where_the_line_did_not_run_or_its_branches_are_counted(other):
    assert of(UNIT, other).inexact == frozenset()


def test_order_and_grouping_do_not_matter():
    files = [UNIT, FileCoverage("a.py", Lines.of({1: 0})), FileCoverage("a.py", Lines.of({1: 2, 3: 1}))]
    reports = [Report.of([file]) for file in files]
    for one, two, three in itertools.permutations(reports):
        left = merge([merge([one, two]), three]).files[None, "a.py"]
        right = merge([one, merge([two, three])]).files[None, "a.py"]
        assert left.inexact == right.inexact == {"branches"}


def test_what_is_written_of_arms_told_twice_has_them_once():
    from covey.flows.show import show
    from covey.render.base import Options

    counted = replace(UNIT, branches=Branches.of([Arm(1, "?0", 1), Arm(1, "?1", 0)]))
    report, out = Report.of([of(UNIT, counted)]), io.BytesIO()
    show(report, "lcov", out, Options())
    assert out.getvalue().count(b"BRDA:1,") == 2
    native = io.BytesIO()
    show(report, "json", native, Options())
    assert b'"?1"' in native.getvalue()  # kept for merging further
    assert b'"->3"' in native.getvalue()
