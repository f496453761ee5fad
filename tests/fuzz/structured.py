"""Changes to what a file says rather than to its bytes: JSON values, XML elements, rows of a database, packed text."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import zlib
from collections.abc import Callable
from typing import Any

from fuzz.mutations import ANY, MOST, NUMBERS, PIECES, Dice

_STRANGE: list[Any] = [
    None, True, False, -1, 0, 1, 2**31, 2**63, -(2**63), 10**40, 1.5, 1e300, float("inf"), float("nan"), "", "x", "0",
    "-1", "1-9999999", "9-1", "../../x", "/etc/x", "a//b", "\0", "\ud800", "\x1b[1m", "ü", "AAAA;;;AACA,gggggggggggB",
    [], {}, [[]], [None], {"": 1}, {"a": None}, ["x"], [1, 2], [-1, 2**40],
]  # fmt: skip
_DEEP = "\u0001deep\u0001"
_TAG = re.compile(rb"<(/?)([A-Za-z][\w:.-]*+)([^<>]*+)>")
_ATTRIBUTE = re.compile(rb"""([\w:.-]+)\s*=\s*(["'])([^"'<]*)\2""")
_MOST_SEARCHED = 4096  # bytes of a tag: a search of the whole would take the square of a long name
_BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
_OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname"><!ENTITY % y SYSTEM "y.dtd"> %y;]>'


def of(data: bytes) -> Callable[[bytes, Dice], bytes] | None:
    """The change that knows what these bytes are; None where none does."""
    head = data[:64].lstrip()
    if head.startswith(b"SQLite format 3\0"):
        return database
    if head.startswith(b"z\x78"):
        return dump
    if head[:1] in (b"{", b"["):
        return value
    return element if head[:1] == b"<" else None


def value(data: bytes, dice: Dice) -> bytes:
    """JSON with one value that is another, gone, doubled, moved, or deep within itself."""
    try:
        return _with_other_value(json.loads(data), dice)
    except (ValueError, RecursionError):  # no JSON any more, or deeper than Python's own reads and writes it
        return dice.choice(ANY)(data, dice)


def _with_other_value(document: Any, dice: Dice) -> bytes:
    holder: dict[str, Any] = {"": document}
    place, key = _anywhere(holder, "", dice)
    other_place, other_key = _anywhere(holder, "", dice)
    kind = dice.randrange(8)
    deep = 0
    if kind < 3:
        place[key] = dice.choice(_STRANGE)
    elif kind == 3:
        place[key] = json.loads(json.dumps(other_place[other_key]))
    elif kind == 4 and place is not holder:
        del place[key]
    elif kind == 5 and isinstance(place, list):
        place[key:key] = [place[key]] * dice.choice([1, 2, 50])
    elif kind == 6 and isinstance(place, dict) and place is not holder:
        place[dice.choice([_text(word) for word in dice.words] or ["x"])] = place.pop(key)
    else:
        place[key], deep = _DEEP, int(2 ** dice.uniform(1, 15))
    text = json.dumps(holder[""], separators=dice.choice([(",", ":"), (", ", ": ")]))
    opener, closer = dice.choice([("[", "]"), ('{"a":', "}")])
    return text.replace(json.dumps(_DEEP), opener * deep + "1" + closer * deep)[:MOST].encode("utf-8", "surrogatepass")


def _anywhere(place: Any, key: Any, dice: Dice) -> tuple[Any, Any]:
    """A container and a key of it; the deeper the likelier."""
    while isinstance(place[key], dict | list) and place[key] and dice.randrange(7):
        place = place[key]
        key = dice.choice(list(place)) if isinstance(place, dict) else dice.randrange(len(place))
    return place, key


def _text(word: bytes) -> str:
    return word.decode("utf-8", "replace").strip('":\n ')


def element(data: bytes, dice: Dice) -> bytes:
    """XML with one element doubled, gone, moved or renamed, one attribute of another value, gone or doubled."""
    found = _tag(data, dice)
    if not found:
        return dice.choice(ANY)(data, dice)
    kind = dice.randrange(8)
    if kind < 3:
        return _attribute(data, found, dice)
    begin, end = found.start(), _end_of(data, found)
    other = _tag(data, dice) or found
    if kind == 3:
        return data[:begin] + data[end:]
    if kind == 4:
        return data[: other.start()] + data[begin:end] + data[other.start() :]
    if kind == 5:
        return data[: found.start(2)] + other[2] + data[found.end(2) :]
    if kind == 6:
        wrap = dice.choice([(b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<x>", b"</x>"), (b"<?x ", b"?>")])
        return data[:begin] + wrap[0] + data[begin:end] + wrap[1] + data[end:]
    declared = data.find(b"?>") + 2 if data.startswith(b"<?") else 0
    return data[:declared] + dice.choice([_BOMB, _OUTSIDE, b"<!DOCTYPE a>"]) + data[declared:]


def _tag(data: bytes, dice: Dice) -> re.Match[bytes] | None:
    return _TAG.search(data, dice.place(data)) or _TAG.search(data)


def _end_of(data: bytes, found: re.Match[bytes]) -> int:
    if found[1] or found[3].endswith(b"/"):
        return found.end()
    closing = data.find(b"</" + found[2] + b">", found.end())
    return closing + len(found[2]) + 3 if closing >= 0 else found.end()


def _attribute(data: bytes, found: re.Match[bytes], dice: Dice) -> bytes:
    several = list(_ATTRIBUTE.finditer(data, found.start(3), min(found.end(3), found.start(3) + _MOST_SEARCHED)))
    if not several:
        return data[: found.end(2)] + b' x="1"' + data[found.end(2) :]
    one = dice.choice(several)
    kind = dice.randrange(6)
    if kind == 0:
        return data[: one.start()] + data[one.end() :]
    if kind == 1:
        return data[: one.end()] + b" " + one[0] + data[one.end() :]
    new = dice.choice([dice.choice(NUMBERS), dice.choice(PIECES), dice.choice(several)[3]])
    return data[: one.start(3)] + new.replace(b'"', b"&quot;") + data[one.end(3) :]


def dump(data: bytes, dice: Dice) -> bytes:
    """What `CoverageData.dumps()` gives, its SQL changed, packed again."""
    try:
        text = zlib.decompress(data[1:])
    except zlib.error:
        return dice.choice(ANY)(data, dice)
    for _ in range(dice.randrange(1, 4)):
        text = dice.choice(ANY)(text, dice)
    return b"z" + zlib.compress(text)


def database(data: bytes, dice: Dice) -> bytes:
    """A database with a cell, a row or a table that is another; SQLite itself writes it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.deserialize(data)
        connection.text_factory = bytes
        for _ in range(dice.randrange(1, 4)):
            _statement(connection, dice)
        return connection.serialize()
    except (sqlite3.Error, MemoryError, OverflowError, ValueError, IndexError):
        return dice.choice(ANY)(data, dice)
    finally:
        connection.close()


def _statement(connection: sqlite3.Connection, dice: Dice) -> None:
    tables = [row[0].decode() for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    table = dice.choice(sorted(tables))
    columns = [row[1].decode() for row in connection.execute(f'PRAGMA table_info("{table}")')]
    column = dice.choice(columns)
    row = f'(SELECT rowid FROM "{table}" LIMIT 1 OFFSET {dice.randrange(4)})'
    kind = dice.randrange(7)
    if kind < 4:
        new = dice.choice(
            [None, -1, 0, 1, 2**31, 2**62, -(2**62), 1.5, "", "x", "../x", "/" * 99, b"", b"\xff" * 40, b"\0" * 99]
        )
        sql = f'UPDATE OR REPLACE "{table}" SET "{column}" = ? WHERE rowid = {row}'
        connection.execute(sql, (new,))
    elif kind == 4:
        connection.execute(f'DELETE FROM "{table}" WHERE rowid = {row}')
    elif kind == 5:
        connection.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "{dice.choice(["x", "path", "line"])}"')
    else:
        connection.execute(f'DROP TABLE "{table}"')
        connection.execute(f'CREATE VIEW "{table}" AS SELECT 1 AS a, 2 AS b, * FROM "{dice.choice(tables)}"')


def wrapped(data: bytes, dice: Dice) -> bytes:
    """As users' files come: with other ends of lines, a mark, in another encoding, packed."""
    kind = dice.randrange(6)
    if kind == 0:
        return data.replace(b"\n", b"\r\n")
    if kind == 1:
        return b"\xef\xbb\xbf" + data
    if kind == 2:
        encoding, mark = dice.choice(
            [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("utf-32-le", b"\xff\xfe\0\0")]
        )
        return mark + data.decode("utf-8", "replace").encode(encoding)
    if kind == 3:
        return _zstd(data)
    packed = gzip.compress(data, 1, mtime=0)
    return packed * 2 if kind == 4 else packed


def _zstd(data: bytes) -> bytes:
    try:
        from backports import zstd
    except ImportError:
        return gzip.compress(data, 1, mtime=0)
    return zstd.compress(data, 1)
