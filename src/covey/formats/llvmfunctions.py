"""What llvm-cov's function records say of one file: functions by where they are defined, branches, code regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from covey.loops.bounds import LAST_LINE, MOST_HITS
from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Function
from covey.model.counted import Functions as Column

FUNCTION_WIDTHS = (8,)  # numbers of a region: its four of place, count, file, expanded file, kind
_CODE, _EXPANSION = 0, 1
Span = tuple[int, ...]  # first line, first column, last line, last column


@dataclass(slots=True)
class Instance:
    """One function as one instance of it was compiled. `regions`: eight numbers each; `branches`: `width` each, where
    the fifth and sixth are how often the condition was true and false, the seventh is the file; `files`: how many."""

    name: str
    count: int
    regions: list[int]
    branches: list[int]
    width: int
    files: int
    sites: dict[int, tuple[int, Span]] = field(init=False)

    def __post_init__(self) -> None:
        self.sites = {row[6]: (row[5], row[:4]) for row in self.rows() if row[7] == _EXPANSION}

    def rows(self) -> Iterator[tuple[int, ...]]:
        return zip(*(self.regions[column::8] for column in range(8)), strict=True)

    @property
    def main(self) -> int:
        """The number of the file that the function is in: the first that no macro leads to."""
        for number in range(self.files):
            if number not in self.sites:
                return number
        raise ValueError(f"function {self.name[:80]!r} is in no file")

    def chain(self, file: int) -> tuple[Span, ...]:
        """Where in the function's own file that macro is used through which code of `file` came in, and on inwards."""
        chain: list[Span] = []
        main = self.main
        while file != main:
            if file not in self.sites or len(chain) > self.files:
                raise ValueError(f"function {self.name[:80]!r} has code of nowhere")
            file, span = self.sites[file]
            chain.append(span)
        return tuple(reversed(chain))


@dataclass
class _Defined:
    names: set[str] = field(default_factory=set)
    last: int = 0
    hits: int = 0


class Functions:
    """Gathers one file's. `counted`: whether function records were there at all."""

    def __init__(self, *, counted: bool) -> None:
        self._counted = counted
        self._defined: dict[tuple[int, int], _Defined] = {}
        self._regions: dict[Span, int] = {}
        self._arms: dict[tuple[Span, ...], tuple[int, int]] = {}

    def add(self, one: Instance) -> None:
        main = one.main
        begun = False
        for row in one.rows():
            if row[5] != main:
                continue
            span = _checked(row[:4])
            if not begun:
                defined = self._defined.setdefault((span[0], span[1]), _Defined())
                defined.names.add(one.name)
                defined.last = max(defined.last, span[2])
                defined.hits += one.count
                begun = True
            if row[7] == _CODE:
                self._regions[span] = self._regions.get(span, 0) + row[4]
        chains: dict[int, tuple[Span, ...]] = {}
        for row in _branches(one.width, one.branches):
            if row[6] not in chains:
                chains[row[6]] = one.chain(row[6])
            self._add_branch((*chains[row[6]], row[:4]), row)

    def add_branches(self, chain: tuple[Span, ...], width: int, flat: Sequence[int]) -> None:
        """Branches that belong to no function record; `chain` as `Instance.chain` gives it."""
        for row in _branches(width, flat):
            self._add_branch((*chain, row[:4]), row)

    def _add_branch(self, key: tuple[Span, ...], row: tuple[int, ...]) -> None:
        _checked(key[0])
        true, false = self._arms.get(key, (0, 0))
        self._arms[key] = true + row[4], false + row[5]

    def branches(self) -> Branches:
        """Numbered as llvm-cov's own LCOV has them: pairs of a line, from the left; arms 2n (true) and 2n + 1."""
        arms: list[Arm] = []
        line = pair = 0
        for key in sorted(self._arms):
            pair = pair + 1 if key[0][0] == line else 0
            line = key[0][0]
            for arm, hits in enumerate(self._arms[key], 2 * pair):
                arms.append(Arm(line, f"{pair},{arm}" if pair else str(arm), min(hits, MOST_HITS)))
        return Branches.of(arms)

    def functions(self) -> Column:
        """One for each place of definition, by the first of its instances' names; its hits are those of all."""
        found: dict[tuple[int, str], Function] = {}
        for (line, column), defined in sorted(self._defined.items()):
            name = min(defined.names)
            if (line, name) in found:
                name = f"{name}@{column}"
            found[line, name] = Function(name, line, defined.last, min(defined.hits, MOST_HITS))
        return Column.of(found.values())

    def blocks(self) -> Blocks | None:
        if not self._counted:
            return None
        return Blocks.of(
            Block(span[0], span[1], span[2], span[3], 1, min(hits, MOST_HITS)) for span, hits in self._regions.items()
        )


def _branches(width: int, flat: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return zip(*(flat[column::width] for column in range(width)), strict=True)


def _checked(span: Span) -> Span:
    if not (1 <= span[0] <= span[2] <= LAST_LINE and max(span[1], span[3]) < 2**31):
        raise ValueError(f"{span[0]}.{span[1]},{span[2]}.{span[3]} is no place in a file")
    return span
