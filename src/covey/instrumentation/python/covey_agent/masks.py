"""Sets of lines as bytes: byte n of a mask is 1 when line n ran, and nothing but 0 and 1 occurs.

That is the form in which a segment holds them, so that a union is one `or` of two long integers.
"""

from __future__ import annotations

MAX_LINE = 4_000_000  # no source file is longer; a longer one in foreign data is a lie

_ONLY_ONES = bytes(1 if value == 1 else 0 for value in range(256))


def clean(raw: bytes) -> bytes:
    """A mask of bytes as they were found: whatever is not 1 is 0, and so is line 0."""
    return b"\0" + raw[1:].translate(_ONLY_ONES) if raw else b""


def union(first: bytes, second: bytes) -> bytes:
    """The lines of either; as long as the longer one."""
    if not first or not second:
        return first or second
    size = max(len(first), len(second))
    both = int.from_bytes(first, "little") | int.from_bytes(second, "little")
    return both.to_bytes(size, "little")


def intersection(first: bytes, second: bytes) -> bytes:
    """The lines of both; as long as the first one."""
    both = int.from_bytes(first, "little") & int.from_bytes(second, "little")
    return both.to_bytes(len(first), "little")


def runs(mask: bytes) -> list[tuple[int, int]]:
    """The unbroken runs of lines, first and last inclusive, ascending."""
    found = []
    start = mask.find(1)
    while start >= 0:
        end = mask.find(0, start)
        if end < 0:
            end = len(mask)
        found.append((start, end - 1))
        start = mask.find(1, end)
    return found


def to_text(mask: bytes) -> str:
    """`1-3,7`: the lines of a mask as the wire writes them; empty when none ran."""
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs(mask))


def from_text(text: str) -> bytes:
    """The mask of `1-3,7`. Raises ValueError on anything else, on falling numbers and on lines past MAX_LINE."""
    mask = bytearray()
    for part in text.split(",") if text else []:
        first, dash, last = part.partition("-")
        a, b = int(first), int(last if dash else first)
        if not len(mask) <= a <= b <= MAX_LINE or a < 1:
            raise ValueError(f"lines {part[:40]!r} do not ascend")
        mask.extend(bytes(a - len(mask)))
        mask.extend(b"\1" * (b - a + 1))
    return bytes(mask)


def of_lines(lines: set[int]) -> bytes:
    """The mask of a set of line numbers, each 1 to MAX_LINE; others are left out."""
    kept = [line for line in lines if 0 < line <= MAX_LINE]
    mask = bytearray(max(kept, default=-1) + 1)
    for line in kept:
        mask[line] = 1
    return bytes(mask)


def numbits(mask: bytes) -> bytes:
    """coverage.py's form of a set of lines: bit n of the little-endian bits is line n, no zero bytes at the end."""
    packed = bytearray((len(mask) + 7) // 8)
    for first, last in runs(mask):
        for line in range(first, last + 1):
            packed[line >> 3] |= 1 << (line & 7)
    return bytes(packed).rstrip(b"\0")
