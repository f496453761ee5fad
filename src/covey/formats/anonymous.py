"""Arms of which a format only tells how many there are and how many ran: "?0", "?1" and so on, those that ran first."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, repeat

from covey.model.counted import Branches

MOST_ARMS = 4096  # of one line
MOST_ARMS_EVER = 10_000_000  # of one file that is read: "(1/4096)" is short

Forks = dict[int, tuple[int, int]]  # line -> arms that ran, all arms


def check_arms(covered: int, total: int) -> None:
    """ValueError when no line can have such arms."""
    if not 0 <= covered <= total <= MOST_ARMS:
        raise ValueError(f"{covered} of {total} branches")


class Room:
    """For the arms of one file that is read."""

    def __init__(self) -> None:
        self.left = MOST_ARMS_EVER

    def take(self, arms: int) -> None:
        """ValueError where there is none for so many."""
        self.left -= arms
        if self.left < 0:
            raise ValueError(f"more than {MOST_ARMS_EVER} branches")


def branches(lines: Sequence[int], covered: Iterable[int], totals: Sequence[int]) -> Branches:
    """From columns, equally long: branching lines, ascending, none twice; how many arms of each ran, of how many."""
    if totals.count(2) == len(totals):  # nearly every line that branches does so in two
        doubled = array("i", lines) * 2
        doubled[0::2] = doubled[1::2] = array("i", lines)
        return Branches(doubled, _keys(2) * len(lines), array("q", b"".join(map(_OF_TWO.__getitem__, covered))))
    pairs = zip(covered, totals, strict=True)
    return Branches(
        array("i", chain.from_iterable(map(repeat, lines, totals))),
        tuple(chain.from_iterable(map(_keys, totals))),
        array("q", b"".join(map(_hits, pairs))),
    )


def of_forks(forks: Forks) -> Branches:
    """From a mapping, in any order."""
    lines = sorted(forks)
    return branches(lines, [forks[line][0] for line in lines], [forks[line][1] for line in lines])


@lru_cache(maxsize=256)
def _keys(total: int) -> tuple[str, ...]:
    return tuple(sorted((f"?{number}" for number in range(total)), key=lambda key: (len(key), key)))


@lru_cache(maxsize=1024)
def _hits(pair: tuple[int, int]) -> bytes:
    return array("q", [1] * pair[0] + [0] * (pair[1] - pair[0])).tobytes()


_OF_TWO = [_hits((covered, 2)) for covered in range(3)]
