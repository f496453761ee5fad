"""What is counted in one file, in columns: lines, branches and functions; blocks have a room of their own.

A report of two million lines has to cost tens of megabytes, so each kind is a few arrays of numbers; rows (`Arm`,
`Function`) are made when somebody walks through them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, overload

from covey.loops import blocks as block_loops
from covey.loops import columns
from covey.loops.bounds import MOST_HITS
from covey.model.blocks import Blocks
from covey.model.ratio import Ratio


class Lines(Mapping[int, int]):
    """Executable lines and their hits. `numbers`: array('i'), ascending, 1-based; `hits`: array('q'), >= 0.

    Reads as a mapping of line number to hits; a line that is absent is not executable.
    """

    __slots__ = ("_blocks", "_hits", "_numbers")

    def __init__(self, numbers: array[int] | None = None, hits: array[int] | None = None) -> None:
        self._numbers = array("i") if numbers is None else numbers
        self._hits = array("q") if hits is None else hits
        self._blocks: Blocks | None = None

    @classmethod
    def of(cls, hits: Mapping[int, int]) -> Lines:
        """From line number -> hits, in any order; hits saturate at 2**63-1."""
        ordered = sorted(hits)
        if ordered and ordered[0] < 1:
            raise ValueError(f"line numbers start at 1, not {ordered[0]}")
        return cls(array("i", ordered), array("q", [min(hits[n], MOST_HITS) for n in ordered]))

    @classmethod
    def of_blocks(cls, blocks: Blocks) -> Lines:
        """What `blocks.lines_by` says of the lines, found out when somebody asks: merging never does."""
        lines = cls(NO_LINES._numbers, NO_LINES._hits)
        lines._blocks = blocks
        return lines

    def _found(self) -> None:
        if self._blocks is not None:
            loop = block_loops.begun if self._blocks.lines_by == "start" else block_loops.touched
            self._numbers, self._hits = loop(self._blocks.layout, self._blocks.hits)
            self._blocks = None

    @property
    def numbers(self) -> array[int]:
        self._found()
        return self._numbers

    @property
    def hits(self) -> array[int]:
        self._found()
        return self._hits

    def __getitem__(self, number: int) -> int:
        at = bisect_left(self.numbers, number)
        if at == len(self.numbers) or self.numbers[at] != number:
            raise KeyError(number)
        return self.hits[at]

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lines):
            return NotImplemented
        return self.numbers == other.numbers and self.hits == other.hits

    __hash__ = None  # type: ignore[assignment]  # holds arrays, as they have none

    def __repr__(self) -> str:
        return f"Lines.of({dict(zip(self.numbers, self.hits, strict=True))})"

    @property
    def ratio(self) -> Ratio:
        return Ratio(columns.covered(self.hits), len(self.hits))

    @property
    def missing(self) -> list[int]:
        """Executable lines that did not run, ascending."""
        return [number for number, hits in zip(self.numbers, self.hits, strict=True) if not hits]


NO_LINES = Lines()


class Arm(NamedTuple):
    """One way out of a branching line. `key` names it by one of four rules: "?0", anonymous, for only its number is
    known; "->12" by the line that it leads to (`leads_to`); "@4,0" by the column where its branch begins (`begins_at`);
    anything else as its format numbers it."""

    line: int
    key: str
    hits: int


class Branches(Sequence[Arm]):
    """The arms of all branching lines, ascending by line, then by the key's length, then by the key.

    `lines`: array('i'), the line of each arm; `keys`: as many; `hits`: array('q'), >= 0. Reads as a sequence of Arm.
    """

    __slots__ = ("__dict__", "hits", "keys", "lines")

    def __init__(
        self, lines: array[int] | None = None, keys: tuple[str, ...] = (), hits: array[int] | None = None
    ) -> None:
        self.lines = array("i") if lines is None else lines
        self.keys = keys
        self.hits = array("q") if hits is None else hits

    @classmethod
    def of(cls, arms: Iterable[Arm]) -> Branches:
        """From arms in any order; a repeated (line, key) is a ValueError."""
        ordered = sorted(arms, key=arm_order)
        for one, two in pairwise(ordered):
            if one[:2] == two[:2]:
                raise ValueError(f"line {one.line} has arm {one.key!r} twice")
        lines, keys, hits = zip(*ordered, strict=True) if ordered else ((), (), ())
        return cls(array("i", lines), keys, array("q", hits))

    @overload
    def __getitem__(self, at: int) -> Arm: ...
    @overload
    def __getitem__(self, at: slice) -> list[Arm]: ...
    def __getitem__(self, at: int | slice) -> Arm | list[Arm]:
        if isinstance(at, slice):
            return list(map(Arm, self.lines[at], self.keys[at], self.hits[at]))
        return Arm(self.lines[at], self.keys[at], self.hits[at])

    def __iter__(self) -> Iterator[Arm]:
        return map(Arm, self.lines, self.keys, self.hits)

    def __len__(self) -> int:
        return len(self.lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Branches):
            return NotImplemented
        return self.same_arms(other) and self.hits == other.hits

    __hash__ = None  # type: ignore[assignment]  # holds arrays, as they have none

    def __repr__(self) -> str:
        return f"Branches.of({list(self)})"

    def same_arms(self, other: Branches) -> bool:
        return self.lines == other.lines and self.keys == other.keys

    @cached_property
    def _rules(self) -> frozenset[str]:
        return frozenset(map(_rule, set(self.keys)))

    @property
    def anonymous(self) -> bool:
        """Whether there is an arm without a name."""
        return "?" in self._rules

    def forks(self) -> dict[int, tuple[int, int]]:
        """Each branching line, ascending -> how many of its arms ran, of how many."""
        return columns.forks(self.lines, self.hits)

    def by_line(self) -> dict[int, list[Arm]]:
        found: dict[int, list[Arm]] = {}
        for arm in self:
            found.setdefault(arm.line, []).append(arm)
        return found

    @cached_property
    def told_twice(self) -> frozenset[int]:
        """Lines whose arms two inputs named by different rules, or one only counted: these are the same arms."""
        if len(self._rules) < 2:
            return frozenset()
        first: dict[int, str] = {}
        told = zip(self.lines, map(_rule, self.keys), strict=True)
        return frozenset(line for line, rule in told if first.setdefault(line, rule) != rule)

    def told_once(self) -> Branches:
        """With arms that are told twice as anonymous ones: as many as the rule with the most has, of which as many ran
        as ran by any. Merging keeps those of all rules, so that it does not matter what is merged first."""
        twice = self.told_twice
        if not twice:
            return self
        arms = [arm for arm in self if arm.line not in twice]
        for line, told in self.by_line().items():
            if line in twice:
                by_rule = [[arm.hits for arm in told if _rule(arm.key) == rule] for rule in _RULES]
                ran = max(sum(map(bool, hits)) for hits in by_rule)
                most = max(by_rule, key=len)
                most.sort(reverse=True)
                hits = [max(count, 1) if at < ran else 0 for at, count in enumerate(most)]
                arms += [Arm(line, f"?{at}", count) for at, count in enumerate(hits)]
        return Branches.of(arms)

    @property
    def ratio(self) -> Ratio:
        hits = self.told_once().hits
        return Ratio(columns.covered(hits), len(hits))


NO_BRANCHES = Branches()
_RULES = ("?", "->", "@", "")  # by which keys name arms, each by what such a key begins with


def leads_to(line: int) -> str:
    """The key of an arm that leads to a line, or out of the code that begins at minus it."""
    return f"->{line}"


def begins_at(column: int, number: int) -> str:
    """The key of an arm of what branches at a column, 0-based: the number of those that begin there."""
    return f"@{column},{number}"


def _rule(key: str) -> str:
    return next(filter(key.startswith, _RULES))


def arm_order(arm: Arm) -> tuple[int, int, str]:
    """Where an arm stands: shorter keys first, so that "9" comes before "10"."""
    return arm.line, len(arm.key), arm.key


class Function(NamedTuple):
    """`first` and `last`: lines, 1-based; `last` is None where the format does not tell."""

    name: str
    first: int
    last: int | None
    hits: int


class Functions(Sequence[Function]):
    """A file's functions, ascending by first line, then name.

    `names`; `firsts` and `lasts`: array('i') of lines, 0 for a last line that is not known; `hits`: array('q').
    """

    __slots__ = ("firsts", "hits", "lasts", "names")

    def __init__(
        self,
        names: tuple[str, ...] = (),
        firsts: array[int] | None = None,
        lasts: array[int] | None = None,
        hits: array[int] | None = None,
    ) -> None:
        self.names = names
        self.firsts = array("i") if firsts is None else firsts
        self.lasts = array("i") if lasts is None else lasts
        self.hits = array("q") if hits is None else hits

    @classmethod
    def of(cls, functions: Iterable[Function]) -> Functions:
        """From functions in any order; the same name on the same first line twice is a ValueError."""
        ordered = sorted(functions, key=lambda one: (one.first, one.name))
        for one, two in pairwise(ordered):
            if (one.first, one.name) == (two.first, two.name):
                raise ValueError(f"function {one.name!r} of line {one.first} is there twice")
        return cls(
            tuple(one.name for one in ordered),
            array("i", [one.first for one in ordered]),
            array("i", [one.last or 0 for one in ordered]),
            array("q", [one.hits for one in ordered]),
        )

    @overload
    def __getitem__(self, at: int) -> Function: ...
    @overload
    def __getitem__(self, at: slice) -> list[Function]: ...
    def __getitem__(self, at: int | slice) -> Function | list[Function]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return Function(self.names[at], self.firsts[at], self.lasts[at] or None, self.hits[at])

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Functions):
            return NotImplemented
        return self.same_functions(other) and self.lasts == other.lasts and self.hits == other.hits

    __hash__ = None  # type: ignore[assignment]  # holds arrays, as they have none

    def __repr__(self) -> str:
        return f"Functions.of({list(self)})"

    def same_functions(self, other: Functions) -> bool:
        return self.firsts == other.firsts and self.names == other.names

    @property
    def ratio(self) -> Ratio:
        return Ratio(columns.covered(self.hits), len(self.hits))


NO_FUNCTIONS = Functions()
