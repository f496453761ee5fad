"""Pieces of one column of hits laid out in another: what adds up reports that do not have the same files."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

from covey.loops import columns

_LANE = array("q").itemsize
_TOP = _LANE - 1 if sys.byteorder == "little" else 0  # the byte of a lane that has its sign
_FULL = 127  # hits below 2**56 that stay below 2**63


Spot = tuple[int, int, int]  # where some hits go, where they come from, how many they are


def joined(spots: Iterable[Spot]) -> list[Spot]:
    """The spots ascending by where they go, those that follow each other on both sides as one."""
    found: list[Spot] = []
    to = begin = size = 0
    for go, come, count in sorted(spots):
        if go == to + size and come == begin + size:
            size += count
            continue
        if size:
            found.append((to, begin, size))
        to, begin, size = go, come, count
    if size:
        found.append((to, begin, size))
    return found


def laid_out(hits: array[int], spots: Sequence[Spot], size: int) -> array[int]:
    """A column of at least `size` hits: those of the spots (as `joined` gives them) where they go, 0 elsewhere. Where
    that is what `hits` is already, itself."""
    if len(spots) == 1 and spots[0][:2] == (0, 0) and spots[0][2] == len(hits) >= size:
        return hits
    lanes = memoryview(hits).cast("B")
    nothing = memoryview(bytes(_LANE * max(size, spots[-1][0] if spots else 0)))
    pieces: list[memoryview] = []
    end = 0
    for to, begin, count in spots:
        if to > end:
            pieces.append(nothing[_LANE * end : _LANE * to])
        pieces.append(lanes[_LANE * begin : _LANE * (begin + count)])
        end = to + count
    if size > end:
        pieces.append(nothing[_LANE * end : _LANE * size])
    return array("q", b"".join(pieces))


class Total:
    """The sum of columns of hits >= 0, each lane saturating at 2**63-1; a shorter column has 0 where it ends.

    Columns are added as one big number of lanes of 64 bits, and looked at again only before a lane could be full: all
    of one have hits below 2**56, so that takes 127 of them.
    """

    def __init__(self) -> None:
        self._sum = 0
        self._added = 0  # columns, of such small hits; _FULL where some are larger
        self._size = 0

    def add(self, hits: array[int]) -> None:
        small = _are_small(hits)
        self._size = max(self._size, len(hits))
        if small and self._added < _FULL:
            self._sum += int.from_bytes(_little(hits), "little")
            self._added += 1
            return
        known = self.hits()
        if len(hits) < self._size:
            hits = laid_out(hits, [(0, 0, len(hits))], self._size)
        self._set(columns.combined(known, hits, columns.saturating_add))

    def hits(self) -> array[int]:
        """What the columns add up to, array('q'), as long as the longest."""
        return _little(array("q", self._sum.to_bytes(_LANE * self._size, "little")))

    def _set(self, hits: array[int]) -> None:
        self._sum = int.from_bytes(_little(hits), "little")
        self._added = 1 if _are_small(hits) else _FULL


def _are_small(hits: array[int]) -> bool:
    """Whether all are below 2**56."""
    top = hits.tobytes()[_TOP::_LANE]
    return top.count(0) == len(top)


def _little(hits: array[int]) -> array[int]:
    """With the bytes of each in the order of big numbers' lanes, or back from there."""
    if sys.byteorder == "big":
        hits = array("q", hits)
        hits.byteswap()
    return hits
