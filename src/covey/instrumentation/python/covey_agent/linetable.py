"""The lines that could have run: what the interpreter's own line tables say of a source.

The file is compiled by the interpreter that ran it, and only when it still has the hash that was loaded. Nothing of it
is executed. Prologues are left out: the line of `def` belongs to the code that defines, not to the body.
"""

from __future__ import annotations

import os
import stat
import warnings
import zlib

from covey_agent import masks
from covey_agent.digest import sha256

MAX_SOURCE = 4 << 20
_MAX_CACHE = 4 << 20
_FILE_NAME = "<covey line table>"
_FUNCTION = 0x1  # CO_OPTIMIZED: a function's code, not a class body's
# Opcodes that precede a body, by the version that has them; fixed for each released version.
_RESUME = {(3, 11): 151, (3, 12): 151, (3, 13): 149}


class Tables:
    """Line tables by source hash, as JSON text; what was computed is kept, packed, up to a bound."""

    def __init__(self, quote, max_source: int = MAX_SOURCE) -> None:
        self._quote = quote
        self._max_source = max_source
        self._known: dict[str, bytes] = {}
        self._size = 0

    def get(self, path: str, source_hash: str) -> str | None:
        """`"executable": "1-9,12", "code": [[NAME, FIRST LINE, LINES], ...]`; None when the source is not to be had."""
        packed = self._known.get(source_hash)
        if packed is None:
            packed = zlib.compress(self._make(path, source_hash).encode("ascii"), 1)
            if self._size + len(packed) <= _MAX_CACHE:
                self._known[source_hash] = packed
                self._size += len(packed)
        return zlib.decompress(packed).decode("ascii") or None

    def _make(self, path: str, source_hash: str) -> str:
        source = read_source(path, source_hash, self._max_source)
        rows = code_rows(source) if source is not None else None
        if rows is None:
            return ""
        union = b""
        for _, _, mask in rows:
            union = masks.union(union, mask)
        code = ", ".join(f"[{self._quote(a)}, {b}, {self._quote(masks.to_text(c))}]" for a, b, c in rows)
        return f'"executable": {self._quote(masks.to_text(union))}, "code": [{code}]'


def read_source(path: str, source_hash: str, most: int = MAX_SOURCE) -> bytes | None:
    """The bytes of a source file when they still have that hash (`sha256:...`) and are not more than `most`."""
    try:
        fd = os.open(path.encode("utf-8", "surrogateescape"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return None
        with open(fd, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError:
        return None
    finally:
        os.close(fd)
    return data if source_hash == "sha256:" + sha256(data).hexdigest() else None


class _OurFileOnly:
    """Matches, as a warning filter's module pattern, the name that sources are compiled under here, and no other."""

    def match(self, module):
        return module == _FILE_NAME


def code_rows(source: bytes) -> list[tuple[str, int, bytes]] | None:
    """Of each code object, outer first: qualified name, first line, mask of its lines. None: does not compile."""
    quiet = ("ignore", None, Warning, _OurFileOnly(), 0)
    # The thread that serves may be in the application's process, whose warnings are none of our business.
    warnings.filters.insert(0, quiet)
    try:
        top = compile(source, _FILE_NAME, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None
    finally:
        if quiet in warnings.filters:
            warnings.filters.remove(quiet)
    rows: list[tuple[str, int, bytes]] = []
    pending = [(top, "<module>", "")]
    while pending:
        code, name, inside = pending.pop()
        rows.append((name, code.co_firstlineno if inside or code is not top else 1, masks.of_lines(lines_of(code))))
        prefix = "" if code is top else name + (".<locals>." if code.co_flags & _FUNCTION else ".")
        inner = [const for const in code.co_consts if hasattr(const, "co_code")]
        pending.extend((const, prefix + const.co_name, prefix or "-") for const in reversed(inner))
    return rows


def lines_of(code) -> set[int]:
    """The lines of a code object's line table, without its prologue's."""
    if not hasattr(code, "co_lines"):
        return _lines_of_lnotab(code)
    body = _body_offset(code)
    return {line for _, end, line in code.co_lines() if line and end > body}


def _body_offset(code) -> int:
    """Offset of the first instruction behind the prologue, which ends with RESUME since 3.11."""
    import sys

    resume = _RESUME.get(sys.version_info[:2])
    if resume is None:
        if sys.version_info < (3, 11):
            return 0
        import opcode  # a version that came later: ask it

        resume = opcode.opmap.get("RESUME", -1)
    at = code.co_code[::2].find(resume) if resume >= 0 else -1
    return 2 * (at + 1) if at >= 0 else 0


def _lines_of_lnotab(code) -> set[int]:
    """The same for 3.9, whose table is pairs of byte and line steps."""
    table = code.co_lnotab
    found = set()
    line, address = code.co_firstlineno, 0
    for bytes_on, lines_on in zip(table[0::2], table[1::2]):
        if bytes_on:
            found.add(line)
            address += bytes_on
            if address >= len(code.co_code):
                return found
        line += lines_on - 256 if lines_on >= 128 else lines_on
    found.add(line)
    return found
