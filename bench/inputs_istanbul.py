"""Istanbul's JSON of a model program, as nyc writes it: one line, positions in full."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from bench.inputs import File, Function, Program, Ran


def write(_: Program, run: Iterator[tuple[File, Ran]], out: IO[str]) -> None:
    separator = "{"
    for file, ran in run:
        path = f"/srv/build/{file.path}"
        out.write(f"{separator}{json.dumps(path)}:{json.dumps(_entry(path, ran), separators=(',', ':'))}")
        separator = ","
    out.write("}")


def _entry(path: str, ran: Ran) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": path, "statementMap": {}, "fnMap": {}, "branchMap": {}, "s": {}, "f": {}, "b": {}}
    for function, hits in ran:
        number = str(len(entry["fnMap"]))
        entry["fnMap"][number] = _function(function)
        entry["f"][number] = hits[0] if hits else 0
        _statements(entry, function, hits or [0] * len(function.lines))
    return entry


def _function(function: Function) -> dict[str, Any]:
    first = function.first
    return {
        "name": function.name,
        "decl": _span(first, 9, first, 9 + len(function.name)),
        "loc": _span(first, 20 + len(function.name), function.last, 1),
        "line": first,
    }


def _statements(entry: dict[str, Any], function: Function, hits: list[int]) -> None:
    for at, (line, count) in enumerate(zip(function.lines, hits, strict=True)):
        number = str(len(entry["statementMap"]))
        fork = at in function.forks
        entry["statementMap"][number] = _span(line, 2, line + 2, 3) if fork else _span(line, 4, line, 30 + line % 20)
        entry["s"][number] = count
        if fork:
            branch = str(len(entry["branchMap"]))
            place = _span(line, 2, line + 2, 3)
            entry["branchMap"][branch] = {
                "loc": place,
                "type": "if",
                "locations": [place, {"start": {}, "end": {}}],
                "line": line,
            }
            entry["b"][branch] = [hits[at + 1], count - hits[at + 1]]


def _span(first: int, column: int, last: int, last_column: int) -> dict[str, dict[str, int]]:
    return {"start": {"line": first, "column": column}, "end": {"line": last, "column": last_column}}
