"""The report: what ran, file by file, in columns. Every format decodes to it and every renderer starts from it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal

from covey.loops import columns
from covey.model.provenance import Provenance
from covey.model.ratio import Ratio, Totals

Mode = Literal["count", "set"]
Key = tuple[str | None, str]  # (repository, path)


@dataclass(frozen=True, slots=True, eq=True)
class Lines(Mapping[int, int]):
    """Executable lines and their hits. `numbers`: array('i'), ascending, 1-based; `hits`: array('q'), >= 0.

    Reads as a mapping of line number to hits; a line that is absent is not executable.
    """

    numbers: array[int] = field(default_factory=lambda: array("i"))
    hits: array[int] = field(default_factory=lambda: array("q"))

    @classmethod
    def of(cls, hits: Mapping[int, int]) -> Lines:
        """From line number -> hits, in any order; hits saturate at 2**63-1."""
        ordered = sorted(hits)
        if ordered and ordered[0] < 1:
            raise ValueError(f"line numbers start at 1, not {ordered[0]}")
        return cls(array("i", ordered), array("q", [min(hits[n], columns.SATURATED) for n in ordered]))

    def __getitem__(self, number: int) -> int:
        at = bisect_left(self.numbers, number)
        if at == len(self.numbers) or self.numbers[at] != number:
            raise KeyError(number)
        return self.hits[at]

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def ratio(self) -> Ratio:
        return Ratio(columns.covered(self.hits), len(self.hits))

    @property
    def missing(self) -> list[int]:
        """Executable lines that did not run, ascending."""
        return [number for number, hits in zip(self.numbers, self.hits, strict=True) if not hits]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way out of a branching line. A key that starts with "?" is anonymous: only its number is known."""

    line: int
    key: str
    hits: int


@dataclass(frozen=True, slots=True)
class Branches:
    """The arms of all branching lines, ascending by (line, key)."""

    arms: tuple[Arm, ...] = ()

    @classmethod
    def of(cls, arms: Iterable[Arm]) -> Branches:
        """From arms in any order; a repeated (line, key) is a ValueError."""
        ordered = tuple(sorted(arms, key=lambda arm: (arm.line, arm.key)))
        for one, two in pairwise(ordered):
            if (one.line, one.key) == (two.line, two.key):
                raise ValueError(f"line {one.line} has arm {one.key!r} twice")
        return cls(ordered)

    def by_line(self) -> dict[int, list[Arm]]:
        found: dict[int, list[Arm]] = {}
        for arm in self.arms:
            found.setdefault(arm.line, []).append(arm)
        return found

    @property
    def ratio(self) -> Ratio:
        return Ratio(sum(arm.hits > 0 for arm in self.arms), len(self.arms))


@dataclass(frozen=True, slots=True)
class Function:
    """`first` and `last`: lines, 1-based; `last` is None where the format does not tell."""

    name: str
    first: int
    last: int | None
    hits: int


@dataclass(frozen=True, slots=True)
class Block:
    """A region of statements: Go and LLVM regions, Istanbul statements. Columns are 1-based, the end exclusive."""

    first_line: int
    first_column: int
    last_line: int
    last_column: int
    statements: int
    hits: int


Blocks = tuple[Block, ...] | Literal["conflict"] | None


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """One file's coverage. `path` is POSIX and repository-relative: never "./", never absolute, never "..".

    mode: "count" where hits are executions, "set" where they only say that a line ran.
    source_hash: "sha256:..." of the source that ran, where an agent or a format knows it.
    inexact: kinds of figures that are only a lower bound, such as "branches" of merged anonymous arms.
    """

    path: str
    lines: Lines = field(default_factory=Lines)
    branches: Branches = Branches()
    functions: tuple[Function, ...] = ()
    blocks: Blocks = None
    mode: Mode = "count"
    repository: str | None = None
    source_hash: str | None = None
    inexact: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        parts = self.path.split("/")
        if parts[0] == "." or "" in parts or ".." in parts or "\0" in self.path:
            raise ValueError(f"not a repository-relative path: {self.path!r}")

    @property
    def key(self) -> Key:
        return self.repository, self.path

    @property
    def totals(self) -> Totals:
        functions = Ratio(sum(function.hits > 0 for function in self.functions), len(self.functions))
        statements = self.lines.ratio
        if isinstance(self.blocks, tuple):
            ran = sum(block.statements for block in self.blocks if block.hits)
            statements = Ratio(ran, sum(block.statements for block in self.blocks))
        return Totals(self.lines.ratio, self.branches.ratio, functions, statements)


Slices = Mapping[str, Mapping[Key, int]]


@dataclass(frozen=True)
class Report:
    """Files by (repository, path), ascending. Reports are values: nothing changes one.

    sources: what the figures come from; merging sources that overlap is refused.
    slices: name -> file -> bit set, bit n for covered line n. Names are "kind:name", as "part:unit", "test:login".
    notes: what a reader must know to read the figures rightly, such as files that no rule could map.
    """

    files: Mapping[Key, FileCoverage] = field(default_factory=dict)
    sources: tuple[Provenance, ...] = ()
    slices: Slices = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        files: Iterable[FileCoverage],
        sources: Iterable[Provenance] = (),
        slices: Slices | None = None,
        notes: Iterable[str] = (),
    ) -> Report:
        """From files in any order; two with one key are a ValueError."""
        ordered = sorted(files, key=lambda file: (file.repository or "", file.path))
        for one, two in pairwise(ordered):
            if one.key == two.key:
                raise ValueError(f"{one.path} is there twice")
        return cls({file.key: file for file in ordered}, tuple(sources), slices or {}, tuple(notes))

    @cached_property
    def totals(self) -> Totals:
        total = Totals()
        for file in self.files.values():
            total += file.totals
        return total


def bits(lines: Iterable[int]) -> int:
    """A bit set of line numbers: bit n is set for line n."""
    found = bytearray()
    for line in lines:
        byte = line >> 3
        if byte >= len(found):
            found.extend(bytes(byte + 1 - len(found)))
        found[byte] |= 1 << (line & 7)
    return int.from_bytes(found, "little")


def lines_of(bit_set: int) -> list[int]:
    """The line numbers in a bit set, ascending."""
    return [
        (at << 3) + bit
        for at, byte in enumerate(bit_set.to_bytes((bit_set.bit_length() + 7) // 8, "little"))
        if byte
        for bit in range(8)
        if byte >> bit & 1
    ]
