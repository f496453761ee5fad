"""Which files a table shows, in which order, and what it says of the rest; by which rule was counted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from covey.errors import UsageError
from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Lines
from covey.model.report import FileCoverage, Report
from covey.render import counting
from covey.render.base import Options
from covey.render.chosen import chosen, rows_of

FILES = [
    FileCoverage("a.py", Lines.of({1: 1, 2: 0, 3: 0, 4: 0})),
    FileCoverage("b.py", Lines.of({1: 1, 2: 1}), Branches.of([Arm(1, "2", 1), Arm(1, "3", 0), Arm(1, "4", 0)])),
    FileCoverage("c.py", Lines.of({1: 1})),
    FileCoverage("d.py"),
]


def names(**options):
    found = chosen(rows_of(Report.of(FILES)), Options(**options))
    return "".join(row.name[0] for row in found.rows), found.left_out, found.cut


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "abcd"),
        ("name", "abcd"),
        ("-name", "dcba"),
        ("stmts", "dcba"),
        ("-miss", "abcd"),
        ("-branch", "bacd"),
        ("-brpart", "bacd"),
        ("cover", "dabc"),
        ("-cover", "cbad"),
        ("Cover", "dabc"),
    ],
)
def test_sorting(sort, order):
    assert names(sort=sort)[0] == order


def test_an_unknown_column_is_answered_with_all_there_are():
    with pytest.raises(UsageError, match="no column 'size'") as refused:
        names(sort="size")
    assert "brpart" in refused.value.hint


def test_what_is_left_out_is_counted():
    assert names(skip_covered=True) == ("ab", ["2 files with complete coverage not shown."], 0)
    assert names(skip_empty=True) == ("abc", ["1 file without code not shown."], 0)
    assert names(below=Decimal(60)) == (
        "a",
        ["2 files of 60% or more not shown.", "1 file without code not shown."],
        0,
    )
    assert names(below=Decimal(60), metric="branches") == ("b", ["3 files without branches not shown."], 0)
    assert names(below=Decimal(20), metric="branches")[1] == [
        "1 file of 20% or more not shown.",
        "3 files without branches not shown.",
    ]


def test_of_too_many_those_stay_that_lack_most_in_the_order_asked_for():
    assert names(limit=1) == ("a", [], 3)
    assert names(limit=2, sort="-name")[0] == "da"
    assert names(limit=0)[0] == "abcd"


def test_the_rule_is_said():
    go = FileCoverage("a.go", blocks=Blocks.of([Block(1, 1, 2, 2, 3, 1)], "touch"))
    js = FileCoverage("a.js", blocks=Blocks.of([Block(1, 1, 2, 2, 1, 1)], "start"))
    assert counting.rule(Report()) == "lines"
    assert counting.rule(Report.of([go])) == "statements as go tool cover"
    assert counting.rule(Report.of(FILES)) == "lines and branches"
    assert counting.rule(Report.of([*FILES, go, js])) == (
        "lines (4 files), statements as Istanbul (1 file), statements as go tool cover (1 file) and branches"
    )
    assert counting.label(Report.of([go]), "cover") == "statements"
    assert counting.label(Report.of(FILES), "cover") == "lines and branches"


def test_lower_bounds_are_noted():
    file = FileCoverage("a.py", Lines.of({1: 1}), inexact=frozenset({"branches"}))
    assert counting.bounds(Report.of([file]))[0].startswith("branches of 1 file are a lower bound")
    assert counting.bounds(Report.of(FILES)) == []
