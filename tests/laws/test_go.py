"""Laws of Go's data: what a profile holds comes back, order and doubling count for nothing."""

from __future__ import annotations

import io
from array import array
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st
from laws.reports import files, some_blocks

from covey.formats.base import Input
from covey.formats.gocover import FORMAT as PROFILES
from covey.formats.sources import NoSources
from covey.loops import blocks
from covey.loops import gocovdata as loop
from covey.model.blocks import Blocks
from covey.model.counted import NO_BRANCHES, NO_FUNCTIONS
from covey.model.gomodules import GoModules
from covey.model.merge import merge
from covey.model.report import Report

NAMES = ("a.go", "example.com/m/b.go", "C: x/ü:1.2.go", "%s/d d.go", "mode")


def read(*texts):
    return PROFILES.read([Input.of_bytes(str(number), text) for number, text in enumerate(texts)], NoSources())


def written(report):
    out = io.BytesIO()
    PROFILES.write(report, out)
    return out.getvalue()


@st.composite
def reports(draw, modes=("count", "set")):
    """Files of one mode with Go's blocks, as a profile holds them."""
    mode = draw(st.sampled_from(modes))
    found = []
    for name in draw(st.sets(st.sampled_from(NAMES))):
        file = draw(files(name, (mode,)))
        blocks = draw(some_blocks(st.integers(0, 1) if mode == "set" else st.integers(0, 2**63 - 1)))
        if blocks:
            blocks = Blocks(blocks.layout, blocks.hits, "touch")
            found.append(replace(file, blocks=blocks, branches=NO_BRANCHES, functions=NO_FUNCTIONS))
    return Report.of(found)


@given(reports())
def test_a_profile_gives_back_what_it_holds(report):
    assert read(written(report)).files == report.files


@given(reports(), st.randoms(use_true_random=False))
def test_the_order_of_lines_is_nothing(report, dice):
    mode, *lines = written(report).splitlines(keepends=True)
    dice.shuffle(lines)
    assert read(mode + b"".join(lines)).files == report.files


@given(reports(), st.booleans())
def test_profiles_put_together_are_profiles_merged(report, crlf):
    text = written(report)
    twice = text + text
    both = merge([read(text), Report(read(text).files)]).files
    assert read(twice.replace(b"\n", b"\r\n") if crlf else twice).files == both
    assert read(text, text).files == both


@given(st.lists(reports(("count",)), min_size=1, max_size=4))
def test_what_is_kept_between_reads_changes_nothing(several):
    texts = [written(report) for report in several]
    assert [read(text).files for text in texts * 3] == [report.files for report in several] * 3


@given(st.lists(st.integers(0, 2**63 - 1)))
def test_numbers_are_read_as_written(values):
    data = bytearray()
    for value in values:
        pieces = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
        data += bytes([*(piece | 128 for piece in pieces[:-1]), pieces[-1]])
    assert loop.numbers(bytes(data)) == values


@given(
    st.dictionaries(st.sampled_from(["go.mod", "a/go.mod", "go.work", "a/b/go.mod"]), st.text()), st.text(min_size=1)
)
@example({}, "/a")
@example({}, "//a")
def test_any_text_is_a_go_mod(texts, name):
    modules = GoModules.of(texts)
    list(modules.places(name))
    modules.import_path(name)


WIDE = st.lists(st.tuples(st.integers(1, 200_000), st.integers(0, 90_000), st.integers(0, 1), st.integers(0, 9)))


@given(WIDE.filter(bool))
def test_lines_of_blocks_that_reach_far_are_found_as_those_of_others(rows):
    layout = array(
        "i", [number for first, more, statements, _ in rows for number in (first, 1, first + more, 2, statements)]
    )
    hits = array("q", [count for *_, count in rows])
    assert blocks._touched_far(layout, hits) == blocks.touched(layout, hits)
