"""What each part of a report reached, and what nothing but it reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covey.model.ratio import Ratio
from covey.model.report import Key, Report

SHOWN_LIMIT = 200  # slices of one kind: a report may hold one for each of ten thousand tests


@dataclass(frozen=True, slots=True)
class Part:
    """One slice. `kind` and `name`: "part:e2e" split. lines: reached, of all lines that hold code.

    only: how many lines no other slice of the kind reached; per_file: their bit sets by file, where there are any.
    """

    kind: str
    name: str
    lines: Ratio
    only: int
    per_file: Mapping[Key, int]


def split(slice_name: str) -> tuple[str, str]:
    """The kind and the name of "kind:name"; the kind is "" where there is none."""
    kind, colon, name = slice_name.partition(":")
    return (kind, name) if colon else ("", slice_name)


def only_bits(bit_sets: list[int]) -> list[int]:
    """For each bit set the bits that no other one has."""
    once = many = 0
    for bits in bit_sets:
        many |= once & bits
        once |= bits
    once &= ~many
    return [bits & once for bits in bit_sets]


def main_kind(report: Report) -> str | None:
    """The kind of slices that is shown: "part", which somebody asked for; else the first by name that has 2 to 12, so
    that there is something to compare."""
    counts: dict[str, int] = {}
    for name in report.slices:
        kind = split(name)[0]
        counts[kind] = counts.get(kind, 0) + 1
    if counts.get("part"):
        return "part"
    return next((kind for kind in sorted(counts) if 2 <= counts[kind] <= 12), None)


def parts_of(report: Report) -> list[Part]:
    """The slices of the main kind, by name, at most SHOWN_LIMIT of them."""
    kind = main_kind(report)
    names = sorted(name for name in report.slices if split(name)[0] == kind)[:SHOWN_LIMIT] if kind is not None else []
    if not names:
        return []
    reached = [0] * len(names)
    alone: list[dict[Key, int]] = [{} for _ in names]
    for key in report.files:
        bit_sets = [report.slices[name].get(key, 0) for name in names]
        if not any(bit_sets):
            continue
        for at, (bits, only) in enumerate(zip(bit_sets, only_bits(bit_sets), strict=True)):
            reached[at] += bits.bit_count()
            if only:
                alone[at][key] = only
    total = report.totals.lines.total
    counts = [sum(map(int.bit_count, by_file.values())) for by_file in alone]
    return [
        Part(*split(name), Ratio(min(reached[at], total), total), counts[at], alone[at])
        for at, name in enumerate(names)
    ]
