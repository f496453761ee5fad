"""coverage.py's `CoverageData.dumps()` form, written without coverage.py.

`z`, then the zlib-packed SQL text of a database with coverage.py's schema, version 7 (coverage.py 5.0 to at least
7.17). Lines only: arcs are not recorded. The tables and their columns are what `CoverageData.loads()` expects.
"""

from __future__ import annotations

import zlib

from covey_agent import masks

SCHEMA_VERSION = 7
_CONTEXT = 1  # coverage.py's row of the empty context

_FILE = "foreign key (file_id) references file (id)"
_BOTH = _FILE + ", foreign key (context_id) references context (id)"
_ONE = "unique (file_id, context_id"
_ARC = "file_id integer, context_id integer, fromno integer, tono integer"
_TABLES = (
    "CREATE TABLE coverage_schema (version integer);",
    "CREATE TABLE meta (key text, value text, unique (key));",
    "CREATE TABLE file (id integer primary key, path text, unique (path));",
    "CREATE TABLE context (id integer primary key, context text, unique (context));",
    f"CREATE TABLE line_bits (file_id integer, context_id integer, numbits blob, {_BOTH}, {_ONE}));",
    f"CREATE TABLE arc ({_ARC}, {_BOTH}, {_ONE}, fromno, tono));",
    f"CREATE TABLE tracer (file_id integer primary key, tracer text, {_FILE});",
)


def dumps(files: dict[str, bytes], version: str) -> bytes:
    """The blob of path -> mask of the lines that ran. `version` is the agent's, kept as the database's writer."""
    packer = zlib.compressobj()
    parts = [b"z"]
    for statement in _statements(files, version):
        parts.append(packer.compress(statement.encode("utf-8") + b"\n"))
    parts.append(packer.flush())
    return b"".join(parts)


def _statements(files, version):
    yield "BEGIN TRANSACTION;"
    yield from _TABLES
    yield f"INSERT INTO coverage_schema VALUES({SCHEMA_VERSION});"
    yield "INSERT INTO meta VALUES('version',{});".format(_text("covey " + version))
    yield "INSERT INTO meta VALUES('has_arcs','0');"
    yield f"INSERT INTO context VALUES({_CONTEXT},'');"
    for number, path in enumerate(sorted(files), 1):
        yield f"INSERT INTO file VALUES({number},{_text(path)});"
        yield f"INSERT INTO line_bits VALUES({number},{_CONTEXT},X'{masks.numbits(files[path]).hex()}');"
    yield "COMMIT;"


def _text(text: str) -> str:
    """A literal of SQL. A name that is no UTF-8 is written with `\\xNN` for each such byte, as the rest of the wire."""
    raw = text.replace("\0", "").encode("utf-8", "surrogateescape")
    return "'" + raw.decode("utf-8", "backslashreplace").replace("'", "''") + "'"
