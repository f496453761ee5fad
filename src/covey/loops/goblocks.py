"""Columns of Go's blocks: put in order, and several of one file made one."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain, islice
from operator import eq

from covey.loops.blocks import WIDTH
from covey.loops.bounds import MOST_HITS


class UnlikeBlocksError(ValueError):
    """One position with two numbers of statements; `line` is where it begins."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def order(layout: array[int]) -> tuple[Sequence[int] | None, bool]:
    """The order that sorts blocks by position, None when they are sorted, and whether two have the same."""
    keys = list(zip(*(layout[column::WIDTH] for column in range(WIDTH - 1)), strict=True))
    ordered = sorted(keys)
    twice = any(map(eq, ordered, islice(ordered, 1, None)))
    return None if ordered == keys else sorted(range(len(keys)), key=keys.__getitem__), twice


def arranged(layout: array[int], order: Sequence[int] | None) -> array[int]:
    """The blocks in that order; the layout itself for None."""
    if order is None:
        return layout
    rows = list(zip(*(layout[column::WIDTH] for column in range(WIDTH)), strict=True))
    return array("i", chain.from_iterable(map(rows.__getitem__, order)))


def united(
    layouts: Sequence[array[int]], hits: Sequence[array[int]], most: int = MOST_HITS
) -> tuple[array[int], array[int]]:
    """Several columns of one file as one, blocks of one position as one. Counts add up, to `most` at most (1: a set).

    UnlikeBlocksError where two of them disagree about the number of statements.
    """
    found: dict[tuple[int, ...], int] = {}
    statements: dict[tuple[int, ...], int] = {}
    for layout, counts in zip(layouts, hits, strict=True):
        positions = zip(*(layout[column::WIDTH] for column in range(WIDTH - 1)), strict=True)
        for position, number, count in zip(positions, layout[WIDTH - 1 :: WIDTH], counts, strict=True):
            if statements.setdefault(position, number) != number:
                raise UnlikeBlocksError(position[0])
            found[position] = found.get(position, 0) + count
    ordered = sorted(found)
    layout = array("i", chain.from_iterable((*position, statements[position]) for position in ordered))
    return layout, array("q", [min(found[position], most) for position in ordered])
