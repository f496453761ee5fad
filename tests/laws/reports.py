"""Hypothesis strategies for reports."""

from __future__ import annotations

from hypothesis import strategies as st

from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import FileCoverage, Report, bits

PATHS = ("a.py", "pkg/b.py", "pkg/c.go", "pkg/sub/ü d.js")
HITS = st.one_of(st.integers(0, 5), st.integers(0, 2**63 - 1))


@st.composite
def lines(draw, most=40, hits=HITS):
    return Lines.of(draw(st.dictionaries(st.integers(1, most), hits, max_size=12)))


@st.composite
def branches(draw, hits=HITS, anonymous=True):
    keys = st.sampled_from(["0", "1", "2", *(["?0", "?1", "->4", "->-1", "@4,0", "@4,1"] if anonymous else [])])
    arms = draw(st.dictionaries(st.tuples(st.integers(1, 9), keys), hits, max_size=6))
    return Branches.of(Arm(line, key, count) for (line, key), count in arms.items())


@st.composite
def functions(draw, hits=HITS):
    rows = draw(st.dictionaries(st.tuples(st.integers(1, 40), st.sampled_from("fgh")), hits, max_size=3))
    return Functions.of(Function(name, first, first + 3, count) for (first, name), count in rows.items())


@st.composite
def some_blocks(draw, hits=HITS, layouts=None):
    """Blocks at any place, or with one of the layouts given."""
    place = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(0, 5), st.integers(1, 9))
    rows = draw(st.dictionaries(place, st.integers(0, 4), max_size=4) if layouts is None else st.sampled_from(layouts))
    return Blocks.of(
        (
            Block(first, column, first + more, last_column, statements, draw(hits))
            for (first, column, more, last_column), statements in rows.items()
        ),
        draw(st.sampled_from(["", "touch", "start"])) if layouts is None else "touch",
    )


LAYOUTS = ({(1, 2, 3, 4): 2, (2, 9, 0, 1): 1, (7, 1, 0, 5): 0}, {(1, 2, 3, 4): 2, (3, 1, 4, 1): 2})


@st.composite
def files(draw, path, modes=("count", "set")):
    """A file as any format might tell of it; that of Go has blocks, more often of one build than of two."""
    mode = draw(st.sampled_from(modes))
    hits = st.integers(0, 1) if mode == "set" else HITS
    blocks = draw(some_blocks(hits, (LAYOUTS[0], *LAYOUTS))) if path.endswith(".go") and draw(st.booleans()) else None
    return FileCoverage(
        path, draw(lines(hits=hits)), draw(branches(hits=hits)), draw(functions(hits=hits)), blocks, mode=mode
    )


@st.composite
def reports(draw, number=0, modes=("count", "set")):
    """A report of a source of its own: inputs of different numbers are disjoint."""
    chosen = [draw(files(path, modes)) for path in PATHS if draw(st.booleans())]
    source = Provenance(capture=CaptureId(pod_uid="u", pid=number + 1), digest=f"sha256:{number}")
    slices = {
        name: {file.key: bits(file.lines) for file in chosen if file.lines}
        for name in draw(st.sets(st.sampled_from(["test:x", "part:unit"])))
    }
    return Report.of(chosen, [source], slices)


def disjoint(count, modes=("count", "set")):
    return st.tuples(*(reports(number, modes) for number in range(count)))
