"""Decoding the mappings of a source map: base-64 numbers of variable length, each less the one before it."""

from __future__ import annotations

from array import array
from typing import TypeAlias

_DIGITS = {character: value for value, character in enumerate(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}  # fmt: skip
_MOST = 2**31 - 1
_MOST_REMEMBERED = 1 << 16

Columns: TypeAlias = "tuple[array[int], array[int], array[int], array[int], array[int]]"


def numbers(segment: str) -> tuple[int, ...]:
    """The 1, 4 or 5 numbers of a segment; ValueError for what is none."""
    found = []
    value = shift = 0
    for character in segment:
        digit = _DIGITS.get(character)
        if digit is None or shift > 30:
            raise ValueError(f"{segment[:20]!r} is no segment of a source map")
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            found.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift or len(found) not in (1, 4, 5):
        raise ValueError(f"{segment[:20]!r} is no segment of a source map")
    return tuple(found)


def decoded(mappings: str, sources: int) -> Columns:
    """Five columns, array('i'): where the segments of each generated line begin (one number more than lines), then of
    each segment its generated column, source, original line and column, all from 0; ascending within a line. A
    segment that leads nowhere has source -1. ValueError for damaged mappings, or a source not below `sources`."""
    begins, columns, which, lines, places = (array("i") for _ in range(5))
    known: dict[str, tuple[int, ...]] = {}
    source = line = place = 0
    for row in mappings.split(";"):
        begins.append(len(columns))
        column, ascending = 0, True
        for segment in row.split(",") if row else ():
            if not segment:
                continue
            step = known.get(segment)
            if step is None:
                step = numbers(segment)
                if len(known) < _MOST_REMEMBERED:
                    known[segment] = step
            ascending = ascending and step[0] >= 0
            column += step[0]
            try:
                columns.append(column)
            except OverflowError:  # asked for no sooner: this is once a segment
                raise ValueError("a source map reaches beyond any text") from None
            if len(step) == 1:
                which.append(-1)
                lines.append(0)
                places.append(0)
                continue
            source, line, place = source + step[1], line + step[2], place + step[3]
            if not (0 <= source < sources and 0 <= line <= _MOST and 0 <= place <= _MOST):
                raise ValueError("a source map leads to a place that no source has")
            which.append(source)
            lines.append(line)
            places.append(place)
        if not ascending:
            _sort(begins[-1], columns, which, lines, places)
    begins.append(len(columns))
    if columns and min(columns) < 0:
        raise ValueError("a source map begins before its text")
    return begins, columns, which, lines, places


def _sort(begin: int, *columns: array[int]) -> None:
    order = sorted(range(begin, len(columns[0])), key=columns[0].__getitem__)
    for column in columns:
        column[begin:] = array("i", [column[number] for number in order])
