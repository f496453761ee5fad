"""The table for terminals: its columns, its rounding, what it leaves out, and names that act on a terminal."""

from __future__ import annotations

import io
import pty
import re
import termios

import pytest

from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Lines
from covey.model.report import FileCoverage, Report, bits
from covey.render.base import Options
from covey.render.columns import shortened
from covey.render.text import RENDERER


def shown(report, **options):
    out = io.BytesIO()
    RENDERER.render(report, out, Options(**options))
    return out.getvalue().decode()


def on_terminal(report, width, **options):
    """What a terminal of that many columns is sent."""
    master, terminal = pty.openpty()
    with open(master, "rb", buffering=0) as screen:
        termios.tcsetwinsize(terminal, (24, width))
        with open(terminal, "wb") as out:
            RENDERER.render(report, out, Options(**options))
            out.flush()
            return screen.read(60_000).decode().replace("\r\n", "\n")


def test_lines_only():
    report = Report.of(
        [FileCoverage("pkg/a.py", Lines.of({1: 1, 2: 0, 4: 0, 5: 3})), FileCoverage("pkg/b.py", Lines.of({1: 1}))]
    )
    assert shown(report, show_missing=True) == (
        "Name       Stmts   Miss   Cover   Missing\n"
        "-----------------------------------------\n"
        "pkg/a.py       4      2     50%   2-4\n"
        "pkg/b.py       1      0    100%\n"
        "-----------------------------------------\n"
        "TOTAL          5      2     60%\n\n"
        "Counted: lines.\n"
    )


def test_branches_add_two_columns_and_count_into_cover():
    arms = [Arm(1, "->2", 1), Arm(1, "->-1", 0), Arm(2, "->10", 0), Arm(2, "->9", 0), Arm(3, "->4", 0)]
    file = FileCoverage("a.py", Lines.of({1: 1, 2: 1, 3: 0}), Branches.of(arms), mode="set")
    lines = shown(Report.of([file]), show_missing=True).split("\n")
    assert lines[0].split() == ["Name", "Stmts", "Miss", "Branch", "BrPart", "Cover", "Missing"]
    assert lines[2].split(maxsplit=6) == ["a.py", "3", "1", "5", "3", "38%", "1->exit, 2->9, 2->10, 3"]


def test_of_arms_whose_keys_are_only_counted_the_number_is_told():
    arms = [Arm(1, "?0", 0), Arm(1, "?1", 7), Arm(2, "if 0", 0), Arm(2, "if 1", 0), Arm(3, "?0", 0), Arm(4, "?0", 2)]
    file = FileCoverage("a.go", Lines.of({1: 1, 2: 1, 3: 0, 4: 1}), Branches.of(arms))
    line = shown(Report.of([file]), show_missing=True).split("\n")[2]
    assert line.split(maxsplit=6) == ["a.go", "4", "1", "6", "3", "50%", "1 (1/2), 2 (0/2), 3"]


@pytest.mark.parametrize("mode", ["set", "count"])
def test_an_arm_is_named_by_where_it_leads_whatever_else_is_known(mode):
    """An exit comes last, as in coverage.py's column; what a format numbers is no line."""
    told = Branches.of([Arm(3, "->-1", 0), Arm(3, "->5", 0)])
    numbered = Branches.of([Arm(3, "1", 0), Arm(3, "2", 0)])
    for arms, missing in ((told, "3->5, 3->exit"), (numbered, "3 (0/2)")):
        file = FileCoverage("a.py", Lines.of({3: 1}), arms, mode=mode)
        assert shown(Report.of([file]), show_missing=True).split("\n")[2].endswith(f"  {missing}")


def test_where_a_line_of_python_leads_is_not_named_twice():
    arms = [Arm(1, "->2", 0), Arm(1, "->4", 1)]
    file = FileCoverage("a.py", Lines.of({1: 1, 2: 0, 4: 1}), Branches.of(arms), mode="set")
    assert shown(Report.of([file]), show_missing=True).split("\n")[2].endswith("60%   2")


def test_statements_where_the_format_counts_them():
    blocks = Blocks.of([Block(1, 1, 1, 9, 7, 1), Block(2, 1, 2, 9, 3, 0)])
    file = FileCoverage("a.go", Lines.of({1: 1, 2: 0}), blocks=blocks)
    assert shown(Report.of([file])).split("\n")[2].split() == ["a.go", "10", "3", "70%"]


def test_rounding_shows_no_false_0_or_100():
    nearly = FileCoverage("nearly.py", Lines.of({n: int(n > 1) for n in range(1, 1001)}))
    hardly = FileCoverage("hardly.py", Lines.of({n: int(n == 1) for n in range(1, 1001)}))
    report = Report.of([nearly, hardly])
    assert [line.split()[-1] for line in shown(report).split("\n")[2:4]] == ["1%", "99%"]
    assert [line.split()[-1] for line in shown(report, digits=2).split("\n")[2:4]] == ["0.10%", "99.90%"]


def test_skipping_what_is_covered_says_how_many_and_keeps_the_total():
    partial = FileCoverage("part.py", Lines.of({1: 1}), Branches.of([Arm(1, "2", 0), Arm(1, "3", 1)]))
    full = [FileCoverage(name, Lines.of({1: 1, 2: 1})) for name in ("full.py", "whole.py")]
    text = shown(Report.of([partial, *full]), skip_covered=True)
    assert "full.py" not in text
    assert "part.py" in text
    assert text.split("\n")[-6].split()[:2] == ["TOTAL", "5"]
    assert text.endswith("\n\n2 files with complete coverage not shown.\n\nCounted: lines and branches.\n")


def test_an_empty_report_and_a_file_without_code():
    assert shown(Report()).split("\n")[-4].split() == ["TOTAL", "0", "0", "-"]
    assert shown(Report.of([FileCoverage("empty.py")])).split("\n")[2].split() == ["empty.py", "0", "0", "-"]


def test_names_and_notes_cannot_act_on_the_terminal():
    report = Report.of([FileCoverage("a\x1b[31m\n\u202e\udcff.py", Lines.of({1: 1}))], notes=["bell\x07"])
    text = shown(report)
    assert "a\\u001b[31m\\u000a\\u202e\\udcff.py" in text
    assert text.endswith("Note: bell\\u0007\n")


def test_repositories_are_told_apart():
    files = [FileCoverage("src/main.py", Lines.of({1: 1}), repository=name) for name in ("one", "two")]
    assert "one//src/main.py" in shown(Report.of(files))
    assert "//" not in shown(Report.of(files[:1]))


def test_what_each_part_reached_and_nothing_else_did():
    file = FileCoverage("a.py", Lines.of({1: 1, 2: 1, 3: 1, 4: 0}))
    slices = {"part:unit": {file.key: bits([1, 2])}, "part:e2e": {file.key: bits([2, 3])}}
    assert shown(Report.of([file], slices=slices)).endswith(
        "\nTOTAL       4      1     75%\n\n"
        "Part    Lines   Of all lines   Only here\n"
        "e2e         2            50%           1\n"
        "unit        2            50%           1\n"
        "TOTAL       3            75%\n\n"
        "Counted: lines.\n"
    )


def test_what_only_one_part_reached_is_listed_with_the_missing_lines():
    files = [FileCoverage(name, Lines.of({1: 1, 2: 1, 4: 1, 7: 1, 9: 0})) for name in ("a.py", "b.py", "c.py")]
    a, b, c = (file.key for file in files)
    slices = {
        "part:unit": {a: bits([1, 2, 4]), b: bits([1])},
        "part:e2e": {a: bits([2, 7]), b: bits([1, 2]), c: bits([1, 2, 4, 7])},
        "part:none": {a: bits([2])},
    }
    report = Report.of(files, slices=slices)
    assert "Only e2e " not in shown(report)
    told = (
        "Only e2e   Lines\na.py       7\nb.py       2\nc.py       1-7\n\n"
        "Only unit   Lines\na.py        1, 4\n\nCounted: lines.\n"
    )
    assert shown(report, show_missing=True).endswith("\n\n" + told)
    assert "Only e2e   Lines\na.py       7\nc.py       1-7\nNot shown: 1 file with fewer such lines" in shown(
        report, show_missing=True, limit=2
    )


def test_what_the_figures_are_of_comes_first():
    report = Report.of(
        [FileCoverage("a.py", Lines.of({1: 1}))], notes=["one", "shown: what x\x07 reaches and y does not"]
    )
    text = shown(report, title="Mine")
    assert text.startswith("Mine\n\nShown: what x\\u0007 reaches and y does not.\n\nName ")
    assert text.endswith("Counted: lines.\nNote: one\n")


def test_by_which_rule_a_format_counts_stands_with_the_figures_rule():
    report = Report.of([FileCoverage("a.py", Lines.of({1: 1}))], notes=["counted: Python files by a rule", "one"])
    assert shown(report).endswith("\nCounted: lines.\nCounted: Python files by a rule.\nNote: one\n")


TILL = "services/pay/src/main/java/com/acme/pay/Till.java"


@pytest.fixture
def wide():
    """What does not fit into 60 columns: a path, what is missing, notes."""
    missing = {n: int(n % 3 > 0) for n in range(1, 40)}
    files = [FileCoverage(TILL, Lines.of(missing)), FileCoverage("a.py", Lines.of({1: 1}))]
    slices = {"part:unit": {files[0].key: bits(range(1, 39, 3))}}
    return Report.of(files, slices=slices, notes=["some words of a note that is told to people in one sentence " * 2])


def test_a_terminal_gets_rows_that_fit_it_and_lines_of_whole_words(wide, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert on_terminal(wide, 60).startswith(
        "Name                                    Stmts  Miss  Cover\n"
        "----------------------------------------------------------\n"
        "a.py                                        1     0   100%\n"
        "…/src/main/java/com/acme/pay/Till.java     39    13    67%\n"
    )
    text = on_terminal(wide, 60, show_missing=True)
    assert max(map(len, text.split("\n"))) <= 60
    assert "…/acme/pay/Till.java" in text
    cells = re.search(r"Till.java +39 +13 +67%  (.*\n(?: +[\d, -]+\n)+)", text)[1]
    assert cells.split() == [*(f"{n}," for n in range(3, 39, 3)), "39"]
    assert "\nNote: some words of a note that is told to people in one\n  sentence some words " in text


def test_where_there_is_room_or_no_terminal_nothing_is_cut(wide, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    for options in ({}, {"show_missing": True}):
        assert on_terminal(wide, 300, **options) == shown(wide, **options)
        assert on_terminal(wide, 0, **options) == shown(wide, **options)
    monkeypatch.setenv("COLUMNS", "40")
    assert "…/acme/pay/Till.java" in on_terminal(wide, 300)
    assert TILL in shown(wide)


def test_of_a_name_that_alone_has_no_room_the_end_stays():
    assert shortened("src/zz_generated.deepcopy.go", 16) == "…ted.deepcopy.go"
    assert shortened("src/pay/Till.java", 16) == "…/pay/Till.java"
    assert shortened("src/pay/Till.java", 17) == "src/pay/Till.java"
