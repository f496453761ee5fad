"""Line numbers as text: "1-3,7". One notation for the wire, the native report and what people read."""

from __future__ import annotations

from collections.abc import Iterable

LINE_LIMIT = 2**31 - 1


def to_ranges(lines: Iterable[int], separator: str = ",") -> str:
    """Ascending, distinct line numbers as ranges; [1, 2, 3, 7] gives "1-3,7"."""
    parts: list[str] = []
    first = last = 0
    for line in lines:
        if line == last + 1 and first:
            last = line
            continue
        if first:
            parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = line
    if first:
        parts.append(str(first) if first == last else f"{first}-{last}")
    return separator.join(parts)


def counted(text: str, limit: int = LINE_LIMIT) -> tuple[int, int]:
    """How many lines "1-3,7" names, and the last one, without making them: a short text can name very many. ValueError
    when its numbers do not ascend, start below 1 or pass `limit`, or when something in it is no number."""
    count = last = 0
    for part in text.split(",") if text else ():
        first_text, dash, last_text = part.partition("-")
        first, end = _number(first_text), _number(last_text if dash else first_text)
        if not last < first <= end <= limit:
            raise ValueError(f"line range {part[:30]!r} is out of order or out of bounds")
        count += end - first + 1
        last = end
    return count, last


def bit_set(text: str, limit: int = LINE_LIMIT) -> int:
    """The lines of "1-3,7" as a bit set, bit n for line n, at the cost of the last line's number: a bound on it, by
    `counted`, comes first. ValueError as `counted` gives it."""
    _, last = counted(text, limit)
    digits = bytearray(b"0") * (last + 1)
    for part in text.split(",") if text else ():
        first, dash, end = part.partition("-")
        start, stop = int(first), int(end if dash else first) + 1
        digits[start:stop] = b"1" * (stop - start)
    digits.reverse()
    return int(digits, 2)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ValueError(f"{text[:20]!r} is no line number")
    return int(text)
