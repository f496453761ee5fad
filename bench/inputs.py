"""A program that never was, and what its runs reached: the model behind all big inputs of the benches.

Each format's writer (`bench/inputs_<format>.py`) makes its own files of the same `Program` and the same `Program.run`,
so files, lines and hits agree over the formats and shards of one program merge. Standard library only; the same
arguments give the same bytes on every machine.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

CACHE = Path(__file__).parent.parent / ".cache" / "bench" / "inputs"
_PLACES = [
    "orders",
    "stock",
    "billing",
    "parcels",
    "quotes",
    "ledger",
    "routes",
    "tariffs",
    "depots",
    "labels",
    "customs",
    "returns",
    "claims",
    "fleet",
]
_DEEDS = [
    "open",
    "close",
    "price",
    "check",
    "route",
    "split",
    "merge",
    "assign",
    "cancel",
    "refund",
    "weigh",
    "track",
    "notify",
    "archive",
]
_HEADER = 6  # lines before the first function


class Block(NamedTuple):
    """Statements that run together. Columns are 1-based, the end exclusive; `at`: the index, into the function's lines,
    of the line whose hits are the block's."""

    first_line: int
    first_column: int
    last_line: int
    last_column: int
    statements: int
    at: int


@dataclass(frozen=True, slots=True)
class Function:
    """`layout`: "s" plain statement (1 line), "i" an if (3 lines), "c" comment, "b" blank, from line `first` + 1 on.

    lines: numbers of its executable lines, ascending. forks: indexes into `lines` of each `if`; the next line is what
    it guards, so of a fork's two arms one ran as often as lines[fork + 1] and the other the rest of lines[fork].
    """

    name: str
    first: int
    last: int
    layout: str
    lines: tuple[int, ...]
    forks: tuple[int, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class File:
    path: str
    functions: tuple[Function, ...]
    length: int  # lines of the source


# What one run shows of a file: its functions, each with the hits of its lines, or None where it was never entered.
Ran = list[tuple[Function, list[int] | None]]


class Program:
    """`files`, each of about `lines` lines of source of which some 70 % are executable."""

    def __init__(self, files: int, lines: int = 290, seed: int = 1, suffix: str = ".go") -> None:
        self.seed = seed
        dice = random.Random(seed)
        self.files = [_file(number, lines, suffix, dice) for number in range(files)]

    @property
    def executable(self) -> int:
        return sum(len(function.lines) for file in self.files for function in file.functions)

    def run(self, number: int, *, touch: float = 1.0, differ: float = 0.0) -> Iterator[tuple[File, Ran]]:
        """What run `number` reached, file by file: about half of all functions.

        touch: the share of files that it enters at all; the others are there with every function None, as one test
        binary of a large program shows them. differ: the share of files in which this run knows one function less than
        others do, as builds with other options have it, so that the keys of two runs are not the same.
        """
        dice = random.Random(self.seed * 1_000_003 + number * 7_919 + 17)
        for file in self.files:
            share = 0.6 * (0.4 + 1.2 * dice.random())
            if dice.random() >= touch:
                share = 0.0
            ran: Ran = [(one, _hits(one, dice) if dice.random() < share else None) for one in file.functions]
            if dice.random() < differ and len(ran) > 1:
                del ran[dice.randrange(len(ran))]
            yield file, ran


def _file(number: int, lines: int, suffix: str, dice: random.Random) -> File:
    place, deed = _PLACES[number % len(_PLACES)], _DEEDS[number * 5 % len(_DEEDS)]
    path = f"internal/{place}/v{number // 70}/{deed}_{place}_{number}{suffix}"
    target = max(20, int(lines * (0.3 + 1.4 * dice.random())))
    functions: list[Function] = []
    line = _HEADER + 2
    while line < target:
        name = f"{_DEEDS[dice.randrange(len(_DEEDS))].capitalize()}{place.capitalize()}{len(functions)}"
        functions.append(_function(name, line, dice))
        line = functions[-1].last + 2
    return File(path, tuple(functions), line)


def _function(name: str, first: int, dice: random.Random) -> Function:
    layout = "".join(dice.choices("sicb", (62, 22, 9, 7), k=dice.randrange(3, 22))) + "s"
    lines: list[int] = []
    forks: list[int] = []
    at = first + 1
    for kind in layout:
        if kind == "i":
            forks.append(len(lines))
            lines += [at, at + 1]
        elif kind == "s":
            lines.append(at)
        at += 3 if kind == "i" else 1
    return Function(name, first, at, layout, tuple(lines), tuple(forks), _blocks(first, name, layout, at))


def _blocks(first: int, name: str, layout: str, last: int) -> tuple[Block, ...]:
    """As Go's compiler cuts a function: a new block after each condition and after each body."""
    found: list[Block] = []
    begin, column, statements, index, leader = first, 36 + len(name), 0, 0, 0
    line = first + 1
    for kind in layout:
        if kind in "si":
            leader = leader if statements else index
            statements += 1
            index += 1 if kind == "s" else 2
        if kind == "i":
            found.append(Block(begin, column, line, 12 + line % 30, statements, leader))
            found.append(Block(line, 12 + line % 30, line + 2, 3, 1, index - 1))
            begin, column, statements = line + 2, 3, 0
        line += 3 if kind == "i" else 1
    found.append(Block(begin, column, last, 2, max(statements, 1), leader if statements else index - 1))
    return tuple(found)


def _hits(function: Function, dice: random.Random) -> list[int]:
    """A few calls mostly, sometimes thousands; a third of the bodies of ifs never run."""
    calls = 1 + int(3 / (dice.random() + 0.0003))
    hits = [calls] * len(function.lines)
    for fork in function.forks:
        chance = dice.random()
        hits[fork + 1] = 0 if chance < 0.35 else calls if chance > 0.8 else 1 + int(calls * chance / 2)
    return hits


def lines_of(ran: Ran) -> Iterator[tuple[int, int]]:
    """Line number and hits of every executable line, ascending."""
    for function, hits in ran:
        yield from zip(function.lines, hits or [0] * len(function.lines), strict=True)


Writer = Callable[[Program, Iterator[tuple[File, Ran]], IO[str]], None]


def shards(
    name: str, write: Writer, program: Program, count: int, *, suffix: str, touch: float = 1.0, differ: float = 0.0
) -> Sequence[Path]:
    """The files of `count` runs of a program, made by `write` once and kept under .cache/bench/inputs.

    `name`: of the folder, which has to tell everything that the content depends on but what is named here; when the
    generator changes, remove the folder.
    """
    folder = CACHE / f"{name}-{len(program.files)}x{program.executable}-{count}-{touch:g}-{differ:g}"
    paths = [folder / f"{number:03}{suffix}" for number in range(count)]
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, path in enumerate(paths):
            with path.open("w", newline="\n") as out:
                write(program, program.run(number, touch=touch, differ=differ), out)
        (folder / "done").touch()
    return paths
