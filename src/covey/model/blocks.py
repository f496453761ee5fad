"""Regions of statements in columns, as Go, LLVM and Istanbul count them; lines may follow from them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, overload

from covey.loops.blocks import WIDTH
from covey.model.ratio import Ratio

MOST_SPANNED = 50_000_000  # lines that the blocks of one file reach over, all together
LinesBy = Literal["", "touch", "start"]


class Block(NamedTuple):
    """A region of statements: Go and LLVM regions, Istanbul statements. Columns are 1-based, the end exclusive."""

    first_line: int
    first_column: int
    last_line: int
    last_column: int
    statements: int
    hits: int


class Blocks(Sequence[Block]):
    """The blocks of a file, ascending by position, none twice.

    `layout`: array('i'), five numbers a block: first line, first column, last line, last column, statements; `hits`:
    array('q'), >= 0. `lines_by`: how the hits of lines follow from those of blocks: "touch" (Go), a line has the most
    of the blocks that touch it and hold a statement; "start" (Istanbul), of those that begin on it; "", not at all,
    then lines are counted by themselves.
    """

    __slots__ = ("hits", "layout", "lines_by")

    def __init__(self, layout: array[int], hits: array[int], lines_by: LinesBy = "") -> None:
        self.layout = layout
        self.hits = hits
        self.lines_by = lines_by

    @classmethod
    def of(cls, blocks: Iterable[Block], lines_by: LinesBy = "") -> Blocks:
        """From blocks in any order. ValueError: a position twice, an end before the start, lines below 1, or blocks
        that reach over more than 50,000,000 lines."""
        ordered = sorted(blocks)
        for one, two in pairwise(ordered):
            if one[:4] == two[:4]:
                raise ValueError(f"the block at {one.first_line}.{one.first_column} is there twice")
        layout = array("i", [number for block in ordered for number in block[:WIDTH]])
        return cls(layout, array("q", [block.hits for block in ordered]), lines_by).checked()

    def checked(self) -> Blocks:
        """Itself; ValueError as `of` gives it for positions that no file has."""
        firsts, lasts = self.layout[0::WIDTH], self.layout[2::WIDTH]
        if len(firsts) and (min(firsts) < 1 or min(map(int.__sub__, lasts, firsts)) < 0):
            raise ValueError("a block ends before it begins, or begins before line 1")
        if self.spanned > MOST_SPANNED:
            raise ValueError(f"the blocks reach over more than {MOST_SPANNED} lines")
        return self

    @property
    def spanned(self) -> int:
        """How many lines the blocks reach over, all together."""
        return sum(self.layout[2::WIDTH]) - sum(self.layout[0::WIDTH]) + len(self.hits)

    @overload
    def __getitem__(self, at: int) -> Block: ...
    @overload
    def __getitem__(self, at: slice) -> list[Block]: ...
    def __getitem__(self, at: int | slice) -> Block | list[Block]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        at = range(len(self.hits))[at]
        return Block._make((*self.layout[at * WIDTH : at * WIDTH + WIDTH], self.hits[at]))

    def __iter__(self) -> Iterator[Block]:
        return map(Block, *(self.layout[at::WIDTH] for at in range(WIDTH)), self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blocks):
            return NotImplemented
        return self.same_layout(other) and self.hits == other.hits

    __hash__ = None  # type: ignore[assignment]  # holds arrays, as they have none

    def __repr__(self) -> str:
        return f"Blocks.of({list(self)}, {self.lines_by!r})"

    def same_layout(self, other: Blocks) -> bool:
        return self.layout == other.layout and self.lines_by == other.lines_by

    @property
    def ratio(self) -> Ratio:
        """Statements, each counted as often as its block says."""
        statements = self.layout[4::WIDTH]
        return Ratio(sum(count for count, hits in zip(statements, self.hits, strict=True) if hits), sum(statements))
