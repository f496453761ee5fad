"""Functions and branches that are known by their place, as columns in which no two are the same."""

from __future__ import annotations

from collections.abc import Iterable


def named_functions(rows: Iterable[tuple[int, int, str, int, int]]) -> list[tuple[int, str, int, int]]:
    """Of (first line, column, name, last line, payload): the rows without columns, ascending by line and name.

    Of several functions of one name that begin on one line, the later ones have their column behind the name, and
    their number where that is not enough.
    """
    seen: set[tuple[int, str]] = set()
    times: dict[tuple[int, str], int] = {}
    named = []
    for first, column, name, last, payload in sorted(rows):
        title, number = name, times.get((first, name), 0)
        while (first, title) in seen:
            number += 1
            title = f"{name}@{column}" if number == 1 else f"{name}@{column}.{number}"
        times[first, name] = number
        seen.add((first, title))
        named.append((first, title, max(first, last), payload))
    return sorted(named)


def keyed_arms(rows: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, str, int]]:
    """Of (line, column, how many arms), one a branch: (line, length of the key, key, number of the arm among all),
    ascending as arms stand in a report.

    An arm's key is the column and the arm's number, "4,0" and "4,1"; where several branches begin at one place, their
    arms are numbered on.
    """
    found: list[tuple[int, int, str, int]] = []
    taken: dict[tuple[int, int], int] = {}
    number = 0
    for line, column, count in rows:
        begin = taken.get((line, column), 0)
        taken[line, column] = begin + count
        keys = [f"{column},{arm}" for arm in range(begin, begin + count)]
        found.extend((line, len(key), key, number + at) for at, key in enumerate(keys))
        number += count
    return sorted(found)
