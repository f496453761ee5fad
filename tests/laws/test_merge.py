"""The merge law of DESIGN 4: the order and grouping of inputs do not matter, and nothing that ran is lost."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial, reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.reports import LAYOUTS, branches, disjoint, files, functions, reports, some_blocks

from covey.errors import DuplicateSource, SourceMismatch, UsageError
from covey.formats.intake import Merging
from covey.model.blocks import Block, Blocks
from covey.model.counted import Lines
from covey.model.merge import counted_once, merge, merge_files
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import FileCoverage, Report, bits, lines_of

UNITING = ("sum", "max", "presence")


def figures(report):
    """What a report says, without the order in which its sources came."""
    return dict(report.files), set(report.sources), report.slices, set(report.notes)


@given(disjoint(2), st.sampled_from(UNITING))
def test_the_order_of_inputs_does_not_matter(pair, how):
    one, two = pair
    assert figures(merge([one, two], how, relaxed=True)) == figures(merge([two, one], how, relaxed=True))


@given(disjoint(3), st.sampled_from(UNITING))
def test_the_grouping_of_inputs_does_not_matter(three, how):
    one, two, three_ = three
    left = merge([merge([one, two], how, relaxed=True), three_], how, relaxed=True)
    right = merge([one, merge([two, three_], how, relaxed=True)], how, relaxed=True)
    assert figures(left) == figures(right) == figures(merge(three, how, relaxed=True))


@given(st.lists(files("pkg/c.go"), min_size=1, max_size=9), st.sampled_from(("sum", "max")))
def test_a_file_told_of_in_many_places_is_as_if_told_of_one_by_one(tellings, how):
    found = Merging(how, relaxed=True)
    for one in tellings:
        found.add(one)
    assert list(found.files()) == [reduce(partial(merge_files, how=how, relaxed=True), tellings)]


@given(reports(), st.sampled_from(("sum", "max")))
def test_the_empty_report_changes_nothing(report, how):
    assert figures(merge([Report(), report], how)) == figures(report) == figures(merge([report, Report()], how))


@given(disjoint(2), st.sampled_from(UNITING))
def test_a_covered_line_never_becomes_uncovered(pair, how):
    merged = merge(pair, how, relaxed=True)
    for report in pair:
        for key, file in report.files.items():
            assert all(merged.files[key].lines[line] for line, hits in file.lines.items() if hits)
            assert set(file.lines) <= set(merged.files[key].lines)


@given(disjoint(2, modes=("count",)))
def test_hits_add_up_and_saturate(pair):
    merged = merge(pair, "sum", relaxed=True)
    for key, file in merged.files.items():
        if isinstance(file.blocks, Blocks):
            told = [report.files[key].blocks for report in pair if key in report.files]
            sums = map(sum, zip(*(blocks.hits for blocks in told if blocks is not None), strict=True))
            assert list(file.blocks.hits) == [min(hits, 2**63 - 1) for hits in sums]
        if file.blocks:
            continue
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
    file = FileCoverage("a.py", Lines.of({1: 1}))
    with pytest.raises(DuplicateSource):
        merge([Report.of([file], (a, b)), Report.of([file], (b, c))])


def test_parts_of_one_source_count_each_where_their_files_are_apart_and_are_refused_otherwise():
    """A report of covey's may hold of its source only what lies in one folder."""
    source = Provenance(path="i.info", digest="sha256:i")
    web, shop = (replace(source, report=f"sha256:{name}") for name in ("web", "shop"))
    one, two = FileCoverage("web/a.js", Lines.of({1: 1})), FileCoverage("shop/b.js", Lines.of({1: 1}))
    for pair in itertools.permutations([Report.of([one], [web]), Report.of([two], [shop])]):
        assert set(merge(pair).files) == {one.key, two.key}
    for pair in itertools.permutations([Report.of([one], [web]), Report.of([one, two], [source])]):
        with pytest.raises(DuplicateSource, match="count it twice"):
            merge(pair)
    assert merge([Report.of([one], [web]), Report.of([one], [web])]).files[one.key].lines[1] == 1


@given(disjoint(2, modes=("count",)))
def test_subtract_and_intersect_split_the_first(pair):
    one, two = pair
    gone, kept = merge(pair, "subtract", relaxed=True), merge(pair, "intersect", relaxed=True)
    for key, file in one.files.items():
        if gone.files[key].blocks:
            continue
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


LAYOUT = [Block(1, 2, 3, 4, 2, 5), Block(3, 6, 4, 1, 1, 9), Block(8, 1, 8, 2, 0, 7)]


def go(*blocks):
    return Report.of([FileCoverage("a.go", blocks=Blocks.of(blocks, "touch"))])


def test_lines_follow_from_merged_blocks():
    """The most of the blocks that touch a line, after adding: not the sum of what was the most in each input."""
    other = [Block(1, 2, 3, 4, 2, 10), Block(3, 6, 4, 1, 1, 1), Block(8, 1, 8, 2, 0, 0)]
    file = merge([go(*LAYOUT), go(*other)]).files[None, "a.go"]
    assert dict(file.lines) == {1: 15, 2: 15, 3: 15, 4: 10}


def test_blocks_that_differ_are_refused_or_become_a_conflict():
    other = [Block(1, 2, 3, 4, 2, 1), Block(4, 6, 4, 9, 1, 0)]
    with pytest.raises(SourceMismatch, match=r"a\.go.*differ at lines 3, 4, 8"):
        merge([go(*LAYOUT), go(*other)])
    file = merge([go(*LAYOUT), go(*other)], relaxed=True).files[None, "a.go"]
    assert (file.blocks, file.mode, dict(file.lines)) == ("conflict", "set", {1: 1, 2: 1, 3: 1, 4: 1})
    assert merge([Report.of([file]), go(*LAYOUT)]).files[None, "a.go"].blocks == "conflict"


@st.composite
def of_one_build(draw, number):
    """Reports whose blocks all have one layout, as those of one build do."""
    hits = st.integers(0, 2**63 - 1)
    blocks = draw(some_blocks(hits, LAYOUTS[:1]))
    file = FileCoverage("pkg/c.go", branches=draw(branches(hits, anonymous=False)), functions=draw(functions(hits)))
    source = Provenance(capture=CaptureId(pod_uid="u", pid=number + 1), digest=f"sha256:{number}")
    return Report.of([replace(file, blocks=blocks)], [source], {"part:unit": {file.key: draw(st.integers(0, 2**40))}})


@given(st.tuples(*map(of_one_build, range(3))), st.sampled_from(UNITING))
def test_one_build_merges_strictly_in_any_order_and_grouping(three, how):
    one, two, three_ = three
    whole = merge(three, how)
    assert figures(whole) == figures(merge([three_, one, two], how))
    assert figures(whole) == figures(merge([merge([one, two], how), three_], how))
    assert figures(whole) == figures(merge(three, how, relaxed=True))


@given(disjoint(2), st.sampled_from(UNITING))
def test_arms_functions_and_blocks_that_ran_stay_so_and_none_is_lost(pair, how):
    merged = merge(pair, how, relaxed=True)
    for report in pair:
        for key, file in report.files.items():
            arms = {arm[:2]: arm.hits for arm in merged.files[key].branches}
            assert all(arms[arm[:2]] for arm in file.branches if arm.hits)
            assert arms.keys() >= {arm[:2] for arm in file.branches}
            found = {function[:2]: function.hits for function in merged.files[key].functions}
            assert all(found[function[:2]] for function in file.functions if function.hits)
            blocks = merged.files[key].blocks
            if isinstance(file.blocks, Blocks) and isinstance(blocks, Blocks):
                assert all(mine >= (hits > 0) for mine, hits in zip(blocks.hits, file.blocks.hits, strict=True))


@given(disjoint(2), st.sampled_from(UNITING))
def test_slices_are_the_union(pair, how):
    merged = merge(pair, how, relaxed=True).slices
    for name in merged.keys() | pair[0].slices.keys() | pair[1].slices.keys():
        for key in set().union(*(report.slices.get(name, {}) for report in pair)):
            assert merged[name][key] == pair[0].slices.get(name, {}).get(key, 0) | pair[1].slices.get(name, {}).get(
                key, 0
            )


@given(disjoint(3))
def test_counting_inputs_says_in_how_many_a_line_ran(three):
    merged = merge(map(counted_once, three), relaxed=True)
    for key, file in merged.files.items():
        if file.blocks:
            continue
        for line, hits in file.lines.items():
            assert hits == sum(bool(report.files[key].lines.get(line)) for report in three if key in report.files)
        assert file.mode == "count"


def test_inputs_of_the_same_content_count_each_where_they_are_counted():
    one = Report.of([FileCoverage("a.go", Lines.of({1: 7}))], [Provenance(path="a", digest="sha256:a")])
    two = replace(one, sources=(Provenance(path="b", digest="sha256:a"),))
    assert merge([one, two]).files[None, "a.go"].lines[1] == 7
    assert merge([one, two]).notes == ("b holds the same as a and counts once",)
    merged = merge(map(counted_once, [one, two]), collapse=False)
    assert merged.files[None, "a.go"].lines[1] == 2
    assert len(merged.sources) == 2


def test_a_mismatch_names_both_inputs():
    one, two = (
        replace(go(Block(1, 1, 2 + number, 2, 1, 1)), sources=(Provenance(path=f"{number}.out", digest=str(number)),))
        for number in range(2)
    )
    with pytest.raises(SourceMismatch, match=r"0\.out and 1\.out"):
        merge([one, two])


@given(branches(), branches())
def test_arms_that_inputs_name_by_different_rules_are_told_once(one, two):
    """As many as the rule with the most has of a line; at least as many ran as by any."""
    merged = merge([Report.of([FileCoverage("a.c", branches=some)]) for some in (one, two)]).files[None, "a.c"]
    once = merged.branches.told_once()
    assert not once.told_twice
    assert once.told_once() == once
    assert merged.branches.ratio == once.ratio
    assert ("branches" in merged.inexact) >= bool(merged.branches.told_twice)
    told = merged.branches.by_line()
    for line, arms in once.by_line().items():
        rules = [[arm for arm in told[line] if arm.key.strip("-0124,") == rule] for rule in ("", "?", ">", "@")]
        assert len(arms) == max(map(len, rules))
        assert sum(arm.hits > 0 for arm in arms) == max(sum(arm.hits > 0 for arm in rule) for rule in rules)
        if line not in merged.branches.told_twice:
            assert arms == told[line]
