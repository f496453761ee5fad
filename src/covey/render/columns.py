"""Rows as columns of text: as wide as their cells ask, or within the width of a terminal."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

GAP, NARROW_GAP = "   ", "  "
LEAST_NAME = 16  # characters that a name keeps, however narrow the terminal is
LEAST_LIST = 18  # and those of a list, before names give way to it


def width_of(out: Path | BinaryIO) -> int:
    """Columns of the terminal that `out` is, or what the environment's COLUMNS says instead; 0 where it is none or does
    not tell, so that what is kept or read by a program is the same everywhere."""
    if isinstance(out, Path) or not out.isatty():
        return 0
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and len(told) < 6:
        return int(told)
    try:
        return os.get_terminal_size(out.fileno()).columns
    except OSError:  # a terminal that knows no size
        return 0


def laid_out(rows: Sequence[Sequence[str]], left: set[int], width: int = 0, lists: bool = False) -> list[str]:
    """Columns flush right, those in `left` flush left; no spaces at the end of a line. A row may lack its last cell.

    width: what the lines should fit into, 0 for anything: names, the first cells, are cut at their beginning, and where
    the last cells are `lists` ("1, 3-5") these go on below themselves.
    """
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    gaps = len(widths) - 1
    if not width or sum(widths) + len(GAP) * gaps <= width:
        return [line for row in rows for line in _lines(row, widths, left, GAP)]
    room = width - len(NARROW_GAP) * gaps - sum(widths[1:])  # of names
    if lists:
        room += max(widths[-1] - LEAST_LIST, 0)
    rows = [[shortened(row[0], max(room, LEAST_NAME)), *row[1:]] for row in rows]
    widths[0] = max(len(row[0]) for row in rows)
    if lists:
        widths[-1] = max(width - len(NARROW_GAP) * gaps - sum(widths[:-1]), LEAST_LIST)
    return [line for row in rows for line in _lines(row, widths, left, NARROW_GAP)]


def _lines(row: Sequence[str], widths: list[int], left: set[int], gap: str) -> list[str]:
    below: list[str] = []
    if len(row) == len(widths) and len(row[-1]) > widths[-1]:
        first, *below = _broken(row[-1], widths[-1])
        row = [*row[:-1], first]
    cells = [
        cell.ljust(width) if at in left else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=False))
    ]
    indent = " " * (sum(widths[:-1]) + len(gap) * (len(widths) - 1))
    return [gap.join(cells).rstrip(), *(indent + line for line in below)]


def _broken(items: str, width: int) -> list[str]:
    """ "1, 3-5, 9" as several lines, broken after commas."""
    lines: list[str] = []
    for item in items.split(", "):
        if lines and len(lines[-1]) + len(item) + 3 <= width:  # the comma before it, the space, the comma behind it
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return [*(line + "," for line in lines[:-1]), lines[-1]]


def shortened(name: str, room: int) -> str:
    """A path without its first folders, "…/pay/Till.java"; cut anywhere where its last name alone has no room."""
    if len(name) <= room:
        return name
    tail = name[len(name) - room + 1 :]
    slash = tail.find("/")
    return "…" + (tail[slash:] if slash >= 0 else tail)


def wrapped(sentence: str, width: int) -> list[str]:
    """A sentence as lines of whole words; as one where `width` is 0."""
    if len(sentence) <= width or not width:
        return [sentence]
    return textwrap.wrap(
        sentence, max(width, LEAST_NAME), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
