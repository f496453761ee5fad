"""Numbers and names in sentences: "1 file", "1,234 files", "a, b, c and 5 more"."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 3  # how many names of many are told


def many(count: int, one: str, several: str = "") -> str:
    """How many of something; several: what more than one are called, by default `one` with an s."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def files(count: int) -> str:
    return many(count, "file")


def several_at(file: str, path: str) -> str:
    """Of files of the report `file` that have one place in the repository, where they count as one."""
    return f"several files of {file} are {path} in the repository"


def some(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    told = ", ".join(names[:NAMED])
    return told if len(names) <= NAMED else f"{told} and {len(names) - NAMED:,} more"
