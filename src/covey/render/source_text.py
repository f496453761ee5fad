"""The bytes of a source file as text that is safe to show, line by line as compilers count lines."""

from __future__ import annotations

import codecs
import re

SOURCE_LIMIT = 8 << 20  # bytes of a file shown as text
LINE_LIMIT = 4000  # characters of a line
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN = bytes({*range(32, 127), 9, 10})
_ODD = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def readable(source: bytes | None, notes: list[str]) -> str | None:
    """What to show of a source; "\\n" ends lines, odd characters are visible, endless lines are cut."""
    if source is None:
        notes.append("The source of this file was not found: only its line numbers are shown.")
        return None
    if len(source) > SOURCE_LIMIT:
        notes.append(f"This file is larger than {SOURCE_LIMIT >> 20} MB: only its line numbers are shown.")
        return None
    text = decoded(source)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() or source.translate(None, _PLAIN + b"\r"):
        text = _ODD.sub(_drawn, text)
    if _is_long(source) and max(map(len, text.split("\n"))) > LINE_LIMIT:
        notes.append(f"Lines longer than {LINE_LIMIT:,} characters are cut.")
        text = "\n".join(line if len(line) <= LINE_LIMIT else line[:LINE_LIMIT] + " …" for line in text.split("\n"))
    return text.removesuffix("\n")


def _is_long(source: bytes) -> bool:
    """Whether some line may be longer than LINE_LIMIT; leaps from line end to line end instead of looking at each."""
    at = 0
    while len(source) - at > LINE_LIMIT:
        end = source.rfind(b"\n", at, at + LINE_LIMIT + 1)
        if end < 0:
            return True
        at = end + 1
    return False


def _drawn(found: re.Match[str]) -> str:
    """A control picture for a C0 control, the code point in brackets for what would hide or turn text."""
    code = ord(found[0])
    return chr(0x2400 + code) if code < 32 else f"⟨U+{code:04X}⟩"


def decoded(source: bytes) -> str:
    """UTF-8, else what a byte order mark or a coding line says, else Latin-1, which reads anything."""
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    named = "utf-16" if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""
    for line in source.split(b"\n", 2)[:2]:
        cookie = _COOKIE.match(line)
        named = named or (cookie[1].decode("ascii", "replace") if cookie else "")
    try:
        return source.decode(named or "latin-1")
    except (LookupError, UnicodeError):  # an unknown codec, or a name that lies
        return source.decode("latin-1")
