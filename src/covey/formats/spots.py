"""Functions and branches that are known by their place, as columns in which no two are the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from covey.model.counted import begins_at


class _Titles:
    """Names of which no two are the same: a later one of a name has its place behind it, as coverage.py writes
    `refund@31`, and its number where that is not enough."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._times: dict[tuple[str, int], int] = {}  # where to go on: each of thousands in one place costs the same

    def of(self, name: str, place: int) -> str:
        title, number = name, self._times.get((name, place), 0)
        while title in self._taken:
            number += 1
            title = f"{name}@{place}" if number == 1 else f"{name}@{place}.{number}"
        self._times[name, place] = number
        self._taken.add(title)
        return title


def named_functions(rows: Iterable[tuple[int, int, str, int, int]]) -> list[tuple[int, str, int, int]]:
    """Of (first line, column, name, last line, payload): the rows without columns, ascending by line and name.

    Of several functions of one name that begin on one line, the later ones have their column behind the name, and
    their number where that is not enough.
    """
    titles: dict[int, _Titles] = defaultdict(_Titles)
    return sorted(
        (first, titles[first].of(name, column), max(first, last), payload)
        for first, column, name, last, payload in sorted(rows)
    )


def named_once(functions: Iterable[tuple[int, str]]) -> list[str]:
    """Of (first line, name), ascending: the names where one stands for one function of the whole file, as in LCOV.

    The later ones of a name have their line behind it, `size@7`, and their number where that is not enough.
    """
    titles = _Titles()
    return [titles.of(name, first) for first, name in functions]


def keyed_arms(rows: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, str, int]]:
    """Of (line, column, how many arms), one a branch: (line, length of the key, key, number of the arm among all),
    ascending as arms stand in a report.

    An arm's key is the column and the arm's number, "@4,0" and "@4,1"; where several branches begin at one place, their
    arms are numbered on.
    """
    found: list[tuple[int, int, str, int]] = []
    taken: dict[tuple[int, int], int] = {}
    number = 0
    for line, column, count in rows:
        begin = taken.get((line, column), 0)
        taken[line, column] = begin + count
        keys = [begins_at(column, arm) for arm in range(begin, begin + count)]
        found.extend((line, len(key), key, number + at) for at, key in enumerate(keys))
        number += count
    return sorted(found)
