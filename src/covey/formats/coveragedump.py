"""The content of coverage.py's data, out of the text that `CoverageData.dumps()` packs.

It comes from outside. The SQL text is never run: its INSERTs are read.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any

from covey.errors import FormatError
from covey.formats.coveragedata import COLUMNS, SHIFT, Recorded, Row, Rows, Taker, Value, take_rows
from covey.formats.unwrap import MOST_RATIO, RATIO_FROM
from covey.loops.bounds import LAST_LINE

_MOST_TEXT = 256 << 20  # bytes that a dump unpacks to


def of_dump(name: str, data: bytes, into: Taker[Any, Any] | None = None) -> Any:
    """From what `CoverageData.dumps()` gives: "z", then the zlib-packed SQL text of the database; added to `into`, a
    new Recorded by default, which is given back."""
    into = Recorded() if into is None else into
    unpack = zlib.decompressobj()
    most = min(_MOST_TEXT, max(RATIO_FROM, len(data) * MOST_RATIO))
    try:
        text = unpack.decompress(data[1:], most).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise FormatError(f"damaged coverage dump: {error}", path=name) from None
    if unpack.unconsumed_tail or not unpack.eof:
        what = f"unpacks to more than {most} bytes" if unpack.unconsumed_tail else "is cut off"
        raise FormatError(f"coverage dump {what}", path=name)
    rows: dict[str, list[Row]] = {}
    for table, row in inserts(name, text):
        rows.setdefault(table, []).append(row)
    take_rows(name, {**rows, "arc": _gathered(name, rows.get("arc", ()))}, into)
    return into


def _gathered(name: str, rows: Rows) -> Iterator[Row]:
    """Rows of arcs as the query gives them."""
    found: dict[tuple[Value, Value], list[tuple[int, int]]] = {}
    for file, context, start, end in rows:
        if not (isinstance(start, int) and isinstance(end, int)):
            raise FormatError("coverage data: an arc between no lines", path=name)
        found.setdefault((file, context), []).append((start, end))
    for (file, context), arcs in found.items():
        ends = [line for arc in arcs for line in arc]
        if max(map(abs, ends)) > LAST_LINE:
            raise FormatError("coverage data: an arc between no lines", path=name)
        yield file, context, ",".join(str((start << SHIFT) + end) for start, end in arcs)


# One piece of SQL, where a quote or a semicolon means something: comment, string, name, end, or all that lies between.
_PIECE = re.compile(r"""--[^\n]*+|'[^']*+(?:''[^']*+)*+'|"[^"]*+(?:""[^"]*+)*+"|;|[^-'";]++|-""")
_INSERT = re.compile(r'\s*INSERT\s+INTO\s+"?(\w+)"?\s*(?:\(([\w\s,"]*)\)\s*)?VALUES\s*\(', re.IGNORECASE)
_VALUE = re.compile(
    r"\s*(?:(NULL)|(-?\d{1,19})|X'((?:[0-9A-F]{2})*+)'|'([^']*+(?:''[^']*+)*+)')\s*([,)])", re.IGNORECASE
)


def inserts(name: str, text: str) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Each row that the SQL text inserts into a table of coverage.py's, columns in the order of COLUMNS."""
    start = 0
    for piece in _PIECE.finditer(text):
        if piece[0] != ";":
            continue
        found = _INSERT.match(text, start, piece.end())
        if found and found[1] in COLUMNS:
            yield found[1], _ordered(name, found, _values(name, text, found.end()))
        start = piece.end()


def _values(name: str, text: str, at: int) -> list[Value]:
    values: list[Value] = []
    while found := _VALUE.match(text, at):
        at = found.end()
        if found[2]:
            values.append(int(found[2]))
        elif found[3] is not None:
            values.append(bytes.fromhex(found[3]))
        else:
            values.append(None if found[1] else found[4].replace("''", "'"))
        if found[5] == ")":
            return values
    raise FormatError("coverage dump: an INSERT that cannot be read", path=name, offset=at)


def _ordered(name: str, found: re.Match[str], values: list[Value]) -> tuple[Value, ...]:
    columns = COLUMNS[found[1]]
    named = [column.strip(' "') for column in found[2].split(",")] if found[2] else list(columns)
    row = dict(zip(named, values, strict=False))
    if len(named) != len(values) or any(column not in row for column in columns):
        raise FormatError(
            f"coverage dump: a row of table {found[1]} has other columns", path=name, offset=found.start()
        )
    return tuple(row[column] for column in columns)
