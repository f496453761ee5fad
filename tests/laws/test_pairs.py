"""What subtract and intersect say of functions and arms, and which inputs tell what could have run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.reports import disjoint, lines

from covey.model.counted import Function, Functions, Lines
from covey.model.merge import merge, merge_files
from covey.model.report import FileCoverage, Report

F = Functions.of([Function("f", 1, 2, 1)])


def ran(file):
    return any(hits for _, hits in file.lines.items())


def told(report, key, kind):
    """Hits of the functions or branches by their places; None where the report ran the file and tells of none."""
    file = report.files.get(key)
    found = {one[:2]: one.hits for one in getattr(file, kind)} if file else {}
    return None if file and ran(file) and not found else found


@given(disjoint(2, modes=("count",)), st.sampled_from(["functions", "branches"]))
def test_functions_and_arms_are_split_where_both_tell_of_them_and_else_left_out(pair, kind):
    gone, kept = merge(pair, "subtract", relaxed=True), merge(pair, "intersect", relaxed=True)
    noted = [note for note in gone.notes if note.startswith(f"{kind} of ")]
    assert noted == [note for note in kept.notes if note.startswith(f"{kind} of ")]
    lost = 0
    for key in gone.files:
        mine, theirs = (told(report, key, kind) for report in pair)
        if not mine and not theirs:
            assert not getattr(gone.files[key], kind)
        elif mine is None or theirs is None:
            lost += 1
            assert not getattr(gone.files[key], kind)
            assert not getattr(kept.files[key], kind)
        else:
            for place, hits in mine.items():
                other = theirs.get(place, 0)
                if gone.files[key].mode == "count" and kept.files[key].mode == "count":
                    assert told(gone, key, kind)[place] == (0 if other else hits)
                    assert told(kept, key, kind)[place] == min(hits, other)
    assert len(noted) == (lost > 0)


def test_a_function_that_the_second_may_have_run_is_not_only_the_firsts():
    one = Report.of([FileCoverage("a.go", Lines.of({1: 1, 2: 1}), functions=F)])
    two = Report.of([FileCoverage("a.go", Lines.of({1: 1, 2: 0}))])
    for how in ("subtract", "intersect"):
        merged = merge([one, two], how)
        assert not merged.files[None, "a.go"].functions
        assert merged.notes == (
            "functions of 1 file are left out: one of the two inputs tells which lines ran there, but no functions",
        )
    never = Report.of([FileCoverage("a.go", Lines.of({1: 0, 2: 0}))])
    assert merge([one, never], "subtract").files[None, "a.go"].functions.hits[0] == 1


@st.composite
def some_file(draw):
    file = FileCoverage("a.py", draw(st.just(Lines()) | lines(hits=st.integers(0, 1))), mode="set")
    return replace(file, inexact=draw(st.sampled_from([frozenset(), frozenset({"missing"}), frozenset({"lines"})])))


@given(some_file(), some_file(), some_file(), st.sampled_from(["sum", "max", "presence"]))
def test_what_did_not_run_is_known_where_any_input_knows_it_in_any_order_and_grouping(one, two, three, how):
    whole = merge_files(merge_files(one, two, how), three, how)
    assert whole == merge_files(one, merge_files(two, three, how), how)
    assert whole == merge_files(three, merge_files(two, one, how), how)
    every = (one, two, three)
    knows = any(file.lines and "missing" not in file.inexact for file in every)
    assert ("missing" in whole.inexact) == (not knows and any("missing" in file.inexact for file in every))


@pytest.mark.parametrize("how", ["sum", "max", "presence", "subtract", "intersect"])
def test_what_only_ran_stays_so_beside_nothing(how):
    file = FileCoverage("a.py", Lines.of({1: 1}), mode="set", inexact=frozenset({"missing"}))
    merged = merge([Report.of([file]), Report()], how)
    assert merged.files[None, "a.py"].inexact == {"missing"}
