"""Branches of a merge are marked as a lower bound where an input ran a branching line and counts no branches there."""

from __future__ import annotations

import itertools

import pytest

from covey.model.counted import Arm, Branches, Lines
from covey.model.merge import merge
from covey.model.report import FileCoverage, Report

BRANCHES = Branches.of([Arm(1, "2", 1), Arm(1, "3", 0)])
UNIT = FileCoverage("a.py", Lines.of({1: 1, 2: 1, 3: 0}), BRANCHES)


def of(*files):
    return merge([Report.of([file]) for file in files]).files[None, "a.py"]


def test_a_line_that_ran_where_no_branches_are_counted():
    e2e = FileCoverage("a.py", Lines.of({1: 1, 2: 0, 3: 1}))
    assert of(UNIT, e2e).inexact == {"branches"}
    assert of(e2e, UNIT).inexact == {"branches"}


@pytest.mark.parametrize(
    "other",
    [
        UNIT,
        FileCoverage("a.py", Lines.of({1: 0, 2: 0, 3: 0})),
        FileCoverage("a.py", Lines.of({2: 1})),
        FileCoverage("a.py"),
        FileCoverage("a.py", Lines.of({1: 1, 2: 1}), Branches.of([Arm(1, "2", 1)])),
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
