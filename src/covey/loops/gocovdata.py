"""The inner loops of Go's binary coverage data: numbers in ULEB128, functions of a package, counters of a process."""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import chain, compress, pairwise
from operator import itemgetter, ne, sub
from typing import NamedTuple

from covey.loops import columns, goblocks, lanes
from covey.loops.blocks import WIDTH
from covey.loops.bounds import MOST_HITS

MOST_BITS = 63
FRAME = 3  # numbers before a function's counters
COUNTER = 2**32 - 1  # the most a counter holds; Go adds counters up to it and no further

_UNIT = itemgetter(slice(0, WIDTH))
_COUNT = itemgetter(WIDTH)


def numbers(data: bytes) -> list[int]:
    """All ULEB128 numbers of some bytes: 7 bits a byte, the low ones first, the high bit set while more follow.

    ValueError where the last is cut off or one has more than 63 bits.
    """
    if data.isascii():
        return list(data)
    found: list[int] = []
    add = found.append
    stream = iter(data)
    following = stream.__next__
    try:
        for byte in stream:
            if byte < 128:
                add(byte)
                continue
            more = following()
            if more < 128:
                add(byte + (more << 7) - 128)
                continue
            value, shift = byte + (more << 7) - 128 - (128 << 7), 14
            while (more := following()) > 127:
                value += (more & 127) << shift
                shift += 7
                if shift > MOST_BITS:
                    raise ValueError("a number of more than 63 bits")
            add(value + (more << shift))
    except StopIteration:
        raise ValueError("cut off within a number") from None
    return found


def one_number(data: bytes, at: int) -> tuple[int, int]:
    """The ULEB128 number at an offset, and where it ends; ValueError when there is none."""
    value = shift = 0
    for end in range(at, min(at + 10, len(data))):
        value |= (data[end] & 127) << shift
        shift += 7
        if data[end] < 128:
            return value, end + 1
    raise ValueError("cut off within a number")


def strings(data: bytes, at: int) -> tuple[list[bytes], int]:
    """A string table at an offset (how many; each with its length before it), and where it ends."""
    count, at = one_number(data, at)
    if count > len(data) - at:
        raise ValueError("a table of more strings than there are bytes")
    found: list[bytes] = []
    for _ in range(count):
        length = data[at] if at < len(data) else 128
        at += 1
        if length > 127:
            length, at = one_number(data, at - 1)
        found.append(data[at : at + length])
        at += length
    if at > len(data):
        raise ValueError("cut off within a string table")
    return found, at


class Function(NamedTuple):
    """name, file: indexes of strings. first and last: where its units stand among the package's numbers, five each."""

    name: int
    file: int
    first: int
    last: int
    literal: bool


def functions(found: Sequence[int], count: int) -> list[Function]:
    """The functions of a package, in the order of their indexes; ValueError when there are not as many."""
    rows: list[Function] = []
    at, end = 0, len(found)
    for _ in range(count):
        if at + 3 > end or found[at] > end:
            raise ValueError("cut off within a function")
        first = at + 3
        last = first + found[at] * WIDTH
        if last >= end:
            raise ValueError("cut off within a function")
        rows.append(Function(found[at + 1], found[at + 2], first, last, found[last] != 0))
        at = last + 1
    return rows


Counters = dict[int, Sequence[int]]  # package * 2**32 + function -> a counter a unit
_Frame = bytes  # units, package, function; and which time where a process has it several times
_NUMBERS = struct.Struct("3q")


class Tally:
    """What processes of one build counted, added up in one column: each function has its place there, with the three
    numbers before its counters, so that functions that follow each other again are one piece."""

    def __init__(self) -> None:
        self._places: dict[_Frame, int] = {}
        self._end = 0
        self._total = lanes.Total()

    def add(self, found: Sequence[int], count: int) -> None:
        """Add what a process counted: `count` functions, each with the number of its counters, package, function and
        the counters. ValueError when there are not as many."""
        if not count:
            return
        begins = _begins(found, count)
        end = begins[-1] + FRAME + found[begins[-1]]
        try:
            lane = struct.pack(f"{len(found)}q", *found)
        except struct.error:
            lane = struct.pack(f"{len(found)}q", *[min(number, MOST_HITS) for number in found])
        frames = [lane[8 * begin : 8 * (begin + FRAME)] for begin in begins]
        spots = self._spots(frames, begins, end)
        if any(to + size > after for (to, _, size), (after, _, _) in pairwise(spots)):  # a function twice
            spots = self._spots(_numbered(frames), begins, end)
        self._total.add(lanes.laid_out(array("q", lane), spots, 0))

    def counters(self) -> Counters:
        """What each function counted."""
        found: Counters = {}
        hits = self._total.hits()
        for frame, place in self._places.items():
            size, package, function = _NUMBERS.unpack_from(frame)
            key, counts = package << 32 | function, hits[place + FRAME : place + FRAME + size]
            known = found.get(key)
            if known is not None:
                longer, shorter = sorted((known, counts), key=len, reverse=True)
                counts = array("q", [*map(columns.saturating_add, longer, shorter), *longer[len(shorter) :]])
            found[key] = counts
        return found

    def _spots(self, frames: Sequence[_Frame], begins: Sequence[int], end: int) -> list[lanes.Spot]:
        """Where the functions go."""
        if not self._places.keys() >= set(frames):
            for frame in frames:
                if frame not in self._places:
                    self._places[frame] = self._end
                    self._end += FRAME + _NUMBERS.unpack_from(frame)[0]
        places = list(map(self._places.__getitem__, frames))
        moves = list(map(sub, places, begins))  # equal for two that follow each other here and there
        firsts = [0, *compress(range(1, len(moves)), map(ne, moves, moves[1:]))]
        ends = [*map(begins.__getitem__, firsts[1:]), end]
        return lanes.joined(
            [(places[first], begins[first], last - begins[first]) for first, last in zip(firsts, ends, strict=True)]
        )


def _begins(found: Sequence[int], count: int) -> list[int]:
    """Where each function's numbers begin."""
    begins: list[int] = []
    at, end = 0, len(found)
    for _ in range(count):
        if at + FRAME > end:
            raise ValueError("cut off within a function's counters")
        begins.append(at)
        at += FRAME + found[at]
    if at > end:
        raise ValueError("cut off within a function's counters")
    return begins


def _numbered(frames: Sequence[_Frame]) -> Sequence[_Frame]:
    """The frames, none of them twice."""
    times: Counter[_Frame] = Counter()
    found = []
    for frame in frames:
        found.append(frame + times[frame].to_bytes(8, "little"))
        times[frame] += 1
    return found


def arranged(units: Sequence[int], counts: Sequence[int], most: int) -> tuple[array[int], array[int]]:
    """Layout and hits of one file, ascending by position, none twice; hits are `most` at most.

    units: five numbers each, counts: one each. OverflowError for numbers that no file has; UnlikeBlocksError as
    `goblocks.united` gives it.
    """
    if counts and max(counts) > most:
        counts = [min(count, most) for count in counts]
    rows = list(zip(*(units[column::WIDTH] for column in range(WIDTH)), counts, strict=True))
    ordered = sorted(rows)
    if ordered != rows:
        rows = ordered
        units = list(chain.from_iterable(map(_UNIT, rows)))
        counts = list(map(_COUNT, rows))
    try:  # faster than array takes a list
        layout = array("i", struct.pack(f"{len(units)}i", *units))
    except struct.error as error:
        raise OverflowError(*error.args) from None
    hits = array("q", counts)
    if any(one[0] == two[0] and one[1:4] == two[1:4] for one, two in pairwise(rows)):
        return goblocks.united([layout], [hits], most)
    return layout, hits


def spread(found: Sequence[int], of_file: Sequence[Function]) -> list[int]:
    """The units of some functions, one after the other."""
    return list(chain.from_iterable(found[one.first : one.last] for one in of_file))
