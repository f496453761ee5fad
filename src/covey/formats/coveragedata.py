"""The content of coverage.py's data, out of a database file or the text that `CoverageData.dumps()` packs.

Both come from outside. The database is opened from memory, in which only the tables below can be read and only for
so long; the SQL text is never run: its INSERTs are read.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from covey.errors import FormatError
from covey.formats.intake import LAST_LINE, clean
from covey.model.report import bits

SCHEMA_VERSION = 7  # since coverage.py 5.0
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "coverage_schema": ("version",),
    "meta": ("key", "value"),
    "file": ("id", "path"),
    "context": ("id", "context"),
    "line_bits": ("file_id", "context_id", "numbits"),
    "arc": ("file_id", "context_id", "fromno", "tono"),
    "tracer": ("file_id", "tracer"),
}
_MOST_TEXT = 256 << 20  # bytes that a dump unpacks to
_STEPS = 200_000_000  # of SQLite's virtual machine: two orders above what a large honest database takes
_MOST_MARKED = 400_000_000  # bytes of all bit sets together

# Arcs of one file in one context are fetched as one text of numbers, each from * 2**25 + to: a row each would cost four
# times as much.
SHIFT = 25
HALF = 1 << (SHIFT - 1)
# The greatest tell of what is no number: in SQLite text is greater than all of them, and would add up as 0.
_ARCS = f"""
SELECT file_id, context_id, max(fromno), max(tono), group_concat((fromno * {1 << SHIFT}) + tono)
FROM arc GROUP BY 1, 2
"""  # noqa: S608
_FUNCTIONS = frozenset({"group_concat", "max"})
_MOST_CELL = 256 << 20  # bytes of one value

Value = None | int | float | str | bytes
Rows = Mapping[str, Iterable[tuple[Value, ...]]]
Arc = tuple[int, int]


@dataclass
class Recorded:
    """What ran, of one file of data or of several: each that is taken is united with what is there.

    By path, then context ("" for none): `lines`, bit sets, as the bytes of one that came alone; `arcs`, each a number
    that `pairs` reads, where arcs were recorded; their lines are not in `lines`.

    files: every path the data names, also those of which nothing ran. plugins: path -> the plugin that
    traced it. kinds: whether there is data with arcs (True), and without (False).
    """

    files: dict[str, None] = field(default_factory=dict)
    lines: dict[str, dict[str, int | bytes]] = field(default_factory=dict)
    arcs: dict[str, dict[str, array[int] | set[int]]] = field(default_factory=dict)
    plugins: dict[str, str] = field(default_factory=dict)
    kinds: set[bool] = field(default_factory=set)
    _names: tuple[list[tuple[Value, ...]], dict[Value, str]] = field(default_factory=lambda: ([], {}))

    @property
    def has_arcs(self) -> bool:
        return True in self.kinds

    @property
    def uneven(self) -> bool:
        """Whether some was recorded with arcs and some without."""
        return len(self.kinds) > 1

    def take_lines(self, path: str, context: str, numbits: bytes) -> None:
        by_context = self.lines.setdefault(path, {})
        mine = by_context.get(context)
        by_context[context] = numbits if mine is None else number_of(mine) | number_of(numbits)

    def take_arcs(self, path: str, context: str, arcs: list[int]) -> None:
        by_context = self.arcs.setdefault(path, {})
        mine = by_context.get(context)
        if mine is None:
            by_context[context] = array("q", arcs)  # a sixth of a set's memory; most contexts are those of one shard
        else:
            if not isinstance(mine, set):
                mine = by_context[context] = set(mine)
            mine.update(arcs)

    def pairs(self, path: str, context: str) -> list[Arc]:
        """The arcs of a file in a context, as (from, to), ascending."""
        ends = [(number, ((number + HALF) & (2 * HALF - 1)) - HALF) for number in sorted(self.arcs[path][context])]
        return [((number - end) >> SHIFT, end) for number, end in ends]

    def names(self, name: str, rows: list[tuple[Value, ...]]) -> dict[Value, str]:
        """Number of each file -> its path, out of the rows that say so; shards mostly have the same."""
        if rows != self._names[0]:
            self._names = rows, {number: clean(_text(name, path)) for number, path in rows}
            self.files.update(dict.fromkeys(sorted(self._names[1].values())))
        return self._names[1]

    def ran(self, path: str) -> dict[str, int]:
        """Context -> bit set of the lines that ran, those that arcs begin or end at included."""
        found = {context: number_of(bit_set) & ~1 for context, bit_set in self.lines.get(path, {}).items()}
        for context in self.arcs.get(path, ()):
            touched = {line for arc in self.pairs(path, context) for line in arc if line > 0}
            found[context] = found.get(context, 0) | bits(touched)
        return found


def number_of(bit_set: int | bytes) -> int:
    """A bit set as a number."""
    return bit_set if isinstance(bit_set, int) else int.from_bytes(bit_set, "little")


def of_database(name: str, data: bytes, into: Recorded | None = None) -> Recorded:
    """From the bytes of a `.coverage` file; added to `into` where that is given."""
    if data[18:20] == b"\2\2":  # write-ahead logging cannot be opened from memory; the header alone says it
        data = data[:18] + b"\1\1" + data[20:]
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_CELL)
        tables = _real_tables(connection)
        connection.set_authorizer(_only_reading)
        steps = iter(range(_STEPS // 10_000))
        connection.set_progress_handler(lambda: next(steps, None) is None, 10_000)
        rows = {table: _select(connection, table) for table in COLUMNS if table in tables and table != "arc"}
        arcs = connection.execute(_ARCS) if "arc" in tables else ()
        return _recorded(name, rows, arcs, into or Recorded())
    except (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise FormatError(f"damaged coverage database: {error}", path=name) from None
    finally:
        connection.close()


def _real_tables(connection: sqlite3.Connection) -> set[str]:
    """Names of plain tables: a view or a virtual table of one of these names is not coverage.py's."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchmany(1000)
    return {name for name, sql in rows if isinstance(sql, str) and re.match(r"CREATE TABLE\b", sql)}


def _only_reading(action: int, table: str | None, column: str | None, _db: str | None, _by: str | None) -> int:
    if action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and table in COLUMNS):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action == sqlite3.SQLITE_FUNCTION and column in _FUNCTIONS else sqlite3.SQLITE_DENY


def _select(connection: sqlite3.Connection, table: str) -> Iterator[tuple[Value, ...]]:
    return connection.execute(f"SELECT {', '.join(COLUMNS[table])} FROM {table}")  # noqa: S608 - both are ours


def of_dump(name: str, data: bytes, into: Recorded | None = None) -> Recorded:
    """From what `CoverageData.dumps()` gives: "z", then the zlib-packed SQL text of the database; added to `into`
    where that is given."""
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(data[1:], _MOST_TEXT).decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise FormatError(f"damaged coverage dump: {error}", path=name) from None
    if unpack.unconsumed_tail or not unpack.eof:
        what = f"unpacks to more than {_MOST_TEXT} bytes" if unpack.unconsumed_tail else "is cut off"
        raise FormatError(f"coverage dump {what}", path=name)
    rows: dict[str, list[tuple[Value, ...]]] = {}
    for table, row in inserts(name, text):
        rows.setdefault(table, []).append(row)
    return _recorded(name, rows, _gathered(name, rows.get("arc", ())), into or Recorded())


def _gathered(name: str, rows: Iterable[tuple[Value, ...]]) -> Iterator[tuple[Value, ...]]:
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
        yield file, context, 0, 0, ",".join(str((start << SHIFT) + end) for start, end in arcs)


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


def _recorded(name: str, rows: Rows, arcs: Iterable[tuple[Value, ...]], found: Recorded) -> Recorded:
    versions = [row[0] for row in rows.get("coverage_schema", ())]
    if versions != [SCHEMA_VERSION]:
        shown = ", ".join(map(repr, versions[:3])) or "none"
        raise FormatError(
            f"coverage data of schema {shown}, not {SCHEMA_VERSION}", path=name,
            hint="write it with coverage.py 5.0 or newer, or as a report: coverage json, coverage xml",
        )  # fmt: skip
    kind = any(key == "has_arcs" and value == "1" for key, value in rows.get("meta", ()))
    paths = found.names(name, list(rows.get("file", ())))
    contexts = {number: clean(_text(name, context)) for number, context in rows.get("context", ())}
    if paths:
        found.kinds.add(kind)
    try:
        left = _take_lines(found, paths, contexts, name, rows.get("line_bits", ()))
        _take_arcs(found, paths, contexts, name, arcs, left)
        for number, plugin in rows.get("tracer", ()):
            if plugin:
                found.plugins[paths[number]] = clean(_text(name, plugin))
    except KeyError as error:
        raise FormatError(f"coverage data: row for unknown file or context {error}", path=name) from None
    return found


def _text(name: str, value: Value) -> str:
    if not isinstance(value, str):
        raise FormatError(f"coverage data: {str(value)[:40]!r} where text belongs", path=name)
    return value


def _take_lines(
    found: Recorded, paths: Mapping[Value, str], contexts: Mapping[Value, str], name: str,
    rows: Iterable[tuple[Value, ...]],
) -> int:  # fmt: skip
    """How many bytes of bit sets may still come."""
    left = _MOST_MARKED
    for file, context, numbits in rows:
        if not isinstance(numbits, bytes) or len(numbits) > LAST_LINE // 8:
            raise FormatError("coverage data: numbits that are none", path=name)
        left -= len(numbits)
        if left < 0:
            raise FormatError("coverage data: too many lines", path=name)
        found.take_lines(paths[file], contexts[context], numbits)
    return left


def _take_arcs(
    found: Recorded, paths: Mapping[Value, str], contexts: Mapping[Value, str], name: str,
    rows: Iterable[tuple[Value, ...]], left: int,
) -> None:  # fmt: skip
    from msgspec.json import decode

    most = (LAST_LINE << SHIFT) + LAST_LINE
    for file, context, start, end, text in rows:
        try:
            if not (isinstance(start, int) and isinstance(end, int)):
                raise ValueError
            arcs = decode(f"[{_text(name, text)}]", type=list[int])
        except ValueError:
            raise FormatError("coverage data: an arc between no lines", path=name) from None
        if not arcs or min(arcs) < -most or max(arcs) > most:
            raise FormatError("coverage data: an arc between no lines", path=name)
        left -= max(max(arcs) >> SHIFT, 0) >> 3
        if left < 0:
            raise FormatError("coverage data: too many lines", path=name)
        found.take_arcs(paths[file], contexts[context], arcs)
