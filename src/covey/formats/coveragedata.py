"""The content of coverage.py's data, out of a database file.

It comes from outside: it is opened from memory, or as a file that never changes, and only the tables below can be read,
and only for so long.
"""

from __future__ import annotations

import posixpath
import re
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from operator import lt
from pathlib import Path
from typing import Any, Protocol, TypeVar

from covey.errors import FormatError
from covey.formats.coveragenames import Called, as_recorded
from covey.formats.intake import clean
from covey.loops.bounds import LAST_LINE
from covey.model.report import bits

MAGIC = b"SQLite format 3\0"
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
_STEPS = 200_000_000  # of SQLite's virtual machine: two orders above what a large honest database takes
_MOST_MARKED = 400_000_000  # bytes of all bit sets together

# Arcs of one file in one context are fetched as one text of numbers, each from * 2**32 + to: a row each would cost four
# times as much.
SHIFT = 32
HALF = 1 << (SHIFT - 1)
_LAST_BYTE = LAST_LINE // 8 + 1  # bytes of a bit set up to the last line, which is the first bit of the last of them
_MOST_ARC = (LAST_LINE << SHIFT) + LAST_LINE
_ARCS = f"SELECT file_id, context_id, group_concat((fromno * {1 << SHIFT}) + tono) FROM arc GROUP BY 1, 2"  # noqa: S608
# In SQLite text is greater than any number, and would add up as 0.
_RANGE = f"NOT BETWEEN {-LAST_LINE} AND {LAST_LINE}"
_NO_ARCS = f"SELECT 1 FROM arc WHERE fromno {_RANGE} OR tono {_RANGE} LIMIT 1"  # noqa: S608
_FUNCTIONS = frozenset({"group_concat"})
_READABLE = frozenset({*COLUMNS, "sqlite_master"})
_MOST_CELL = 32 << 20  # bytes of one value
Value = None | int | float | str | bytes
Row = tuple[Value, ...]
Rows = Iterable[Row]
Arc = tuple[int, int]
File = TypeVar("File")
Context = TypeVar("Context")


class Taker(Protocol[File, Context]):
    """What the rows of data go to. File, Context: what it calls a file and a context. Each method gets the name of the
    input; `take_lines` rows of (file, context, numbits), `take_arcs` of (file, context, arcs as one text)."""

    kinds: set[bool]

    def places(self, name: str, rows: list[Row]) -> Mapping[Value, File]: ...
    def named(self, name: str, rows: list[Row]) -> Mapping[Value, Context]: ...
    def take_lines(
        self, name: str, files: Mapping[Value, File], contexts: Mapping[Value, Context], rows: Rows
    ) -> None: ...
    def take_arcs(
        self, name: str, files: Mapping[Value, File], contexts: Mapping[Value, Context], rows: Rows
    ) -> None: ...
    def take_plugin(self, name: str, file: File, plugin: str) -> None: ...


@dataclass
class Recorded:
    """What ran, of one file of data or of several: each that is taken is united with what is there.

    By path, then context ("" for none): `lines`, bit sets, as the bytes of one that came alone; `arcs`, each a number
    that `pairs` reads, where arcs were recorded; their lines are not in `lines`.

    called: what a path is called here. files: every path the data names, also those of which nothing ran. plugins: path
    -> the plugin that traced it. kinds: whether there is data with arcs (True), and without (False).
    """

    called: Called = as_recorded
    files: dict[str, None] = field(default_factory=dict)
    lines: dict[str, dict[str, int | bytes]] = field(default_factory=dict)
    arcs: dict[str, dict[str, array[int] | set[int]]] = field(default_factory=dict)
    plugins: dict[str, str] = field(default_factory=dict)
    kinds: set[bool] = field(default_factory=set)
    _names: tuple[str, list[Row], dict[Value, str]] = field(default_factory=lambda: ("", [], {}))

    @property
    def has_arcs(self) -> bool:
        return True in self.kinds

    @property
    def uneven(self) -> bool:
        """Whether some was recorded with arcs and some without."""
        return len(self.kinds) > 1

    def take_lines(self, name: str, files: Mapping[Value, str], contexts: Mapping[Value, str], rows: Rows) -> None:
        for file, context, numbits in lines_of(name, rows):
            by_context = self.lines.setdefault(files[file], {})
            key = contexts[context]
            mine = by_context.get(key)
            by_context[key] = numbits if mine is None else number_of(mine) | number_of(numbits)

    def take_arcs(self, name: str, files: Mapping[Value, str], contexts: Mapping[Value, str], rows: Rows) -> None:
        left = _MOST_MARKED
        for file, context, text in rows:
            arcs = arcs_of(name, [text])
            left -= max(arcs[-1] >> SHIFT, 0) >> 3
            if left < 0:
                raise FormatError("coverage data: too many lines", path=name)
            by_context = self.arcs.setdefault(files[file], {})
            key = contexts[context]
            mine = by_context.get(key)
            if mine is None:
                by_context[key] = array("q", arcs)  # a sixth of a set's memory; most contexts are those of one shard
            else:
                if not isinstance(mine, set):
                    mine = by_context[key] = set(mine)
                mine.update(arcs)

    def take_plugin(self, name: str, path: str, plugin: str) -> None:  # noqa: ARG002 - others name the file
        self.plugins[path] = plugin

    def named(self, name: str, rows: list[Row]) -> Mapping[Value, str]:
        """Number of each context -> its name."""
        return {number: clean(text_of(name, context)) for number, context in rows}

    def pairs(self, path: str, context: str) -> list[Arc]:
        """The arcs of a file in a context, as (from, to), ascending."""
        ends = [(number, ((number + HALF) & (2 * HALF - 1)) - HALF) for number in sorted(self.arcs[path][context])]
        return [((number - end) >> SHIFT, end) for number, end in ends]

    def places(self, name: str, rows: list[Row]) -> Mapping[Value, str]:
        """Number of each file -> its path, out of the rows that say so; shards mostly have the same."""
        folder = posixpath.dirname(name)
        if (folder, rows) != self._names[:2]:
            names = {number: self.called(name, clean(text_of(name, path))) for number, path in rows}
            self._names = folder, rows, names
            self.files.update(dict.fromkeys(sorted(names.values())))
        return self._names[2]

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


def numbits_of(bit_set: int | bytes) -> bytes:
    """A bit set as the bytes of coverage.py's."""
    return bit_set if isinstance(bit_set, bytes) else bit_set.to_bytes((bit_set.bit_length() + 7) // 8, "little")


def of_database(
    name: str, data: bytes | Path, into: Taker[Any, Any] | None = None, *,
    checked: bool = True, connection: sqlite3.Connection | None = None,
) -> Any:  # fmt: skip
    """From a `.coverage` file, or its bytes; added to `into`, a new Recorded by default, which is given back.

    checked: whether arcs that are none of numbers are refused. Otherwise those lead from or to line 0; who meets that
    line asks `check_numbers`, for looking costs half as much as reading. connection: one of `connected`, to be used for
    data in memory.
    """
    into = Recorded() if into is None else into
    with _opened(name, data, connection) as (connection, tables):
        rows: dict[str, Rows] = {table: _select(connection, table) for table in COLUMNS if table in tables - {"arc"}}
        if "arc" in tables:
            if checked and connection.execute(_NO_ARCS).fetchone():
                raise FormatError("coverage data: an arc between no lines", path=name)
            rows["arc"] = connection.execute(_ARCS)
        take_rows(name, rows, into)
    return into


def check_numbers(name: str, data: bytes | Path) -> None:
    """FormatError where there is an arc of a database that is none of numbers."""
    with _opened(name, data) as (connection, tables):
        if "arc" in tables and connection.execute(_NO_ARCS).fetchone():
            raise FormatError("coverage data: an arc between no lines", path=name)


def without_log(name: str, data: bytes) -> bytes:
    """The beginning of a database without its mark of write-ahead logging, with which it could only be opened where
    SQLite may write; nothing but the header tells. FormatError where there is a log beside it, for that is not read."""
    if data[18:20] != b"\2\2":
        return data
    log = Path(f"{name}-wal")
    if log.is_file() and log.stat().st_size:
        hint = f"end what has it open, or: sqlite3 {name} 'PRAGMA journal_mode=DELETE'"
        raise FormatError(f"coverage data: what was last written is still in {log}", path=name, hint=hint)
    return data[:18] + b"\1\1" + data[20:]


def connected(name: str = ":memory:") -> sqlite3.Connection:
    """A connection that is wary of what it is to read."""
    connection = sqlite3.connect(name, uri=True)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    if name == ":memory:":
        connection.execute("PRAGMA temp_store=MEMORY")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_CELL)
    return connection


@contextmanager
def _opened(
    name: str, data: bytes | Path, connection: sqlite3.Connection | None = None
) -> Iterator[tuple[sqlite3.Connection, set[str]]]:
    """A connection to the data, and which tables of coverage.py's it has. connection: one for data in memory that was
    used before, which spares a quarter of a millisecond; it is left open."""
    used = connection if isinstance(data, bytes) else None
    try:
        if isinstance(data, bytes):
            connection = used or connected()
            connection.set_authorizer(None)  # it would forbid what follows
            connection.deserialize(without_log(name, data))
        else:
            connection = connected(f"{data.absolute().as_uri()}?mode=ro&immutable=1")
        connection.set_authorizer(_only_reading)
        steps = iter(range(_STEPS // 10_000))
        connection.set_progress_handler(lambda: next(steps, None) is None, 10_000)
        yield connection, _real_tables(connection)
    except (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError) as error:
        raise FormatError(f"damaged coverage database: {error}", path=name) from None
    finally:
        if connection is not None and used is None:
            connection.close()


def _real_tables(connection: sqlite3.Connection) -> set[str]:
    """Names of plain tables. A view or a virtual table of a name that coverage.py's have is refused."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view')").fetchmany(1000)
    plain = {name for name, sql in rows if isinstance(sql, str) and re.match(r"CREATE TABLE\b", sql)}
    if others := sorted({name for name, _ in rows} & COLUMNS.keys() - plain):
        raise sqlite3.DatabaseError(f"{others[0]} is no plain table")
    return plain


def _only_reading(action: int, table: str | None, column: str | None, _db: str | None, _by: str | None) -> int:
    if action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and table in _READABLE):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action == sqlite3.SQLITE_FUNCTION and column in _FUNCTIONS else sqlite3.SQLITE_DENY


def _select(connection: sqlite3.Connection, table: str) -> Iterator[tuple[Value, ...]]:
    return connection.execute(f"SELECT {', '.join(COLUMNS[table])} FROM {table}")  # noqa: S608 - both are ours


def take_rows(name: str, rows: Mapping[str, Rows], into: Taker[File, Context]) -> None:
    versions = [row[0] for row in rows.get("coverage_schema", ())]
    if versions != [SCHEMA_VERSION]:
        shown = ", ".join(map(repr, versions[:3])) or "none"
        raise FormatError(
            f"coverage data of schema {shown}, not {SCHEMA_VERSION}", path=name,
            hint="write it with coverage.py 5.0 or newer, or as a report: coverage json, coverage xml",
        )  # fmt: skip
    kind = any(key == "has_arcs" and value == "1" for key, value in rows.get("meta", ()))
    files = into.places(name, list(rows.get("file", ())))
    contexts = into.named(name, list(rows.get("context", ())))
    if files:
        into.kinds.add(kind)
    try:
        into.take_lines(name, files, contexts, rows.get("line_bits", ()))
        into.take_arcs(name, files, contexts, rows.get("arc", ()))
        for number, plugin in rows.get("tracer", ()):
            if plugin:
                into.take_plugin(name, files[number], clean(text_of(name, plugin)))
    except KeyError as error:
        raise FormatError(f"coverage data: row for unknown file or context {error}", path=name) from None


def text_of(name: str, value: Value) -> str:
    """A value that has to be text."""
    if not isinstance(value, str):
        raise FormatError(f"coverage data: {str(value)[:40]!r} where text belongs", path=name)
    return value


def lines_of(name: str, rows: Rows) -> Iterator[tuple[Value, Value, bytes]]:
    """Rows of bit sets, checked."""
    left = _MOST_MARKED
    for file, context, numbits in rows:
        if not isinstance(numbits, bytes) or len(numbits) > _LAST_BYTE or numbits[_LAST_BYTE - 1 :] > b"\1":
            raise FormatError("coverage data: numbits that are none", path=name)
        left -= len(numbits)
        if left < 0:
            raise FormatError("coverage data: too many lines", path=name)
        yield file, context, numbits


def arcs_of(name: str, texts: Iterable[Value]) -> list[int]:
    """The arcs in texts of them, as `Recorded.pairs` reads them, ascending, none twice; at least one."""
    from msgspec.json import decode

    try:
        found = decode(f"[{','.join([text_of(name, text) for text in texts])}]", type=list[int])
    except ValueError:
        found = []
    if not all(map(lt, found, islice(found, 1, None))):
        found = sorted(set(found))
    if not found or found[0] < -_MOST_ARC or found[-1] > _MOST_ARC:
        raise FormatError("coverage data: an arc between no lines", path=name)
    return found
