"""The globs of the command line and of settings, as people write them."""

from __future__ import annotations

import pytest

from covey.model.attributes import AttributeFile, Attributes
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report
from covey.model.scope import ATTRIBUTES, Scope

PATHS = ("a.py", "src/a.py", "src/gen/b.py", "src/gen/deep/a.py", "other/src/gen/c.py", "über.py")
REPORT = Report.of([FileCoverage(path, Lines.of({1: 1})) for path in PATHS])


def kept(scope):
    return {path for _, path in scope.apply(REPORT).files}


@pytest.mark.parametrize(
    ("glob", "matched"),
    [
        ("./src/gen", {"src/gen/b.py", "src/gen/deep/a.py"}),
        ("./src/gen/", {"src/gen/b.py", "src/gen/deep/a.py"}),
        ("./src/*.py", {"src/a.py"}),
        ("./a.py", {"a.py"}),  # a name with a slash before it is that of the root alone
        (".//./src/a.py", {"src/a.py"}),
        ("./über.py", {"über.py"}),
        ("./**/a.py", {"a.py", "src/a.py", "src/gen/deep/a.py"}),
        ("../src/a.py", set()),
        ("a.py", {"a.py", "src/a.py", "src/gen/deep/a.py"}),
    ],
)
def test_here_is_the_root_of_the_checkout(glob, matched):
    assert kept(Scope(include=(glob,))) == matched
    assert kept(Scope(exclude=(glob,))) == set(PATHS) - matched


def test_a_glob_without_effect_is_told_as_it_was_given():
    report = Scope(exclude=("./gen", "./src"), tell_idle=True).apply(REPORT)
    assert report.notes[1:] == ("--exclude ./gen has no effect: it matches none of the 6 files",)


def test_in_gitattributes_it_is_what_it_is_to_git():
    """There a leading "./" is no folder of anybody's."""
    text = b"./src/a.py coverage-excluded\n/a.py coverage-excluded\n"
    found = Attributes({"": AttributeFile.parse(text, "", macros=True)}, AttributeFile.parse(b""), ATTRIBUTES)
    assert kept(Scope(attributes=found.of)) == set(PATHS) - {"a.py"}
