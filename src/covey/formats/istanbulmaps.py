"""One file's maps in Istanbul's JSON (statementMap, fnMap, branchMap) to columns."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from covey.formats.intake import clean, line_of
from covey.formats.spots import keyed_arms, named_functions
from covey.loops import istanbul as loops
from covey.loops.bounds import LAST_LINE, MOST_HITS

OPEN_END = 2**31 - 1  # the last column of what reaches to the end of its line
RANGE = "branch"  # the type of a branch that c8 made of one of V8's ranges: there are others, which it tells nothing of
PLACEHOLDER = "(empty-report)"  # what c8 --all calls the function of a file that nothing loaded


class Position(msgspec.Struct, frozen=True, gc=False):
    line: int | None = None
    column: int | None = None


class Span(msgspec.Struct, frozen=True, gc=False):
    start: Position = Position()
    end: Position = Position()


class FunctionEntry(msgspec.Struct, gc=False):
    name: str = ""
    decl: Span | None = None
    loc: Span | None = None
    line: int | None = None


class BranchEntry(msgspec.Struct, gc=False):
    type: str = ""
    loc: Span | None = None
    line: int | None = None
    locations: list[Span] = []


class Entry(msgspec.Struct):
    """One file, its maps not yet decoded: in the next shard they are the same bytes."""

    statementMap: msgspec.Raw  # noqa: N815 - Istanbul's names
    fnMap: msgspec.Raw  # noqa: N815
    branchMap: msgspec.Raw  # noqa: N815
    s: dict[str, int | None]
    f: dict[str, int | None]
    b: dict[str, list[int | None]]
    path: str = ""
    all: bool = False
    inputSourceMap: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815

    def raws(self) -> tuple[bytes, bytes, bytes]:
        return bytes(self.statementMap), bytes(self.fnMap), bytes(self.branchMap)


class Maps(msgspec.Struct):
    statements: dict[str, Span]
    functions: dict[str, FunctionEntry]
    branches: dict[str, BranchEntry]

    @classmethod
    def of(cls, raws: tuple[bytes, bytes, bytes]) -> Maps:
        return cls(_statements.decode(raws[0]), _functions.decode(raws[1]), _branches.decode(raws[2]))


_statements = msgspec.json.Decoder(dict[str, Span])
_functions = msgspec.json.Decoder(dict[str, FunctionEntry])
_branches = msgspec.json.Decoder(dict[str, BranchEntry])


class Shape(NamedTuple):
    """The maps in columns. `*_keys`: those of s, f and b, in order; `*_which`: which of their hits a row has."""

    raws: tuple[bytes, bytes, bytes]
    statement_keys: list[str]
    layout: array[int]
    statement_which: Sequence[int] | Sequence[Sequence[int]] | None
    function_keys: list[str]
    names: tuple[str, ...]
    firsts: array[int]
    lasts: array[int]
    function_which: Sequence[int]
    branch_keys: list[str]
    arms: list[int]
    lines: array[int]
    arm_keys: tuple[str, ...]
    arm_which: Sequence[int]
    inexact: frozenset[str]


def shape_of(raws: tuple[bytes, bytes, bytes], arms: Mapping[str, Sequence[object]], *, placeholder: bool) -> Shape:
    """`arms`: the `b` of the entry, as many hits as a branch has arms. placeholder: the entry stands for a file that
    nothing loaded; then c8's stand-ins for a function and a branch are none. ValueError for what is no map."""
    maps = Maps.of(raws)
    stands_in = placeholder and any(one.name == PLACEHOLDER for one in maps.functions.values())
    layout, statement_which = loops.layout_of([_place(span) for span in maps.statements.values()])
    functions = [] if stands_in else _function_rows(maps.functions)
    if arms.keys() != maps.branches.keys():
        raise ValueError("its branches and their counts do not fit")
    counts = [len(arms[key]) for key in maps.branches]
    rows = [] if stands_in else _arm_rows(maps.branches, counts)
    return Shape(
        raws,
        list(maps.statements),
        layout,
        statement_which,
        list(maps.functions),
        tuple(name for _, name, _, _ in functions),
        array("i", [first for first, *_ in functions]),
        array("i", [last for _, _, last, _ in functions]),
        [which for *_, which in functions],
        list(maps.branches),
        counts,
        array("i", [line for line, *_ in rows]),
        tuple(key for _, _, key, _ in rows),
        [which for *_, which in rows],
        frozenset({"branches"} if any(one.type == RANGE for one in maps.branches.values()) and rows else ()),
    )


def _place(span: Span) -> loops.Place:
    """Where a statement stands. Source maps make odd places of some: an end before the start is at the start, columns
    below 0 are 0, no last column is the end of the line."""
    start, end_at = span.start, span.end
    if start.line and end_at.line and start.column is not None and end_at.column is not None:
        place = start.line, start.column + 1, end_at.line, end_at.column + 1
        if 0 < place[0] <= place[2] <= LAST_LINE and place[1] > 0 and place[3] > 0 and place[:2] <= place[2:]:
            return place  # nearly every one
    first, last = line_of(start.line), line_of(end_at.line or start.line)
    column = max(start.column or 0, 0) + 1
    end = OPEN_END if end_at.column is None else max(end_at.column, 0) + 1
    if (last, end) < (first, column):
        return first, column, first, column
    return first, column, last, end


def _function_rows(functions: Mapping[str, FunctionEntry]) -> list[tuple[int, str, int, int]]:
    """First line, name, last line, number in the map; a function begins where it is declared."""
    rows = []
    for number, one in enumerate(functions.values()):
        spot = one.decl or one.loc or Span()
        first = line_of(spot.start.line or one.line)
        last = line_of((one.loc or spot).end.line or first)
        rows.append((first, max(spot.start.column or 0, 0), clean(one.name), last, number))
    return named_functions(rows)


def _arm_rows(branches: Mapping[str, BranchEntry], counts: Sequence[int]) -> list[tuple[int, int, str, int]]:
    """Line, length of the key, key, number among all hits of `b`. All arms stand on the line their branch begins on."""
    rows = []
    for one, count in zip(branches.values(), counts, strict=True):
        spots = [span.start for span in (one.loc, *one.locations[:1]) if span is not None and span.start.line]
        spot = spots[0] if spots else Position(one.line)
        rows.append((line_of(spot.line), max(spot.column or 0, 0), count))
    return keyed_arms(rows)


def hits_of(counted: Mapping[str, int | None], keys: list[str], what: str) -> list[int]:
    """The hits of a map's rows, in its order; ValueError where the counts are not of the map."""
    if list(counted) != keys:
        if counted.keys() != set(keys):
            raise ValueError(f"its {what} and their counts do not fit")
        return checked([counted[key] for key in keys])
    return checked(list(counted.values()))


def checked(values: Sequence[int | None]) -> list[int]:
    """Hits, none below 0 (ValueError) and none above 2**63-1; null, which NaN becomes in JSON, is 0."""
    if None in values:
        values = [value or 0 for value in values]
    found: list[int] = values  # type: ignore[assignment]
    if found:
        if min(found) < 0:
            raise ValueError(f"{min(found)} hits: less than none")
        if max(found) > MOST_HITS:
            return [min(value, MOST_HITS) for value in found]
    return found


def arm_hits(counted: Mapping[str, Sequence[int | None]], keys: list[str]) -> list[int]:
    """The hits of all arms, in the order of the map."""
    if list(counted) == keys:
        return checked(list(chain.from_iterable(counted.values())))
    if counted.keys() != set(keys):
        raise ValueError("its branches and their counts do not fit")
    return checked([hits for key in keys for hits in counted[key]])
