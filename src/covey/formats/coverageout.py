"""Writes coverage.py's data: a database of its schema 7, which every coverage.py since 5.0 opens."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from covey._version import VERSION
from covey.formats.coveragedata import HALF, SCHEMA_VERSION, SHIFT

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
# Unpacks the numbers where it costs half of what handing in a row each does.
_INSERT_ARCS = f"""
INSERT INTO arc SELECT ?1, ?2, (value - to_) / {1 << SHIFT}, to_ FROM (
  SELECT value, ((value + {HALF}) & {2 * HALF - 1}) - {HALF} AS to_ FROM json_each(?3)
)
"""  # noqa: S608 - all of it is ours


def database(
    lines: Mapping[str, Mapping[str, int | bytes]],
    arcs: Mapping[str, Mapping[str, Iterable[int]]] | None = None,
    plugins: Mapping[str, str] | None = None,
) -> bytes:
    """A database: path -> context ("" for none) -> bit set of lines that ran; with `arcs`, these instead, for data is
    of lines or of arcs, as the numbers that `coveragedata` packs them in. `lines` names every file in either case. The
    same content gives the same bytes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.executescript(_TABLES)
        connection.execute("BEGIN")
        told = arcs if arcs is not None else lines
        names = {name for by_context in told.values() for name in by_context}
        files = {path: number for number, path in enumerate(sorted(lines), 1)}
        contexts = {name: number for number, name in enumerate(sorted(names), 1)}
        connection.execute("INSERT INTO coverage_schema VALUES (?)", (SCHEMA_VERSION,))
        meta = [("has_arcs", str(int(arcs is not None))), ("version", f"covey {VERSION}")]
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
        connection.executemany("INSERT INTO file (path, id) VALUES (?, ?)", files.items())
        connection.executemany("INSERT INTO context (context, id) VALUES (?, ?)", contexts.items())
        for path, number in files.items():
            by_context = sorted((contexts[name], name) for name in told.get(path, ()))
            if arcs is None:
                mine = lines[path]
                rows = [(number, at, _numbits(mine[name])) for at, name in by_context]
                connection.executemany("INSERT INTO line_bits VALUES (?, ?, ?)", rows)
            else:
                texts = ((number, at, _numbers(arcs[path][name])) for at, name in by_context)
                connection.executemany(_INSERT_ARCS, texts)
        traced = sorted((files[path], plugin) for path, plugin in (plugins or {}).items())
        connection.executemany("INSERT INTO tracer VALUES (?, ?)", traced)
        connection.execute("COMMIT")
        return bytes(connection.serialize())
    finally:
        connection.close()


def _numbers(arcs: Iterable[int]) -> str:
    return f"[{','.join(map(str, sorted(arcs)))}]"


def _numbits(bit_set: int | bytes) -> bytes:
    if isinstance(bit_set, bytes):
        return bit_set
    return bit_set.to_bytes((bit_set.bit_length() + 7) // 8, "little")
