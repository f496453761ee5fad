"""From llvm-cov's segments to lines: the rule of LLVM's LineCoverageStats."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import le

Decode = Callable[[bytes], list[int]]  # of a JSON list of integers; ValueError for anything else

_SPACE = b" \t\r\n"
_NUMBERS = b"0123456789"


def rows(raw: bytes, widths: Sequence[int], decode: Decode) -> tuple[int, list[int]]:
    """The width of each row and all numbers of a JSON list of equally long lists; booleans are 0 and 1.

    ValueError for anything else, for a width that is not in `widths` and for numbers below 0. No rows: the first width.
    """
    text = raw.translate(None, _SPACE).replace(b"true", b"1").replace(b"false", b"0")
    if text == b"[]":
        return widths[0], []
    width = text[: text.find(b"]")].count(b",") + 1
    row = b"[" + b"," * (width - 1) + b"],"
    skeleton = text.translate(None, _NUMBERS)
    if width not in widths or skeleton != b"[" + (row * (text.count(b"]") - 1))[:-1] + b"]":
        raise ValueError(f"a list where lists of {' or '.join(map(str, widths))} numbers belong")
    return width, decode(b"[" + text.translate(None, b"[]") + b"]")


def lines(width: int, flat: Sequence[int], most: int) -> tuple[array[int], array[int]]:
    """Line numbers, ascending, and hits, of the segments of a file: `width` numbers each, line, column, count, whether
    it has a count, whether a region begins, and (where `width` is 6) whether that is a gap.

    A line counts when a region with a count begins on it, or the last segment before it has a count and the line does
    not begin with a skipped region. It ran as often as that segment, or as the most of the regions that begin on it.
    ValueError: segments that do not ascend, a line below 1 or more than `most` lines.
    """
    numbers, hits = array("i"), array("q")
    starts = flat[0::width]
    if not all(map(le, starts, starts[1:])) or (starts and (starts[0] < 1 or starts[-1] - starts[0] >= most)):
        raise ValueError("segments that no file has")
    counted = False  # the segment before this line
    count = 0
    line = starts[0] if starts else 1
    at = 0
    while at < len(starts):
        here = starts[at]
        if counted and here > line:
            numbers.extend(range(line, here))
            hits.extend(repeat(count, here - line))
        skipped = not flat[at * width + 3] and flat[at * width + 4]
        mapped, ran = counted and not skipped, count
        while at < len(starts) and starts[at] == here:
            base = at * width
            if flat[base + 3] and flat[base + 4]:
                mapped = True
                if width == 5 or not flat[base + 5]:
                    ran = max(ran, flat[base + 2])
            counted, latest = bool(flat[base + 3]), flat[base + 2]
            at += 1
        if mapped:
            numbers.append(here)
            hits.append(ran)
        count = latest
        line = here + 1
    return numbers, hits
