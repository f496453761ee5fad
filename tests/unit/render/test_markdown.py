"""Markdown for comments: figures, folding, cutting, and names that would be markup."""

from __future__ import annotations

import io
import re

import shown_project

from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.report import FileCoverage, Report, bits
from covey.render.base import Options
from covey.render.markdown import RENDERER, SIZE_LIMIT


def shown(report, **options):
    out = io.BytesIO()
    RENDERER.render(report, out, Options(**options))
    return out.getvalue().decode()


def test_totals_and_files():
    file = FileCoverage(
        "pkg/a.py",
        Lines.of({1: 1, 2: 0, 4: 0, 5: 3}),
        Branches.of([Arm(1, "2", 1), Arm(1, "3", 0)]),
        Functions.of([Function("f", 1, 5, 1)]),
    )
    assert shown(Report.of([file]), show_missing=True) == (
        "### Coverage\n\n"
        "| | Covered | Reached | Not reached |\n| :-- | --: | --: | --: |\n"
        "| Cover: lines and branches | **50%** | 3 of 6 | 3 |\n"
        "| Lines | **50%** | 2 of 4 | 2 |\n| Branches | **50%** | 1 of 2 | 1 |\n"
        "| Functions | **100%** | 1 of 1 | 0 |\n\n"
        "Counted: lines and branches.\n\n"
        "| File | Lines | Branches | Not reached | Lines and branches not reached |\n"
        "| :-- | --: | --: | --: | :-- |\n| `pkg/a.py` | 50% | 50% | 2 | 1 (1/2), 2-4 |\n"
    )


def test_parts_say_what_only_they_reach():
    file = FileCoverage("a.py", Lines.of({n: int(n < 9) for n in range(1, 11)}))
    slices = {"part:unit": {file.key: bits(range(1, 7))}, "part:e2e": {file.key: bits(range(4, 9))}}
    text = shown(Report.of([file], slices=slices))
    assert "| `e2e` | 5 (50%) | 2 |" in text
    assert "| `unit` | 6 (60%) | 3 |" in text
    assert "only one part" not in text
    assert shown(Report.of([file], slices=slices), show_missing=True).endswith(
        "<details>\n<summary>What only one part reached</summary>\n\n"
        "| Part | File | Lines that only it reached |\n| :-- | :-- | :-- |\n"
        "| `e2e` | `a.py` | 7-8 |\n| `unit` | `a.py` | 1-3 |\n\n</details>\n"
    )


def test_what_only_a_part_reached_is_cut_too():
    deep = "deep/" * 30
    files = [FileCoverage(f"src/{deep}{n}.py", Lines.of({1: 1, 2: 0})) for n in range(300)]
    slices = {f"part:{n}": {file.key: bits([1]) for file in files[n::4]} for n in range(4)}
    text = shown(Report.of(files, slices=slices), show_missing=True)
    assert len(text) <= SIZE_LIMIT
    told, _, kept = text.partition("What only one part reached")
    assert told.count("deep/") > 3000
    rows = kept.count(".py`")
    assert 50 < rows < 300
    assert f"… and {300 - rows} more files." in kept


def test_a_long_table_is_folded():
    few = [FileCoverage(f"f{n}.py", Lines.of({1: 1})) for n in range(12)]
    assert "<details>" not in shown(Report.of(few))
    many = [*few, FileCoverage("more.py", Lines.of({1: 1}))]
    assert "<details>\n<summary>13 files</summary>\n\n| File |" in shown(Report.of(many))


def test_a_table_too_long_for_a_comment_keeps_what_lacks_most():
    deep = "deep/" * 10
    files = [FileCoverage(f"src/{deep}{n}.py", Lines.of(dict.fromkeys(range(1, n + 2), 0))) for n in range(2000)]
    text = shown(Report.of(files))
    assert len(text) <= SIZE_LIMIT
    kept = [int(number) for number in re.findall(r"/(\d+)\.py`", text)]
    assert sorted(kept) == list(range(2000 - len(kept), 2000))
    assert f"and {2000 - len(kept):,} files with no more gaps" in text


def test_skipping_and_nothing():
    assert "Everything that was measured ran." in shown(
        Report.of([FileCoverage("a.py", Lines.of({1: 1}))]), skip_covered=True
    )
    assert "No code was measured." in shown(Report())


def test_no_name_becomes_markup():
    report = shown_project.hostile()
    text = shown(report, title="@all <b> #1 [x](y)")
    outside_code = re.sub(r"`[^`]*`|</?(?:code|details|summary)>", "", text)
    assert not re.search(r"<[a-zA-Z/!]|@\w|\]\(|#\d(?!\d*;)|://", outside_code)
    rows = [line for line in text.split("\n") if ".py" in line and line.startswith("|")]
    assert len(rows) > 10
    for row in rows:
        assert row.count("|") == 5, row
    assert "\u202e" not in text


def test_what_the_figures_are_of_comes_first():
    report = Report.of([FileCoverage("a.py", Lines.of({1: 1}))], notes=["one", "shown: what x and y both reach"])
    text = shown(report)
    assert text.startswith("### Coverage\n\nShown&#58; what x and y both reach.\n\n| |")
    assert text.count("x and y") == 1
    assert "\n> one\n" in text


def test_no_report_makes_it_longer_than_a_forge_takes():
    odd = "\U0010ffff_@#|`\\<x>" * 500  # entities make it up to ten times as long
    files = [FileCoverage(f"{odd[n:]}/{n}.py", Lines.of({1: 1, 2: 0, 3: 0})) for n in range(60)]
    slices = {f"part:{odd[n:]}{n}": {file.key: bits([1]) for file in files[n::30]} for n in range(30)}
    notes = [f"{n}: {odd}" for n in range(60)] + [f"shown: {n} {odd}" for n in range(30)]
    text = shown(Report.of(files, slices=slices, notes=notes), title=odd, show_missing=True)
    assert len(text) <= SIZE_LIMIT
    assert "> 19&#58; " in text
    assert "> … and 40 more notes" in text
    assert "… and 10 more parts" in text
    assert text.count(".py</code>") > 10
    assert not re.search(r"&(?!#\d+;|gt;)", text)
    for row in text.split("\n"):
        assert not row.startswith("|") or row.count("|") in (4, 5), row


def test_a_long_note_is_cut_where_it_is_no_entity():
    for length in range(990, 1010):
        text = shown(Report.of([], notes=["x" * length + "@" * 10]))
        assert not re.search(r"&(?!#\d+;)", text)
        assert "…\n" in text
    assert f"> {'x' * 1000}\n" in shown(Report.of([], notes=["x" * 1000]))


def test_a_part_s_name_cannot_break_its_row():
    file = FileCoverage("a.py", Lines.of({1: 1}))
    text = shown(Report.of([file], slices={"part:a\nb\u202e": {file.key: bits([1])}}))
    assert "| <code>a&#92;u000ab&#92;u202e</code> | 1 (100%) | 1 |" in text


def test_one_file_alone_is_spoken_of_as_one():
    files = [FileCoverage(f"{name}.py", Lines.of({1: 0})) for name in "ab"]
    assert "… and 1 file with no more gaps." in shown(Report.of(files), limit=1)
