"""Inputs that have sources in common: where they count once, and where being the same changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.model.counted import Lines
from covey.model.merge import counted_once, merge, with_slice
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Report

KEY = (None, "a.py")


def report(lines, *digests):
    return Report.of([FileCoverage("a.py", Lines.of(lines))], [Provenance(digest=f"sha256:{one}") for one in digests])


UNIT = report({1: 2, 2: 0, 3: 1}, "unit")
E2E = report({1: 0, 2: 4, 3: 1}, "e2e")
ALL = merge([UNIT, E2E])


def hits(found):
    return dict(found.files[KEY].lines)


def test_what_is_taken_from_itself_is_gone():
    assert hits(merge([UNIT, UNIT], "subtract")) == {1: 0, 2: 0, 3: 0}
    assert hits(merge([UNIT, UNIT], "intersect")) == {1: 2, 2: 0, 3: 1}


@pytest.mark.parametrize(
    ("pair", "left"),
    [((ALL, UNIT), {1: 0, 2: 4, 3: 0}), ((UNIT, ALL), {1: 0, 2: 0, 3: 0}), ((ALL, E2E), {1: 2, 2: 0, 3: 0})],
)
def test_a_part_is_taken_from_the_whole_that_it_is_in(pair, left):
    assert hits(merge(pair, "subtract")) == left


def test_one_content_in_two_parts_counts_once_and_is_in_both():
    both = merge([with_slice(UNIT, "part:one"), with_slice(UNIT, "part:two")])
    assert hits(both) == hits(UNIT)
    assert both.slices["part:one"] == both.slices["part:two"] == {KEY: 0b1010}


def test_many_equal_inputs_are_one_note():
    named = [replace(UNIT, sources=(replace(UNIT.sources[0], path=f"{number}.info"),)) for number in range(4000)]
    told = "3,999 inputs hold the same as another and count once: "
    assert merge(named).notes == (f"{told}1.info (as 0.info), 2.info (as 0.info), 3.info (as 0.info) and 3,996 more",)
    assert merge(named[:2]).notes == ("1.info holds the same as 0.info and counts once",)


def test_equal_inputs_that_were_counted_each_are_one_source_to_later_merges():
    counted = merge(map(counted_once, [UNIT, replace(UNIT)]), collapse=False)
    assert hits(counted) == {1: 2, 2: 0, 3: 2}
    assert hits(merge([counted, E2E])) == {1: 2, 2: 4, 3: 3}
