"""The old way of counting what was sent. Nothing imports it any more: it counts at 0 all the same."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TextIO


def monthly(rows: TextIO) -> dict[str, int]:
    """Cents a month from lines of day and cents."""
    sums: Counter[str] = Counter()
    for day, cents in csv.reader(rows):
        sums[day[:7]] += int(cents)
    return dict(sums)


def best(sums: dict[str, int]) -> str | None:
    if not sums:
        return None
    return max(sums, key=lambda month: sums[month])
