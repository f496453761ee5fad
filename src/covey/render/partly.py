"""Lines that ran in part: branches of theirs not taken, or blocks on them that did not run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress
from operator import not_

from covey.loops.blocks import WIDTH
from covey.model.blocks import Blocks
from covey.model.report import FileCoverage

# What a block has on a line says nothing when it is only the brackets around its statements.
_EMPTY = re.compile(r"[\s{}()\[\];,]*")


def partly(file: FileCoverage, text: str | None = None) -> set[int]:
    """Lines that ran while an arm of theirs was not taken, or while a block that did not run has code on them.

    text: the source, lines ended by newlines. A line that such a block shares by its brackets alone (`if x {`) ran as a
    whole; without the text that cannot be seen, and the line ran in part.
    """
    if not file.branches and not isinstance(file.blocks, Blocks):
        return set()
    ran = set(compress(file.lines.numbers, file.lines.hits))
    found = ran.intersection(compress(file.branches.lines, map(not_, file.branches.hits)))
    if isinstance(file.blocks, Blocks):
        found.update(_shared(file.blocks, ran, None if text is None else text.split("\n")))
    return found


def has_gaps(file: FileCoverage) -> bool:
    """Whether something of the file did not run: a line, an arm or a statement."""
    blocks = file.blocks
    return (
        0 in file.lines.hits
        or 0 in file.branches.hits
        or (isinstance(blocks, Blocks) and blocks.ratio.covered < blocks.ratio.total)
    )


def _shared(blocks: Blocks, ran: set[int], text: Sequence[str] | None) -> list[int]:
    found: list[int] = []
    layout = blocks.layout
    only_first = blocks.lines_by == "start"
    for at in compress(range(0, len(layout), WIDTH), map(not_, blocks.hits)):
        first, first_column, last, last_column, statements = layout[at : at + WIDTH]
        if not statements:
            continue
        for line in range(first, first + 1 if only_first else last + 1):
            if line in ran:
                start = first_column - 1 if line == first else 0
                end = last_column - 1 if line == last else None
                if text is None or not _is_empty(text, line, start, end):
                    found.append(line)
    return found


def _is_empty(text: Sequence[str], line: int, start: int, end: int | None) -> bool:
    """Whether there is nothing but brackets in the columns. A line that the text lacks is not known to be empty."""
    return line <= len(text) and _EMPTY.fullmatch(text[line - 1][start:end]) is not None
