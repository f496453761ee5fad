"""Go text profiles of a model program, in the order of `go tool covdata textfmt`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import IO

from bench.inputs import Block, File, Program, Ran

MODULE = "example.com/freight"


def write(_: Program, run: Iterator[tuple[File, Ran]], out: IO[str]) -> None:
    """Every file of the program, as one test binary with -coverpkg=./... shows them."""
    out.write("mode: count\n")
    for file, ran in run:
        out.writelines(_lines(file, ran))


def write_entered(_: Program, run: Iterator[tuple[File, Ran]], out: IO[str]) -> None:
    """Only files that the run entered, as the tests of single packages show them: two profiles have other files."""
    out.write("mode: count\n")
    for file, ran in run:
        if any(hits for _, hits in ran):
            out.writelines(_lines(file, ran))


def write_sets(_: Program, run: Iterator[tuple[File, Ran]], out: IO[str]) -> None:
    """As `write_entered`, but mode set, and the files in an order of this run's own."""
    out.write("mode: set\n")
    entered = [(file, ran) for file, ran in run if any(hits for _, hits in ran)]
    random.Random(len(entered)).shuffle(entered)
    for file, ran in entered:
        out.writelines(_lines(file, [(function, hits and list(map(bool, hits))) for function, hits in ran]))


def _lines(file: File, ran: Ran) -> Iterator[str]:
    found = [(block, hits[block.at] if hits else 0) for function, hits in ran for block in function.blocks]
    for block, hits in sorted(found, key=lambda one: _place(one[0])):
        first, column, last, end, statements, _ = block
        yield f"{MODULE}/{file.path}:{first}.{column},{last}.{end} {statements} {int(hits)}\n"


def _place(block: Block) -> tuple[int, int, int, int]:
    return block.first_line, block.last_line, block.first_column, block.last_column
