"""LLVM's rule for lines, said twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from covey.loops import llvm


@st.composite
def segments(draw):
    """line, column, count, has a count, begins a region, is a gap; ascending by place."""
    places = sorted(draw(st.sets(st.tuples(st.integers(1, 9), st.integers(1, 4)), min_size=1, max_size=14)))
    return [
        (line, column, draw(st.integers(0, 3)) if counted else 0, counted, draw(st.booleans()), draw(st.booleans()))
        for line, column in places
        for counted in [draw(st.booleans())]
    ]


def line_by_line(rows):
    """LLVM's rule, once more, a line at a time: the last segment before the line, then those that begin on it."""
    found, before = {}, None
    for line in range(rows[0][0], rows[-1][0] + 1):
        here = [row for row in rows if row[0] == line]
        regions = [count for _, _, count, counted, entry, gap in here if counted and entry and not gap]
        skipped = bool(here) and not here[0][3] and here[0][4]
        mapped = not skipped and ((before is not None and before[3]) or bool(regions))
        if mapped or any(counted and entry for _, _, _, counted, entry, _ in here):
            found[line] = max([before[2] if before else 0, *regions])
        before = here[-1] if here else before
    return found


@given(segments())
def test_lines_follow_from_segments_as_llvm_has_it(rows):
    flat = [int(value) for row in rows for value in row]
    numbers, hits = llvm.lines(6, flat, 100)
    assert dict(zip(numbers, hits, strict=True)) == line_by_line(rows)
