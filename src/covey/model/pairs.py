"""Two files, of which one is taken from the other or what both have is kept: what can be said of them at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from covey.loops.columns import covered
from covey.model.counted import NO_BRANCHES, NO_FUNCTIONS
from covey.model.report import FileCoverage, Key
from covey.model.telling import files


def comparable(one: FileCoverage, two: FileCoverage) -> tuple[FileCoverage, FileCoverage]:
    """Both without functions where one ran and tells of none at all, for which of them it ran is not known; so with
    branches. One of which nothing ran is no question: none of its functions did."""
    for kind in _untold(one, two):
        if kind == "functions":
            one, two = (replace(file, functions=NO_FUNCTIONS) for file in (one, two))
        else:
            one, two = (replace(file, branches=NO_BRANCHES) for file in (one, two))
    return one, two


def incomparable(ones: Mapping[Key, FileCoverage], twos: Mapping[Key, FileCoverage]) -> Iterator[str]:
    """A note a kind on what `comparable` leaves out of two reports' files."""
    found: dict[str, int] = {}
    for key in ones.keys() & twos.keys():
        for kind in _untold(ones[key], twos[key]):
            found[kind] = found.get(kind, 0) + 1
    for kind, several in sorted(found.items()):
        where = f"{kind} of {files(several)}"
        yield f"{where} are left out: one of the two inputs tells which lines ran there, but no {kind}"


def _untold(one: FileCoverage, two: FileCoverage) -> list[str]:
    """The kinds of figures that one of both has and the other, which ran, has not."""
    kinds = []
    if bool(one.functions) != bool(two.functions) and _ran(two if one.functions else one):
        kinds.append("functions")
    if bool(one.branches) != bool(two.branches) and _ran(two if one.branches else one):
        kinds.append("branches")
    return kinds


def _ran(file: FileCoverage) -> bool:
    return covered(file.lines.hits) > 0
