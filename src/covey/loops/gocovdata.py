"""The inner loops of Go's binary coverage data: numbers in ULEB128, functions of a package, counters of a process."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from covey.loops import goblocks
from covey.loops.goblocks import WIDTH

MOST_BITS = 63
COUNTER = 2**32 - 1  # the most a counter holds; Go adds counters up to it and no further


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


def add_counters(found: Sequence[int], count: int, into: Counters) -> None:
    """Add what a process counted: `count` functions, each with the number of its counters, package, function and the
    counters. ValueError when there are not as many."""
    at, end = 0, len(found)
    get = into.get
    for _ in range(count):
        if at + 3 > end:
            raise ValueError("cut off within a function's counters")
        size, package, function = found[at : at + 3]
        first = at + 3
        at = first + size
        if at > end:
            raise ValueError("cut off within a function's counters")
        key = package << 32 | function
        mine, counts = get(key), found[first:at]
        if mine is None:
            into[key] = counts
        elif len(mine) == size:
            into[key] = list(map(int.__add__, mine, counts))
        else:
            longer, shorter = sorted((mine, counts), key=len, reverse=True)
            into[key] = [*map(int.__add__, longer, shorter), *longer[len(shorter) :]]


def columns(units: Sequence[int], counts: Sequence[int], most: int) -> tuple[array[int], array[int]]:
    """Layout and hits of one file, ascending by position, none twice; hits are `most` at most.

    units: five numbers each, counts: one each. OverflowError for numbers that no file has; UnlikeBlocksError as
    `goblocks.united` gives it.
    """
    layout = array("i", units)
    if counts and max(counts) > most:
        counts = [min(count, most) for count in counts]
    hits = array("q", counts)
    order, twice = goblocks.order(layout)
    if twice:
        return goblocks.united([layout], [hits], most)
    if order is not None:
        return goblocks.arranged(layout, order), array("q", map(hits.__getitem__, order))
    return layout, hits


def spread(found: Sequence[int], of_file: Sequence[Function]) -> list[int]:
    """The units of some functions, one after the other."""
    return list(chain.from_iterable(found[one.first : one.last] for one in of_file))
