"""Inputs that are there twice count once, inputs that count meet some that do not: each is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.api import load
from covey.flows.merge import Reading
from covey.flows.merge import load as load_by
from covey.formats.sources import NoSources

GOLDEN = Path(__file__).parents[2] / "golden"
LOCAL = "in some files an input tells only that a line ran"


def figures(report):
    return {key: (file.lines, file.branches, file.functions) for key, file in report.files.items()}


@pytest.mark.parametrize(
    "name", ["v8/node-20.20.2-bundle", "lcov/lcov-1.16/capture.info", "gocovdata/go-1.26.8-count", "istanbul/c8-12.0.0"]
)
def test_an_input_that_is_named_twice_counts_once_and_a_note_says_so(name):
    path = GOLDEN / name
    once, twice = load(path, checkout=None), load(path, path, checkout=None)
    assert figures(once) == figures(twice)
    assert any(note.endswith(" is named twice and counts once") for note in twice.notes)
    assert not any("named twice" in note for note in once.notes)


def test_where_inputs_are_counted_each_counts():
    path = str(GOLDEN / "lcov/lcov-1.16/capture.info")
    report = load_by([path, path], Reading(NoSources()), count_inputs=True)
    assert {hits for file in report.files.values() for hits in file.lines.hits} == {0, 2}
    assert not any("named twice" in note for note in report.notes)


def profile(folder, name, mode, hits=3):
    (folder / name).write_text(f"mode: {mode}\nexample.com/a/a.go:1.1,4.2 2 {hits}\n")
    return folder / name


@pytest.mark.parametrize("how", ["sum", "max", "subtract", "intersect"])
def test_a_set_beside_counts_is_said(tmp_path, how):
    counted, as_set = profile(tmp_path, "count.out", "count"), profile(tmp_path, "set.out", "set", 1)
    for names in ((counted, as_set), (as_set, counted)):
        report = load(*names, checkout=None, how=how)
        assert [file.mode for file in report.files.values()] == ["set"]
        assert any(note.startswith(LOCAL) for note in report.notes)
    assert not any(note.startswith(LOCAL) for note in load(counted, checkout=None).notes)
    same = load(counted, profile(tmp_path, "more.out", "count", 4), checkout=None, how=how)
    assert not any(note.startswith(LOCAL) for note in same.notes)
