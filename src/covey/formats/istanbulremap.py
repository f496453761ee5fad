"""What nyc leaves to its report: entries of compiled code, with the map of the compiler, to entries of its sources.

The rules are those of istanbul-lib-source-maps: what a map does not lead to, or leads into two sources, counts for
nothing; statements, functions and branches that lead to one place are one, and their hits add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from covey.formats.istanbulmaps import BranchEntry, Entry, FunctionEntry, Maps, Span
from covey.formats.sourcemap import FAR, SourceMap, beside

Where = tuple[int, int, int, int]  # line and column of the first and of the one after the last, as Istanbul counts


@dataclass
class _Source:
    """What one source has, by place: of several at one place the hits add up."""

    statements: dict[Where, int] = field(default_factory=dict)
    functions: dict[Where, list[Any]] = field(default_factory=dict)  # name, place of the whole, hits
    branches: dict[tuple[Where, ...], list[Any]] = field(default_factory=dict)  # type, place, hits of the arms


def remapped(entry: Entry, path: str) -> Iterator[tuple[str, Entry]]:
    """Path and entry of each source; the entry itself where it has no map. ValueError for a damaged map."""
    if entry.inputSourceMap == msgspec.Raw(b"null"):
        yield path, entry
        return
    source_map = SourceMap.of(entry.inputSourceMap)
    for number, source in _sources(entry, source_map).items():
        name = source_map.sources[number]
        if name is not None:
            yield beside(path, name), _entry(source, entry.all)


def _sources(entry: Entry, source_map: SourceMap) -> Mapping[int, _Source]:
    maps = Maps.of(entry.raws())
    found: dict[int, _Source] = {}
    for key, span in maps.statements.items():
        place = _original(source_map, span)
        if place is not None:
            statements = found.setdefault(place[0], _Source()).statements
            statements[place[1]] = statements.get(place[1], 0) + (entry.s.get(key) or 0)
    for key, function in maps.functions.items():
        _function(found, source_map, function, entry.f.get(key) or 0)
    for key, branch in maps.branches.items():
        _branch(found, source_map, branch, entry.b.get(key) or ())
    return found


def _original(source_map: SourceMap, span: Span | None) -> tuple[int, Where] | None:
    if span is None or None in (span.start.line, span.start.column, span.end.line, span.end.column):
        return None
    first, column, last, end = span.start.line, span.start.column, span.end.line, span.end.column
    assert first is not None and column is not None and last is not None and end is not None  # noqa: PT018 - for mypy
    spots = source_map.original_range((first - 1, column), (last - 1, end), by_line=False)
    if spots is None:
        return None
    one, two = spots
    return one.source, (one.line + 1, one.column, two.line + 1, two.column)


def _function(found: dict[int, _Source], source_map: SourceMap, one: FunctionEntry, hits: int) -> None:
    declared, whole = _original(source_map, one.decl), _original(source_map, one.loc)
    if declared is None or whole is None or declared[0] != whole[0]:
        return
    functions = found.setdefault(declared[0], _Source()).functions
    known = functions.setdefault(declared[1], [one.name or f"(unknown_{len(functions)})", whole[1], 0])
    known[2] += hits


def _branch(found: dict[int, _Source], source_map: SourceMap, one: BranchEntry, hits: Sequence[int | None]) -> None:
    arms = [(_original(source_map, span), count or 0) for span, count in zip(one.locations, hits, strict=False)]
    kept = [(place, count) for place, count in arms if place is not None]
    if not kept or len({place[0] for place, _ in kept}) > 1:
        return
    source = kept[0][0][0]
    places = tuple(place[1] for place, _ in kept)
    whole = _original(source_map, one.loc)
    branches = found.setdefault(source, _Source()).branches
    known = branches.setdefault(places, [one.type, whole[1] if whole else places[0], [0] * len(kept)])
    known[2] = [before + count for before, (_, count) in zip(known[2], kept, strict=True)]


def _entry(source: _Source, placeholder: bool) -> Entry:
    statements, functions, branches = source.statements, source.functions, source.branches
    return Entry(
        _raw([_span(place) for place in statements]),
        _raw(
            [{"name": name, "decl": _span(place), "loc": _span(whole)} for place, (name, whole, _) in functions.items()]
        ),
        _raw([{"type": kind, "loc": _span(whole)} for kind, whole, _ in branches.values()]),
        _numbered(list(statements.values())),
        _numbered([hits for *_, hits in functions.values()]),
        _numbered([hits for *_, hits in branches.values()]),
        all=placeholder,
    )


def _numbered(values: list[Any]) -> dict[str, Any]:
    return {str(number): value for number, value in enumerate(values)}


def _raw(values: list[Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(_numbered(values)))


def _span(place: Where) -> dict[str, dict[str, int | None]]:
    first, column, last, end = place
    return {
        "start": {"line": first, "column": column},
        "end": {"line": last, "column": None if end == FAR else end},
    }
