"""Lines as text, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.model.ranges import bit_set, counted, to_ranges
from covey.model.report import bits


@given(st.sets(st.integers(1, 2000)))
def test_there_and_back(lines):
    text = to_ranges(sorted(lines))
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
        counted(text)
    with pytest.raises(ValueError, match="line"):
        bit_set(text)


def test_a_short_text_that_names_very_many_is_counted_without_making_them():
    assert counted("1-2000000000") == (2_000_000_000, 2_000_000_000)
    with pytest.raises(ValueError, match="out of bounds"):
        counted("1-2000000000", limit=100)
