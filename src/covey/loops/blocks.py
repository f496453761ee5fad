"""From blocks to lines: the inner loops that every format of regions shares."""

from __future__ import annotations

from array import array

WIDTH = 5  # numbers of a block in a layout: first line, first column, last line, last column, statements


def touched(layout: array[int], hits: array[int]) -> tuple[array[int], array[int]]:
    """Line numbers (array('i'), ascending) and hits (array('q')): of a line, the most of the blocks that touch it.

    A block without statements makes no line executable.
    """
    found: dict[int, int] = {}
    get = found.get
    for first, last, statements, count in zip(layout[0::WIDTH], layout[2::WIDTH], layout[4::WIDTH], hits, strict=True):
        if not statements:
            continue
        for number in range(first, last + 1):
            if get(number, -1) < count:
                found[number] = count
    return _columns(found)


def begun(layout: array[int], hits: array[int]) -> tuple[array[int], array[int]]:
    """Line numbers and hits as `touched` gives them: of a line, the most of the blocks that begin on it."""
    return _columns(dict(sorted(zip(layout[0::WIDTH], hits, strict=True))))  # of one line the last, so the most


def _columns(found: dict[int, int]) -> tuple[array[int], array[int]]:
    ordered = sorted(found)
    return array("i", ordered), array("q", map(found.__getitem__, ordered))
