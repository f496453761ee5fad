"""Writes coverage.py's data: a database of its schema 7, which every coverage.py since 5.0 opens."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from covey._version import VERSION
from covey.formats.coveragedata import SCHEMA_VERSION, numbits_of
from covey.loops.arcpages import PAGE, ArcPages

if TYPE_CHECKING:
    from covey.formats.coverageunion import Union

# Where a header has the number of changes, of pages, and the change at which there were so many pages.
_CHANGES, _COUNT, _VALID = 24, 28, 92
_ONCE = b"\0\0\0\1"
_AT_ONCE = 1 << 20
_ROWS = 50  # of one statement: half of the time of a statement for each

# The tables as coverage.py 5.0 to 7.17 has them (docs: "dbschema"); it looks rows up by these unique keys.
_TABLES = """
CREATE TABLE coverage_schema (version integer);
CREATE TABLE meta (key text, value text, unique (key));
CREATE TABLE file (id integer primary key, path text, unique (path));
CREATE TABLE context (id integer primary key, context text, unique (context));
CREATE TABLE line_bits (
  file_id integer, context_id integer, numbits blob,
  foreign key (file_id) references file (id), foreign key (context_id) references context (id),
  unique (file_id, context_id)
);
CREATE TABLE arc (
  file_id integer, context_id integer, fromno integer, tono integer,
  foreign key (file_id) references file (id), foreign key (context_id) references context (id),
  unique (file_id, context_id, fromno, tono)
);
CREATE TABLE tracer (file_id integer primary key, tracer text, foreign key (file_id) references file (id));
"""


def database(lines: Mapping[str, Mapping[str, int | bytes]]) -> bytes:
    """A database: path -> context ("" for none) -> bit set of lines that ran. `lines` names every file. The same
    content gives the same bytes."""
    contexts = _numbered({name for by_context in lines.values() for name in by_context})
    with closing(_begun(":memory:", lines, contexts, arcs=False)) as connection:
        for number, path in enumerate(sorted(lines), 1):
            rows = sorted((contexts[name], numbits_of(bit_set)) for name, bit_set in lines[path].items())
            connection.executemany("INSERT INTO line_bits VALUES (?, ?, ?)", [(number, *row) for row in rows])
        connection.execute("COMMIT")
        return _uncounted(connection.serialize())


class Joined:
    """What a union holds of some files, to be written once. placed: path -> the recorded paths that are this file.
    notes: for the reader."""

    def __init__(self, union: Union, placed: Mapping[str, Sequence[str]], notes: tuple[str, ...]) -> None:
        self._union = union
        self._placed = placed
        self._paths = sorted(placed)
        self.notes = notes

    def write(self, out: BinaryIO) -> None:
        """A database, arcs or lines; the same content gives the same bytes. What was put away is gone then."""
        if out.seekable() and out.tell() == 0:
            self._write(out)
        else:
            import tempfile

            with tempfile.TemporaryFile() as file:
                self._write(file)
                file.seek(0)
                _copied(file, out)
        self._union.close()

    def _write(self, out: BinaryIO) -> None:
        names = list(self._union.contexts)  # in the order of their numbers
        used = {one for paths in self._placed.values() for one in self._union.contexts_of(paths)}
        numbers = _numbered({names[one] for one in used})
        self._contexts = {one: numbers[names[one]] for one in used}
        if self._union.has_arcs:
            with closing(self._begun(":memory:", numbers)) as connection:
                self._write_arcs(connection, out)
        elif not self._union.is_large:
            with closing(self._begun(":memory:", numbers)) as connection:
                self._insert_lines(connection)
                out.write(_uncounted(connection.serialize()))
        else:
            import tempfile

            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "data")
                with closing(self._begun(str(path), numbers)) as connection:
                    self._insert_lines(connection)
                with path.open("rb") as file:
                    out.write(_uncounted(file.read(PAGE)))
                    _copied(file, out)

    def _begun(self, name: str, contexts: Mapping[str, int]) -> sqlite3.Connection:
        plugins = self._union.plugins
        traced = {path: one for path, names in self._placed.items() for one in map(plugins.get, names) if one}
        return _begun(name, self._placed, contexts, arcs=self._union.has_arcs, plugins=traced)

    def _of(self, number: int, path: str) -> list[tuple[int, int, bytes]]:
        """The file's number, that of a context and a piece, ascending."""
        pieces = self._union.pieces(self._placed[path])
        return sorted([(number, self._contexts[context], piece) for context, piece in pieces.items()])

    def _insert_lines(self, connection: sqlite3.Connection) -> None:
        rows = chain.from_iterable(self._of(number, path) for number, path in enumerate(self._paths, 1))
        while some := list(chain.from_iterable(islice(rows, _ROWS))):
            marks = ", ".join(["(?, ?, ?)"] * (len(some) // 3))
            connection.execute(f"INSERT INTO line_bits VALUES {marks}", some)  # noqa: S608 - question marks
        connection.execute("COMMIT")

    def _write_arcs(self, connection: sqlite3.Connection, out: BinaryIO) -> None:
        connection.execute("COMMIT")
        begun = _uncounted(connection.serialize())
        roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
        most_file, most_context = len(self._paths), max(self._contexts.values(), default=0)
        widths = (_width(most_file), _width(most_context), self._union.width)
        out.write(begun)
        pages = ArcPages(out, len(begun) // PAGE, roots["arc"], roots["sqlite_autoindex_arc_1"], widths)
        for number, path in enumerate(self._paths, 1):
            for row in self._of(number, path):
                pages.add(*row)
        count = pages.close()
        out.seek(_COUNT)
        out.write(count.to_bytes(4, "big"))


def _width(most: int) -> int:
    """Bytes of numbers up to `most`."""
    return 2 if most < 1 << 15 else 3 if most < 1 << 23 else 4


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names), 1)}


def _begun(
    name: str,
    paths: Iterable[str],
    contexts: Mapping[str, int],
    *,
    arcs: bool,
    plugins: Mapping[str, str] | None = None,
) -> sqlite3.Connection:
    """A database with all but what ran, in a transaction. Files are numbered from 1 on, ascending by path."""
    connection = sqlite3.connect(name, isolation_level=None)
    connection.execute(f"PRAGMA page_size={PAGE}")
    connection.execute("PRAGMA journal_mode=OFF")  # one that breaks off is thrown away
    connection.execute("PRAGMA synchronous=OFF")
    connection.executescript(_TABLES)
    connection.execute("BEGIN")
    files = _numbered(paths)
    connection.execute("INSERT INTO coverage_schema VALUES (?)", (SCHEMA_VERSION,))
    meta = [("has_arcs", str(int(arcs))), ("version", f"covey {VERSION}")]
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
    connection.executemany("INSERT INTO file (path, id) VALUES (?, ?)", files.items())
    connection.executemany("INSERT INTO context (context, id) VALUES (?, ?)", contexts.items())
    traced = sorted((files[path], plugin) for path, plugin in (plugins or {}).items())
    connection.executemany("INSERT INTO tracer VALUES (?, ?)", traced)
    return connection


def _uncounted(data: bytes) -> bytes:
    """A database's beginning without how often and by which SQLite it was changed, which in memory is not counted."""
    return data[:_CHANGES] + _ONCE + data[_COUNT:_VALID] + _ONCE + bytes(4) + data[_VALID + 8 :]


def _copied(source: BinaryIO, out: BinaryIO) -> None:
    while piece := source.read(_AT_ONCE):
        out.write(piece)
