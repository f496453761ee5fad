"""A script's text as V8 counts it: lines by offsets in UTF-16 units, and what its comments take out of counting."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate

MOST_LINES = 2_000_000
MOST_UNITS = 1 << 30
# What JavaScript's trimEnd() takes away.
_BLANK = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000\ufeff"
)
_NEXT = re.compile(r"/\* (?:[cv]8|node:coverage) ignore next(?: ([0-9]{1,9}))?")
_ALONE = re.compile(r"\W*", re.ASCII)
# What Node put around a CommonJS module before it could compile functions by themselves, and what still does so.
WRAPPER = "(function (exports, require, module, __filename, __dirname) { ", "\n});"
_SWITCH = re.compile(r"/\* (?:[c|v]8 ignore (start|stop)|node:coverage (disable|enable))")


class Text:
    """starts, ends: array('i'), of each line the offset of its first unit and the one after its last, without the end
    of line. length: of the whole text; eof: of the text without the blanks at its end, which are no lines.
    ignored: lines, from 0, that comments as `c8 ignore next` take out of counting; they count as run, as for c8."""

    def __init__(self, starts: array[int], ends: array[int], length: int, ignored: Sequence[int] = ()) -> None:
        self.starts, self.ends, self.length, self.ignored = starts, ends, length, ignored
        self.eof = ends[-1]

    @classmethod
    def of(cls, content: str) -> Text | None:
        """The text as V8 got it, so without a byte order mark; None for one of more than 2,000,000 lines."""
        content = content.removeprefix("\ufeff")
        trimmed = content.rstrip(_BLANK)
        if trimmed.count("\n") >= MOST_LINES:
            return None
        lines = trimmed.split("\n")
        units = list(map(len, lines))
        length = len(content)
        if not content.isascii() and max(content) > "\uffff":
            units = [_units(line) for line in lines]
            length = _units(content)
        starts = array("i", accumulate(units[:-1], lambda start, size: start + size + 1, initial=0))
        ends = array("i", map(int.__add__, starts, units))
        if "\r" in trimmed:
            for number, line in enumerate(lines[:-1]):
                ends[number] -= line.endswith("\r")
        return cls(starts, ends, length, _ignored(lines) if " ignore " in trimmed or "node:coverage" in trimmed else ())

    @classmethod
    def of_lengths(cls, units: Iterable[int]) -> Text | None:
        """Of a text of which only the lengths of its lines are known; None for what no text has."""
        sizes = list(units)
        while len(sizes) > 1 and not sizes[-1]:
            sizes.pop()
        if not sizes or min(sizes) < 0 or sum(sizes) + len(sizes) > MOST_UNITS or len(sizes) > MOST_LINES:
            return None
        starts = array("i", accumulate(sizes[:-1], lambda start, size: start + size + 1, initial=0))
        return cls(starts, array("i", map(int.__add__, starts, sizes)), -1)

    def __len__(self) -> int:
        return len(self.starts)

    def offset(self, line: int, column: int) -> int:
        """Of a place from 0; beyond the text, its end."""
        if line >= len(self.starts):
            return self.eof
        return min(self.starts[line] + column, self.ends[line])


def is_of(ran: str, file: bytes) -> bool:
    """Whether a text that ran, as it was recorded, is that of a file. A byte order mark, line ends and what stood
    around a module are no difference; of a file that is no UTF-8 nobody can tell, so it is taken for the same."""
    try:
        wanted = _plain(file.decode())
    except UnicodeDecodeError:
        return True
    found, (before, after) = _plain(ran), WRAPPER
    return wanted in (found, _plain(found.removeprefix(before).removesuffix(after)))


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def _ignored(lines: Sequence[str]) -> list[int]:
    """The lines that hints take out, by c8's rules: a hint's own line; the next one or N after a hint that stands at
    the beginning of its line; from `start` to `stop`."""
    found = []
    left, off = 0, False
    for number, line in enumerate(lines):
        taken = left > 0 or off
        left -= left > 0
        hint, switch = _NEXT.search(line), _SWITCH.search(line)
        if hint:
            taken = True
            left = int(hint[1] or 1) if _ALONE.fullmatch(line, 0, hint.start()) else 0
        elif switch:
            taken = True
            left, off = 0, (switch[1] or switch[2]) in ("start", "disable")
        if taken:
            found.append(number)
    return found
