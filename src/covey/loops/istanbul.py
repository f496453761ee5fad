"""Istanbul's maps to columns and back: the inner loops of its reader and writer."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat

Place = tuple[int, int, int, int]  # first line, first column, last line, last column; columns 1-based, end exclusive


def layout_of(places: Sequence[Place]) -> tuple[array[int], list[list[int]] | list[int] | None]:
    """The layout of blocks, array('i'), ascending, of statements in any order; and where the hits of each come from.

    None: the statements are ascending already. A list of numbers: block n has the hits of that statement. A list of
    lists: several statements share one place, then the block has the most of theirs.
    """
    size = len(places)
    if all(map(_before, places, places[1:])):
        flat = array("i", bytes(4 * 5 * size))
        for at, column in enumerate(zip(*places, strict=True)):
            flat[at::5] = array("i", column)
        flat[4::5] = array("i", repeat(1, size))
        return flat, None
    by_place: dict[Place, list[int]] = {}
    for number in sorted(range(size), key=places.__getitem__):
        by_place.setdefault(places[number], []).append(number)
    flat = array("i", [number for place, which in by_place.items() for number in (*place, len(which))])
    if len(by_place) == size:
        return flat, [which[0] for which in by_place.values()]
    return flat, list(by_place.values())


def _before(one: Place, two: Place) -> bool:
    return one < two


def picked(values: Sequence[int], which: Sequence[int] | Sequence[Sequence[int]] | None) -> Sequence[int]:
    """The values in the order that `layout_of` gave."""
    if not which:
        return values
    if isinstance(which[0], int):
        return [values[number] for number in which]  # type: ignore[index]
    return [max(values[number] for number in numbers) for numbers in which]  # type: ignore[union-attr]


_STATEMENT = '"%d":{"start":{"line":%d,"column":%d},"end":{"line":%d,"column":%d}}'
_FREE_END = '"%d":{"start":{"line":%d,"column":%d},"end":{"line":%d,"column":null}}'


def statement_map(places: Sequence[Place], open_end: int) -> str:
    """The text of a statementMap; a last column of `open_end` is none, as Istanbul writes it."""
    rows: Iterator[str]
    numbered = zip(range(len(places)), places, strict=True)
    if any(place[3] == open_end for place in places):
        rows = (
            _FREE_END % (number, first, column - 1, last)
            if end == open_end
            else _STATEMENT % (number, first, column - 1, last, end - 1)
            for number, (first, column, last, end) in numbered
        )
    else:
        rows = (_STATEMENT % (number, a, b - 1, c, d - 1) for number, (a, b, c, d) in numbered)
    return "{" + ",".join(rows) + "}"


_COUNT: Callable[[tuple[int, int]], str] = '"%d":%d'.__mod__


def counts(hits: Iterable[int]) -> str:
    """The text of `s` or `f`: number -> hits."""
    return "{" + ",".join(map(_COUNT, enumerate(hits))) + "}"
