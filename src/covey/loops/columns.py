"""Merging two ascending columns of line numbers with their hits: the inner loops of every merge."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import compress, repeat
from typing import Any, TypeVar

from covey.loops.bounds import MOST_HITS

_LANE = array("q").itemsize
_TOP = _LANE - 1 if sys.byteorder == "little" else 0  # the byte of a lane that has its sign

Combine = Callable[[int, int], int]
Key = TypeVar("Key")


def saturating_add(a: int, b: int) -> int:
    total = a + b
    return total if total < MOST_HITS else MOST_HITS


def one_if_either(a: int, b: int) -> int:
    return 1 if a or b else 0


def only_first(a: int, b: int) -> int:
    """What the first ran and the second did not."""
    return 0 if b else a


def both(a: int, b: int) -> int:
    return min(a, b)


def one_if_only_first(a: int, b: int) -> int:
    return 1 if a and not b else 0


def one_if_both(a: int, b: int) -> int:
    return 1 if a and b else 0


def merge(
    numbers: array[int], hits: array[int], other_numbers: array[int], other_hits: array[int], combine: Combine
) -> tuple[array[int], array[int]]:
    """The union of two ascending columns of distinct numbers; where both have a number, `combine` gives the hits.

    Shapes: `numbers` is array('i'), `hits` is array('q'), equally long; so are the results, which may be the
    arguments themselves. A number that one side lacks counts there as 0 hits.
    """
    if numbers == other_numbers:  # the common case: replicas and shards of one build
        return numbers, combined(hits, other_hits, combine)
    mine, theirs = dict(zip(numbers, hits, strict=True)), dict(zip(other_numbers, other_hits, strict=True))
    keys = united(mine, theirs)
    union = numbers if len(keys) == len(numbers) else array("i", keys)
    return union, combined(spread(mine, keys), spread(theirs, keys), combine)


def united(mine: Mapping[Key, int], theirs: Mapping[Key, int], order: Callable[[Key], Any] | None = None) -> list[Key]:
    """The keys of both, each once, ascending by `order`, as those of each are."""
    if theirs.keys() <= mine.keys():
        return list(mine)
    if mine.keys() <= theirs.keys():
        return list(theirs)
    return sorted(mine.keys() | theirs.keys(), key=order)  # type: ignore[type-var, arg-type]  # keys that have an order


def spread(hits: Mapping[Key, int], keys: Iterable[Key]) -> array[int]:
    """The hits of each key, array('q'); 0 for one that is not there."""
    return array("q", map(hits.get, keys, repeat(0)))


def combined(hits: array[int], other_hits: array[int], combine: Combine) -> array[int]:
    """`combine` of each two hits of two columns, array('q'), equally long."""
    if combine is saturating_add:
        # Each column is one big number here, of lanes of 64 bits: two hits below 2**63 never carry into the next lane.
        total = int.from_bytes(hits, sys.byteorder) + int.from_bytes(other_hits, sys.byteorder)
        lanes = total.to_bytes(_LANE * len(hits), sys.byteorder)
        if lanes[_TOP::_LANE].isascii():  # no lane reached 2**63
            return array("q", lanes)
    return array("q", map(combine, hits, other_hits))


def narrow(column: array[int]) -> array[int]:
    """Numbers below 2**31 of array('q') as array('i')."""
    words = array("i", column.tobytes())
    return words[0::2] if sys.byteorder == "little" else words[1::2]


def covered(hits: array[int]) -> int:
    """How many of the hits are above 0."""
    return len(hits) - hits.count(0)


def forks(lines: array[int], hits: array[int]) -> dict[int, tuple[int, int]]:
    """Of columns of arms, ascending by line: each line -> how many of its arms ran, of how many. In that order."""
    arms, ran = Counter(lines), Counter(compress(lines, hits))
    return dict(zip(arms, zip(map(ran.get, arms, repeat(0)), arms.values(), strict=True), strict=True))
