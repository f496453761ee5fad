"""Lines that ran in part: arms not taken, and blocks that did not run and have more than a bracket on the line."""

from __future__ import annotations

from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Lines
from covey.model.report import FileCoverage
from covey.render.partly import has_gaps, partly

# As go test -coverprofile of Go 1.26 has it.
SOURCE = """package m

func F(n int) int {
	if n < 0 {
		return 0
	}
	for i := 0; i < n; i++ {
		n += i
	}
	if n > 3 { n-- }
	f := func() int { return n }
	_ = f
	return n
}
"""
BLOCKS = [
    Block(3, 19, 4, 11, 1, 1),
    Block(4, 11, 6, 3, 1, 0),
    Block(7, 2, 7, 25, 1, 1),
    Block(7, 25, 9, 3, 1, 1),
    Block(10, 2, 10, 11, 1, 1),
    Block(10, 11, 10, 18, 1, 0),
    Block(11, 2, 11, 18, 1, 1),
    Block(11, 18, 11, 30, 1, 0),
    Block(12, 2, 13, 10, 2, 1),
]


def test_blocks_of_go():
    file = FileCoverage("a.go", blocks=Blocks.of(BLOCKS, "touch"))
    assert partly(file, SOURCE) == {10, 11}
    assert partly(file) == {4, 10, 11}  # whether a bracket is all that did not run cannot be seen
    assert partly(file, "too short") == {4, 10, 11}
    assert has_gaps(file)


def test_statements_of_istanbul_count_where_they_begin():
    blocks = Blocks.of([Block(1, 1, 3, 2, 1, 5), Block(1, 8, 1, 17, 1, 0), Block(2, 3, 4, 9, 1, 0)], "start")
    file = FileCoverage("a.js", blocks=blocks)
    assert partly(file, "if (x) return 1;\n  a(\n)\n b") == {1}


def test_blocks_without_statements_say_nothing():
    blocks = Blocks.of([Block(1, 1, 1, 9, 1, 1), Block(1, 10, 1, 19, 0, 0)], "touch")
    assert partly(FileCoverage("a.go", blocks=blocks)) == set()
    assert not has_gaps(FileCoverage("a.go", blocks=blocks))


def test_arms():
    file = FileCoverage(
        "a.py", Lines.of({1: 1, 2: 0, 3: 1}), Branches.of([Arm(1, "2", 0), Arm(2, "3", 0), Arm(3, "4", 1)])
    )
    assert partly(file) == {1}
    assert has_gaps(file)
    assert not has_gaps(FileCoverage("b.py", Lines.of({1: 1}), Branches.of([Arm(1, "2", 1)])))
    assert has_gaps(FileCoverage("b.py", Lines.of({1: 1}), Branches.of([Arm(1, "2", 0)])))
