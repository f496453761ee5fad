"""Attributes where nobody's repository is meant: macros that lead to each other, patterns made to take for ever."""

from __future__ import annotations

import pytest

from covey.errors import UsageError
from covey.model.attributes import AttributeFile, Attributes
from covey.model.globs import Glob, compiled

WANTED = ("generated",)


def of(path, text, **inner):
    files = {"": AttributeFile.parse(text.encode())}
    files |= {folder: AttributeFile.parse(lines.encode(), folder) for folder, lines in inner.items()}
    return Attributes(files, AttributeFile(), WANTED).of(path)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("*.py one", {"generated": True}),
        ("*.py one\n*.py -one", {}),
        ("*.py one\n*.py -three", {}),
        ("*.py one\n*.py other", {"generated": True}),
        ("*.py one\n*.py -two other", {}),
        ("*.py -one generated=no", {"generated": "no"}),
    ],
)
def test_macros_lead_on_also_in_circles_and_until_one_is_unset(text, state):
    macros = "[attr]one two\n[attr]two one three\n[attr]three generated one\n[attr]other one2\n"
    assert of("pkg/a.py", macros + text) == state


def test_a_nearer_file_speaks_first():
    assert of("pkg/a.py", "*.py generated", pkg="*.py -generated") == {"generated": False}
    assert of("pkgs/a.py", "*.py generated", pkg="*.py -generated") == {"generated": True}


@pytest.mark.parametrize("stars", range(1, 12))
@pytest.mark.parametrize("end", ["", "b"])
def test_patterns_of_many_stars_answer_for_long_names(stars, end):
    name = "a" * 4000
    assert Glob("a*" * stars + end).matches(name) is (not end)
    assert Glob("/**/" + "a*" * stars + end).matches(f"x/{name}") is (not end)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("**/a/**/b/**/c", "a/b/c", True),
        ("**/a/**/b/**/c", "xa/b/c", False),
        ("**/a/**/b/**/c", "x/a/y/z/b/c", True),
        ("**/a*/**/*b", "q/ax/b", True),
        ("**/a*/**/*b", "qa/b", False),
        ("*/*/*/d", "a/b/c/d", True),
        ("*/*/*/d", "a/b/c/e/d", False),
    ],
)
def test_folders_are_skipped_whole(pattern, text, found):
    assert compiled(pattern, within=True)(text) is found


def test_more_work_than_any_repository_has_reason_for_is_refused():
    lines = "".join(f"a*b*c*{number} generated\n" for number in range(30_000))
    with pytest.raises(UsageError, match="so many patterns") as caught:
        of("a" * 4000, lines)
    assert "--no-attributes" in caught.value.hint
    assert of("a" * 4000, lines.replace("generated", "diff")) == {}
