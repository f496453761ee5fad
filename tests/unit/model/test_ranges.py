"""Lines as text, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.model.ranges import bit_set, counted, from_ranges, to_ranges
from covey.model.report import bits


@given(st.sets(st.integers(1, 2000)))
def test_there_and_back(lines):
    text = to_ranges(sorted(lines))
    assert from_ranges(text) == sorted(lines)
    assert bit_set(text) == bits(lines)
    assert counted(text) == (len(lines), max(lines, default=0))


def test_runs_are_joined():
    assert to_ranges([1, 2, 3, 7, 9, 10]) == "1-3,7,9-10"
    assert to_ranges([3, 5], ", ") == "3, 5"


@pytest.mark.parametrize(
    "text", ["0", "1-", "-1", "3-1", "2,1", "1,1", "1-3,3", "a", "1.5", " 1", "²", "99999999999", ","]
)
def test_what_is_no_list_of_lines_is_refused(text):
    with pytest.raises(ValueError, match="line"):
        from_ranges(text)
    with pytest.raises(ValueError, match="line"):
        counted(text)


def test_a_short_text_cannot_fill_the_memory():
    with pytest.raises(ValueError, match="more than 100"):
        from_ranges("1-2000000000", most=100)
