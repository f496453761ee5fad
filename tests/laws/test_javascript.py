"""Laws of Istanbul's and V8's formats, of source maps, and of their inner loops."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from laws.reports import HITS, lines

from covey.formats.base import Input
from covey.formats.istanbul import FORMAT as ISTANBUL
from covey.formats.sourcemap import SourceMap
from covey.formats.sources import NoSources
from covey.formats.v8 import FORMAT as V8
from covey.loops import v8 as loops
from covey.loops import vlq
from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Function, Functions, begins_at
from covey.model.merge import merge
from covey.model.report import FileCoverage, Report


def read(fmt, *texts):
    return fmt.read([Input.of_bytes(f"x{number}", text) for number, text in enumerate(texts)], NoSources())


@st.composite
def statements(draw):
    place = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(0, 3), st.integers(1, 9))
    rows = draw(st.dictionaries(place, st.tuples(st.integers(1, 3), HITS), max_size=8))
    made = {}
    for (first, column, more, end), (often, hits) in rows.items():
        last_column = end if more else column + end
        made[first, column, first + more, last_column] = Block(first, column, first + more, last_column, often, hits)
    return Blocks.of(made.values(), "start")


@st.composite
def held(draw, path):
    """What Istanbul's JSON can hold of a file: statements, arms numbered by their branch, functions."""
    arms = draw(
        st.dictionaries(st.tuples(st.integers(1, 40), st.integers(0, 12)), st.lists(HITS, min_size=1, max_size=3))
    )
    names = st.text(st.characters(categories=["L", "N", "P"]), max_size=5)
    functions = draw(
        st.dictionaries(st.tuples(st.integers(1, 40), names), st.tuples(st.integers(0, 5), HITS), max_size=5)
    )
    branches = Branches.of(
        Arm(line, begins_at(column, number), hits)
        for (line, column), several in arms.items()
        for number, hits in enumerate(several)
    )
    return FileCoverage(
        path,
        branches=branches,
        functions=Functions.of(Function(name, at, at + more, hits) for (at, name), (more, hits) in functions.items()),
        blocks=draw(statements()),
        inexact=frozenset({"branches"} if branches and draw(st.booleans()) else ()),
    )


@given(held("a.js"), held("src/ü b.ts"))
def test_istanbul_gives_back_what_it_holds(one, other):
    report = Report.of([one, other])
    out = io.BytesIO()
    ISTANBUL.write(report, out)
    assert read(ISTANBUL, out.getvalue()).files == report.files


@given(lines())
def test_istanbul_gives_back_lines_without_blocks(counted):
    out = io.BytesIO()
    ISTANBUL.write(Report.of([FileCoverage("a.c", counted)]), out)
    back = read(ISTANBUL, out.getvalue()).files[None, "a.c"]
    assert back.lines == counted


@given(st.lists(held("a.js"), min_size=1, max_size=3))
def test_a_shard_after_another_reads_as_it_does_alone(files):
    """What is remembered of the shard before only saves work."""
    written = []
    for file in files:
        out = io.BytesIO()
        ISTANBUL.write(Report.of([file]), out)
        written.append(out.getvalue())
    for file, text in zip([*files, files[0]], [*written, written[0]], strict=True):
        assert read(ISTANBUL, text).files[file.key] == file


@st.composite
def nested(draw, begin=0, end=60):
    """Ranges as V8 tells them: the whole first, each further one inside another or beside it."""
    found = [(begin, end, draw(st.integers(0, 5)))]

    def inside(first, last, depth):
        at = first
        while depth and at < last and draw(st.booleans()):
            start = draw(st.integers(at, last - 1))
            stop = draw(st.integers(start + 1, last))
            if (start, stop) != (first, last):
                found.append((start, stop, draw(st.integers(0, 5))))
                inside(start, stop, depth - 1)
            at = stop

    inside(begin, end, 3)
    return found


def at_each_offset(ranges, end=60):
    counts = [0] * end
    for start, stop, count in ranges:
        counts[start:stop] = [count] * (stop - start)
    return counts


@given(st.lists(nested(), min_size=1, max_size=5))
def test_processes_add_up_at_each_offset(processes):
    functions = loops.Functions()
    for ranges in processes:
        functions.add("f", ranges, True)
    ((_, ranges, _),) = functions
    wanted = [sum(counts) for counts in zip(*map(at_each_offset, processes), strict=True)]
    assert at_each_offset(ranges) == wanted
    assert ranges[0][:2] == (0, 60)


@given(st.lists(nested(), min_size=2, max_size=4), st.randoms())
def test_the_order_of_processes_does_not_matter_to_lines(processes, dice):
    source = "a = 1\nb = 22\n\n  c = {\n  d }\nfunction e () {\n  f\n}\nend of it!"
    assert len(source) == 60
    texts = [
        json.dumps(
            {
                "result": [
                    {
                        "url": "file:///srv/a.js",
                        "source": source,
                        "functions": [
                            {
                                "functionName": "",
                                "isBlockCoverage": True,
                                "ranges": [{"startOffset": a, "endOffset": b, "count": c} for a, b, c in ranges],
                            }
                        ],
                    }
                ]
            }
        ).encode()
        for ranges in processes
    ]
    one = read(V8, *texts)
    dice.shuffle(texts)
    other = read(V8, *texts)
    assert [file.lines for file in one.files.values()] == [file.lines for file in other.files.values()]
    assert merge([replace(one, sources=()), Report()]).files == one.files


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def encoded(number):
    value = (-number << 1) | 1 if number < 0 else number << 1
    text = ""
    while True:
        value, digit = value >> 5, value & 31
        text += _DIGITS[digit | (32 if value else 0)]
        if not value:
            return text


PLACES = st.lists(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.integers(0, 9), st.integers(0, 30)), max_size=6),
    max_size=6,
)


def mappings(rows):
    before, text = (0, 0, 0), []
    for row in rows:
        column, segments = 0, []
        for at, *place in sorted(row):
            steps = [at - column, *(now - then for now, then in zip(place, before, strict=True))]
            segments.append("".join(map(encoded, steps)))
            column, before = at, tuple(place)
        text.append(",".join(segments))
    return ";".join(text)


@given(PLACES)
def test_mappings_are_decoded_as_they_were_encoded(rows):
    begins, *columns = vlq.decoded(mappings(rows), 3)
    found = [
        [tuple(column[at] for column in columns) for at in range(begins[row], begins[row + 1])]
        for row in range(len(begins) - 1)
    ]
    assert found == [sorted(row) for row in rows] or (not rows and found == [[]])


@given(PLACES, st.integers(0, 6), st.integers(0, 45), st.booleans())
def test_a_place_leads_where_a_look_at_all_segments_says(rows, line, column, after):
    source_map = SourceMap.of(
        json.dumps({"version": 3, "sources": ["a", "b", "c"], "mappings": mappings(rows)}).encode()
    )
    row = sorted(rows[line]) if line < len(rows) else []
    same = [one for one in row if one[0] == column]
    near = [one for one in row if (one[0] > column if after else one[0] < column)]
    wanted = (same[-1 if after else 0] if same else near[0 if after else -1] if near else (None,))[1:]
    assert (source_map.original(line, column, after=after) or ()) == wanted


@given(PLACES, PLACES, st.integers(0, 3))
def test_an_index_map_is_its_sections_one_after_the_other(above, below, lines_between):
    offset = len(above) + lines_between
    gap = [[]] * lines_between
    moved = [[(at, which + 3, *place) for at, which, *place in row] for row in below]
    whole = SourceMap.of(
        json.dumps({"version": 3, "sources": [*"abcabc"], "mappings": mappings([*above, *gap, *moved])}).encode()
    )
    sections = [
        {"offset": {"line": line, "column": 0}, "map": {"version": 3, "sources": [*"abc"], "mappings": mappings(rows)}}
        for line, rows in ((0, above), (offset, below))
    ]
    joined = SourceMap.of(json.dumps({"version": 3, "sections": sections}).encode())
    for line in range(offset + len(below)):
        for column in range(0, 45, 3):
            assert joined.original(line, column) == whole.original(line, column)
