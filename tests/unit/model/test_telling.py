"""Numbers and names as sentences have them."""

from __future__ import annotations

from covey.model.telling import files, many, several_at, some


def test_one_and_many():
    assert [files(count) for count in (0, 1, 2, 1234)] == ["0 files", "1 file", "2 files", "1,234 files"]
    assert many(1, "class does", "classes do") == "1 class does"
    assert many(2, "class does", "classes do") == "2 classes do"


def test_the_first_few_and_how_many_more():
    assert some([]) == ""
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(list("abcd")) == "a, b, c and 1 more"
    assert some(["a"] * 1237) == "a, a, a and 1,234 more"


def test_files_of_one_place_are_told_alike_by_all_formats():
    assert several_at("x.json", "a.py") == "several files of x.json are a.py in the repository"
