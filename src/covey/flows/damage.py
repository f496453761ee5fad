"""What is said of a file that its format cannot read, besides where and why: whether it looks cut off, and that its
format was named by the user."""

from __future__ import annotations

import contextlib

from covey.errors import FormatError
from covey.formats.base import Input

CUT_OFF = "is it cut off?"
NOTHING_RECORDED = "the tool recorded nothing: leave the file out, or read the rest with --keep-going"
# What readers of XML and JSON say only where the file ended too early.
_EARLY = ("unclosed token", "no element found", "unclosed CDATA section", "partial character", "was truncated")
_SQLITE = b"SQLite format 3\0"
_PIECE = 1 << 20


def explained(error: FormatError, file: Input, named: str) -> FormatError:
    """The error with a hint, where it has none, and with the format's name, where the user named one."""
    if named:
        error.what += f" (read as {named}, by --from)"
        error.args = (error.what,)
    with contextlib.suppress(OSError, FormatError):  # it cannot be read a second time: nothing more is known
        with file.open() as stream:
            head = stream.read(100)
        error.hint = (error.hint or _hint(error, file, head)) if head else NOTHING_RECORDED
    return error


def _hint(error: FormatError, file: Input, head: bytes) -> str:
    if any(early in error.what for early in _EARLY) or error.what.partition(": ")[2].startswith("cut off"):
        return CUT_OFF
    if head.startswith(_SQLITE):
        return CUT_OFF if _size(file)[0] < _size_told(head) else ""
    if head.lstrip()[:1] in (b"<", b"{", b"["):
        return ""  # of these the reader says where they end too early
    size, lines, last = _size(file)
    at_the_end = error.line == lines + 1 or (error.offset is not None and error.offset >= size)
    return CUT_OFF if at_the_end and last != b"\n" else ""


def _size_told(head: bytes) -> int:
    """Bytes of a database by its header: https://www.sqlite.org/fileformat2.html, 1.3."""
    page = int.from_bytes(head[16:18], "big")
    return (1 << 16 if page == 1 else page) * int.from_bytes(head[28:32], "big")


def _size(file: Input) -> tuple[int, int, bytes]:
    """Bytes, line ends and the last byte of a file."""
    size, lines, last = 0, 0, b""
    with file.open() as stream:
        while piece := stream.read(_PIECE):
            size += len(piece)
            lines += piece.count(b"\n")
            last = piece[-1:]
    return size, lines, last
