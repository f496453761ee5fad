"""The merge law of DESIGN 4: the order and grouping of inputs do not matter, and nothing that ran is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.reports import disjoint, reports

from covey.errors import DuplicateSource, UsageError
from covey.model.merge import merge
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import FileCoverage, Lines, Report, bits, lines_of

UNITING = ("sum", "max", "presence")


def figures(report):
    """What a report says, without the order in which its sources came."""
    return dict(report.files), set(report.sources), report.slices, set(report.notes)


@given(disjoint(2), st.sampled_from(UNITING))
def test_the_order_of_inputs_does_not_matter(pair, how):
    one, two = pair
    assert figures(merge([one, two], how)) == figures(merge([two, one], how))


@given(disjoint(3), st.sampled_from(UNITING))
def test_the_grouping_of_inputs_does_not_matter(three, how):
    one, two, three_ = three
    left = merge([merge([one, two], how), three_], how)
    right = merge([one, merge([two, three_], how)], how)
    assert figures(left) == figures(right) == figures(merge(three, how))


@given(reports(), st.sampled_from(("sum", "max")))
def test_the_empty_report_changes_nothing(report, how):
    assert figures(merge([Report(), report], how)) == figures(report) == figures(merge([report, Report()], how))


@given(disjoint(2), st.sampled_from(UNITING))
def test_a_covered_line_never_becomes_uncovered(pair, how):
    merged = merge(pair, how)
    for report in pair:
        for key, file in report.files.items():
            assert all(merged.files[key].lines[line] for line, hits in file.lines.items() if hits)
            assert set(file.lines) <= set(merged.files[key].lines)


@given(disjoint(2, modes=("count",)))
def test_hits_add_up_and_saturate(pair):
    merged = merge(pair, "sum")
    for key, file in merged.files.items():
        for line, hits in file.lines.items():
            parts = [report.files[key].lines.get(line, 0) for report in pair if key in report.files]
            assert hits == min(sum(parts), 2**63 - 1)


@given(reports(0, modes=("set",)))
def test_sets_are_idempotent(report):
    again = replace(report, sources=(Provenance(capture=CaptureId(pod_uid="other", pid=9)),))
    lines = {key: dict(file.lines) for key, file in merge([report, again]).files.items()}
    assert lines == {key: dict(file.lines) for key, file in report.files.items()}


@given(reports())
def test_the_same_source_twice_counts_once(report):
    assert figures(merge([report, report], "sum")) == figures(report)


def test_one_source_with_two_contents_is_refused():
    source = Provenance(pod="shop-1", capture=CaptureId(pod_uid="u", pid=1), digest="sha256:a")
    file = FileCoverage("a.py", Lines.of({1: 1}))
    one, two = Report.of([file], [source]), Report.of([file], [replace(source, digest="sha256:b")])
    with pytest.raises(DuplicateSource, match="shop-1"):
        merge([one, two])


def test_inputs_that_share_some_sources_are_refused():
    a, b, c = (Provenance(digest=f"sha256:{name}") for name in "abc")
    with pytest.raises(DuplicateSource):
        merge([Report(sources=(a, b)), Report(sources=(b, c))])


@given(disjoint(2, modes=("count",)))
def test_subtract_and_intersect_split_the_first(pair):
    one, two = pair
    gone, kept = merge(pair, "subtract"), merge(pair, "intersect")
    for key, file in one.files.items():
        for line, hits in file.lines.items():
            other = two.files[key].lines.get(line, 0) if key in two.files else 0
            assert bool(gone.files[key].lines[line]) == bool(hits and not other)
            assert kept.files[key].lines[line] == min(hits, other)


@pytest.mark.parametrize("how", ["subtract", "intersect"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_subtract_and_intersect_take_two(how, count):
    with pytest.raises(UsageError, match="exactly two"):
        merge([Report()] * count, how)


@given(st.sets(st.integers(1, 5000)))
def test_bit_sets_hold_lines(lines):
    assert lines_of(bits(lines)) == sorted(lines)
