"""The report: what ran, file by file, in columns. Every format decodes to it and every renderer starts from it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

from covey.model.blocks import Blocks
from covey.model.counted import NO_BRANCHES, NO_FUNCTIONS, NO_LINES, Branches, Functions, Lines
from covey.model.provenance import Provenance
from covey.model.ratio import Totals

Mode = Literal["count", "set"]
Key = tuple[str | None, str]  # (repository, path)

_DIGITS = bytes.maketrans(b"01", b"\0\1")


@functools.lru_cache(maxsize=100_000)  # the same files in report after report
def is_relative(path: str) -> bool:
    """Whether a path can be that of a file of a report."""
    parts = path.split("/")
    return parts[0] != "." and "" not in parts and ".." not in parts and "\0" not in path


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """One file's coverage. `path` is POSIX and repository-relative: never "./", never absolute, never "..".

    lines: where blocks say how lines follow from them (`Blocks.lines_by`), theirs, whatever was given.
    blocks: None where the format has none; "conflict" after inputs whose blocks differed were merged relaxed.
    mode: "count" where hits are executions, "set" where they only say that a line ran.
    source_hash: "sha256:..." of the source that ran, where an agent or a format knows it.
    inexact: kinds of figures that are only a lower bound, such as "branches" of merged anonymous arms. "missing": only
    lines that ran are known, so what did not is not: its lines are no figure to judge.
    """

    path: str
    lines: Lines = field(default_factory=lambda: NO_LINES)
    branches: Branches = field(default_factory=lambda: NO_BRANCHES)
    functions: Functions = field(default_factory=lambda: NO_FUNCTIONS)
    blocks: Blocks | Literal["conflict"] | None = None
    mode: Mode = "count"
    repository: str | None = None
    source_hash: str | None = None
    inexact: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not is_relative(self.path):
            raise ValueError(f"not a repository-relative path: {self.path!r}")
        blocks = self.blocks
        if blocks is not None and not isinstance(blocks, str) and blocks.lines_by:
            object.__setattr__(self, "lines", Lines.of_blocks(blocks))

    @property
    def key(self) -> Key:
        return self.repository, self.path

    @property
    def totals(self) -> Totals:
        lines = self.lines.ratio
        statements = self.blocks.ratio if isinstance(self.blocks, Blocks) else lines
        return Totals(lines, self.branches.ratio, self.functions.ratio, statements)


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

    def told_once(self) -> Report:
        """The report to show, and to write for others: no line has arms of both kinds, see `Branches.told_once`."""
        twice = {key: file for key, file in self.files.items() if file.branches.told_twice}
        if not twice:
            return self
        once = {key: replace(file, branches=file.branches.told_once()) for key, file in twice.items()}
        return replace(self, files={key: once.get(key, file) for key, file in self.files.items()})

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


def marks(bit_set: int) -> bytes:
    """A byte for each line from 0 on, 1 for those in the bit set."""
    return f"{bit_set:b}".encode().translate(_DIGITS)[::-1]


def lines_of(bit_set: int) -> list[int]:
    """The line numbers in a bit set, ascending."""
    return [
        (at << 3) + bit
        for at, byte in enumerate(bit_set.to_bytes((bit_set.bit_length() + 7) // 8, "little"))
        if byte
        for bit in range(8)
        if byte >> bit & 1
    ]
