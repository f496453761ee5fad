from __future__ import annotations

import pytest
from parcels.tracking import Number, issue, parse


def test_an_issued_number_is_read_back():
    assert issue(47, 312_455) == "047 0031 2455 4"
    assert parse(issue(47, 312_455)) == Number("047", "00312455")


@pytest.mark.parametrize("serial", range(20))
def test_every_check_digit_is_right(serial):
    assert parse(issue(1, serial)) is not None


@pytest.mark.parametrize("text", ["", "47", "047 0031 2455 5", "047 0031 2455 x"])
def test_what_is_not_a_number(text):
    assert parse(text) is None


def test_numbers_have_a_range():
    with pytest.raises(ValueError, match="out of range"):
        issue(1_000, 0)
