"""From blocks to lines: the inner loops that every format of regions shares."""

from __future__ import annotations

from array import array
from itertools import compress, repeat

WIDE = 1_000_000  # lines that the blocks of a file reach over: no source that somebody wrote
_PIECE = 1 << 16
WIDTH = 5  # numbers of a block in a layout: first line, first column, last line, last column, statements


def touched(layout: array[int], hits: array[int]) -> tuple[array[int], array[int]]:
    """Line numbers (array('i'), ascending) and hits (array('q')): of a line, the most of the blocks that touch it.

    A block without statements makes no line executable.
    """
    if sum(layout[2::WIDTH]) - sum(layout[0::WIDTH]) > WIDE:
        return _touched_far(layout, hits)
    found: dict[int, int] = {}
    get = found.get
    for first, last, statements, count in zip(layout[0::WIDTH], layout[2::WIDTH], layout[4::WIDTH], hits, strict=True):
        if not statements:
            continue
        for number in range(first, last + 1):
            if get(number, -1) < count:
                found[number] = count
    return _columns(found)


def _touched_far(layout: array[int], hits: array[int]) -> tuple[array[int], array[int]]:
    """As `touched`, with a number a line rather than an entry of a dictionary: a tenth of the memory."""
    most = array("q", [-1]) * (max(layout[2::WIDTH]) + 1)
    none = array("q", [-1]) * _PIECE
    for first, last, statements, count in zip(layout[0::WIDTH], layout[2::WIDTH], layout[4::WIDTH], hits, strict=True):
        if statements:
            for at in range(first, last + 1, _PIECE):
                here = slice(at, min(at + _PIECE, last + 1))
                before, new = most[here], array("q", [count]) * (here.stop - at)
                most[here] = new if before == none[: len(new)] else array("q", map(max, before, repeat(count)))
    numbers, ran = array("i"), array("q")
    for at in range(0, len(most), _PIECE):
        piece = most[at : at + _PIECE]
        there = [count >= 0 for count in piece]
        numbers.extend(compress(range(at, at + len(piece)), there))
        ran.extend(compress(piece, there))
    return numbers, ran


def begun(layout: array[int], hits: array[int]) -> tuple[array[int], array[int]]:
    """Line numbers and hits as `touched` gives them: of a line, the most of the blocks that begin on it."""
    return _columns(dict(sorted(zip(layout[0::WIDTH], hits, strict=True))))  # of one line the last, so the most


def _columns(found: dict[int, int]) -> tuple[array[int], array[int]]:
    ordered = sorted(found)
    return array("i", ordered), array("q", map(found.__getitem__, ordered))
