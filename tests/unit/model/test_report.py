"""Columns, totals and proportions."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.reports import branches

from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.ratio import Ratio
from covey.model.report import FileCoverage, Report

RATIOS = st.integers(0, 10_000).flatmap(lambda total: st.builds(Ratio, st.integers(0, total), st.just(total)))


def test_lines_read_as_a_mapping():
    lines = Lines.of({7: 0, 2: 3})
    assert dict(lines) == {2: 3, 7: 0}
    assert (lines[2], lines.get(3), len(lines), lines.missing) == (3, None, 2, [7])
    with pytest.raises(KeyError):
        lines[5]
    with pytest.raises(ValueError, match="start at 1"):
        Lines.of({0: 1})


@given(branches())
def test_branching_lines_are_told_by_how_many_arms_ran_of_how_many(arms):
    expected = {line: (sum(arm.hits > 0 for arm in row), len(row)) for line, row in arms.by_line().items()}
    assert list(arms.forks().items()) == list(expected.items())


@pytest.mark.parametrize("path", ["", "/a", "./a", "a/../b", "..", "a//b", "a/", "a\0b"])
def test_a_path_is_relative_to_its_repository(path):
    with pytest.raises(ValueError, match="repository-relative"):
        FileCoverage(path)


def test_totals_count_each_kind_by_itself():
    file = FileCoverage(
        "a.go",
        Lines.of({1: 1, 2: 0}),
        Branches.of([Arm(1, "0", 2), Arm(1, "1", 0)]),
        Functions.of([Function("f", 1, 2, 1)]),
        Blocks.of([Block(1, 1, 1, 9, 3, 1), Block(2, 1, 2, 9, 1, 0)]),
    )
    totals = Report.of([file, FileCoverage("b.py", Lines.of({1: 1}))]).totals
    assert (totals.lines, totals.branches) == (Ratio(2, 3), Ratio(1, 2))
    assert (totals.functions, totals.statements) == (Ratio(1, 1), Ratio(4, 5))  # without blocks lines are statements


def test_a_file_or_an_arm_cannot_be_there_twice():
    with pytest.raises(ValueError, match="twice"):
        Report.of([FileCoverage("a"), FileCoverage("a")])
    with pytest.raises(ValueError, match="twice"):
        Branches.of([Arm(1, "0", 1), Arm(1, "0", 2)])


@given(RATIOS, st.integers(0, 3))
def test_rounding_never_shows_a_false_0_or_100(ratio, digits):
    shown = ratio.shown(digits)
    if not ratio.total:
        assert shown == "-"
        return
    assert (Decimal(shown) == 0) == (ratio.covered == 0)
    assert (Decimal(shown) == 100) == (ratio.covered == ratio.total)
    assert abs(Decimal(shown) - Decimal(ratio.covered) * 100 / ratio.total) <= Decimal(1).scaleb(-digits)


@given(RATIOS, RATIOS, RATIOS)
def test_proportions_add_up_in_any_grouping(one, two, three):
    assert (one + two) + three == one + (two + three)
    assert one + Ratio() == one


def test_thresholds_are_compared_exactly():
    assert Ratio(849, 1000).below(85)
    assert not Ratio(85, 100).below(85)
    assert Ratio(2, 3).below(Decimal("66.67"))
    assert not Ratio(0, 0).below(100)
