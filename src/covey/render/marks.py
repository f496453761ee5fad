"""Beside a source text: a mark for each line, and the numbers of the lines."""

from __future__ import annotations

from covey.model.report import FileCoverage

_KINDS = bytes.maketrans(b"\0\1", b"-+")  # whether a line ran -> its mark
_PARTIAL = ord("~")


def marks_of(file: FileCoverage, count: int, partial: set[int]) -> bytearray:
    """A byte for each of the lines 1 to `count`: "+" ran, "-" did not, "~" is in `partial`, " " holds no code."""
    marks = bytearray(b" ") * count
    kinds = bytes(map(bool, file.lines.hits)).translate(_KINDS)
    for number, kind in zip(file.lines.numbers, kinds, strict=True):
        if number > count:
            break
        marks[number - 1] = kind
    for line in partial:
        if line <= count:
            marks[line - 1] = _PARTIAL
    return marks


class Numbers:
    """The column of line numbers, cut from one text that serves all pages."""

    def __init__(self) -> None:
        self._text = ""
        self._counted = 0

    def up_to(self, count: int) -> str:
        """ "1\\n2\\n..." """
        if count > self._counted:
            self._counted = max(count, 2 * self._counted, 2000)
            self._text = "\n".join(map(str, range(1, self._counted + 1)))
        digits = len(str(count))
        length = digits * (count + 1) - (10**digits - 1) // 9 + count - 1  # digits of all numbers, newlines between
        return self._text[:length] if count else ""
