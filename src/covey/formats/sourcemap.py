"""Source maps (ECMA-426, version 3): from a place in a generated text to the place it was made of, and back.

How a range of the generated text becomes one of the source (`original_range`) is the rule of istanbul-lib-source-maps,
which c8 and nyc share.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
import urllib.parse
from array import array
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import NamedTuple

import msgspec

from covey.loops import vlq

MOST_SEGMENTS = 5_000_000
MOST_LINES = 2_000_000  # of a generated text
MOST_SOURCES = 100_000
FAR = 2**31 - 1  # a column after the last of its line
_COMMENT = re.compile(rb"[@#][ \t]*sourceMappingURL=([^\s'\"]+)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # a single letter is a drive
_MOST_DATA = 64 << 20


class _Offset(msgspec.Struct):
    line: int
    column: int


class _Flat(msgspec.Struct):
    mappings: str
    sources: list[str | None] = []
    sourcesContent: list[str | None] | None = None  # noqa: N815 - the format's name
    sourceRoot: str | None = None  # noqa: N815
    file: str | None = None


class _Section(msgspec.Struct):
    offset: _Offset
    map: _Flat


class _Index(msgspec.Struct):
    sections: list[_Section]


class Spot(NamedTuple):
    """A place in a source: number of the source, line and column from 0; column FAR for the end of the line."""

    source: int
    line: int
    column: int


class SourceMap:
    """`sources`: what the map calls them, with its sourceRoot, None for one without a name; `texts`: what it holds of
    them."""

    def __init__(self, sources: list[str | None], texts: list[str | None], columns: vlq.Columns) -> None:
        self.sources, self.texts = sources, texts
        self._begins, self._columns, self._which, self._lines, self._places = columns

    @classmethod
    def of(cls, data: bytes | msgspec.Raw) -> SourceMap:
        """ValueError for what is none, damaged, or beyond bounds."""
        if msgspec.json.decode(data, type=_Kind).sections != msgspec.Raw(b"null"):
            return _joined(msgspec.json.decode(data, type=_Index).sections)
        flat = msgspec.json.decode(data, type=_Flat)
        _check(flat)
        return cls(*_sources(flat), vlq.decoded(flat.mappings, len(flat.sources)))

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def lines(self) -> int:
        """How many generated lines have mappings."""
        return len(self._begins) - 1

    def segments(self, line: int) -> range:
        """The numbers of the segments of a generated line."""
        if not 0 <= line < self.lines:
            return range(0)
        return range(self._begins[line], self._begins[line + 1])

    def column(self, segment: int) -> int:
        return self._columns[segment]

    def spot(self, segment: int) -> Spot | None:
        """Where a segment leads; None for one that leads nowhere."""
        if self._which[segment] < 0:
            return None
        return Spot(self._which[segment], self._lines[segment], self._places[segment])

    def original(self, line: int, column: int, *, after: bool = False) -> Spot | None:
        """Of the segment that begins at or before a generated place (`after`: at or after it), on its line."""
        here = self.segments(line)
        at = bisect_left(self._columns, column, here.start, here.stop)
        if at < here.stop and self._columns[at] == column:
            at = bisect_right(self._columns, column, here.start, here.stop) - 1 if after else at
        elif not after:
            at -= 1
        return self.spot(at) if at in here else None

    def _nearest(self, line: int, column: int, by_line: bool) -> Spot | None:
        found = self.original(line, column) or self.original(line, column, after=True)
        begin = self.original(line, 0) if by_line else None
        if begin is not None and (found is None or begin.line > found.line):
            return begin
        return found

    @cached_property
    def _back(self) -> tuple[list[int], list[int]]:
        """The places of the sources, packed and ascending, and the segments that lead there."""
        packed = [
            (source << 62) | (line << 31) | column
            for source, line, column in zip(self._which, self._lines, self._places, strict=True)
        ]
        order = sorted((number for number, source in enumerate(self._which) if source >= 0), key=packed.__getitem__)
        return [packed[number] for number in order], order

    def _end_of(self, line: int, column: int, by_line: bool) -> Spot | None:
        """Where what ends before a generated place ends in its source: where the next segment of that line begins."""
        before = self._nearest(line, max(column - 1, int(by_line)), by_line)
        if before is None:
            return None
        places, order = self._back
        row = (before.source << 62) | (before.line << 31)
        at = bisect_left(places, row | (before.column + 1))
        if at < len(places) and places[at] <= row | FAR:
            at = bisect_right(places, places[at]) - 1 if places[at] == row | (before.column + 1) else at
            segment = order[at]
            line = bisect_right(self._begins, segment) - 1
            spot = self.original(line, self._columns[segment])
            if spot is not None and spot.line == before.line:
                return spot
        return before._replace(column=FAR)

    def original_range(
        self, begin: tuple[int, int], end: tuple[int, int], *, by_line: bool = True
    ) -> tuple[Spot, Spot] | None:
        """The range of a source that a generated range, (line, column) to (line, column), was made of; None where its
        ends lead nowhere or into two sources. by_line: as c8 has it, a place that leads to an earlier line than the
        beginning of its own line does is taken for that; nyc does not."""
        first, last = self._nearest(*begin, by_line), self._end_of(*end, by_line)
        if first is None or last is None or first.source != last.source:
            return None
        if first == last:
            after = self.original(*end, after=True)
            last = after._replace(column=after.column - 1) if after is not None else first
        return first, last


class _Kind(msgspec.Struct):
    sections: msgspec.Raw = msgspec.Raw(b"null")


def _check(flat: _Flat) -> None:
    if flat.mappings.count(";") >= MOST_LINES or flat.mappings.count(",") >= MOST_SEGMENTS:
        raise ValueError(f"a source map of more than {MOST_LINES} lines or {MOST_SEGMENTS} segments")
    if len(flat.sources) > MOST_SOURCES:
        raise ValueError(f"a source map of more than {MOST_SOURCES} sources")


def _sources(flat: _Flat) -> tuple[list[str | None], list[str | None]]:
    root = flat.sourceRoot or ""
    if root and not root.endswith("/"):
        root += "/"
    names: list[str | None] = [None if source is None else root + source for source in flat.sources or [flat.file]]
    texts = list(flat.sourcesContent or ())[: len(names)]
    return names, texts + [None] * (len(names) - len(texts))


def _joined(sections: list[_Section]) -> SourceMap:
    """One map of an index map's sections, each of which counts up to where the next begins."""
    sources: list[str | None] = []
    texts: list[str | None] = []
    rows: list[tuple[int, int, int, int, int]] = []
    if sum(one.map.mappings.count(",") + one.map.mappings.count(";") + 1 for one in sections) > MOST_SEGMENTS:
        raise ValueError(f"a source map of more than {MOST_SEGMENTS} segments")
    stops = [(one.offset.line, one.offset.column) for one in sections[1:]] + [(MOST_LINES, 0)]
    for one, stop in zip(sections, stops, strict=True):
        line, column = one.offset.line, one.offset.column
        if not (0 <= line < MOST_LINES and 0 <= column < FAR and (line, column) <= stop):
            raise ValueError("the sections of a source map are not in order")
        _check(one.map)
        part = SourceMap(*_sources(one.map), vlq.decoded(one.map.mappings, len(one.map.sources)))
        for row in range(part.lines):
            for segment in part.segments(row):
                at = part.column(segment) + (column if row == 0 else 0)
                if at > FAR:
                    raise ValueError("a section of a source map reaches beyond any text")
                if (line + row, at) < stop:
                    spot = part.spot(segment) or Spot(-1 - len(sources), 0, 0)
                    rows.append((line + row, at, spot.source + len(sources), spot.line, spot.column))
        sources += part.sources
        texts += part.texts
        if len(sources) > MOST_SOURCES:
            raise ValueError(f"a source map of more than {MOST_SOURCES} sources")
    rows.sort(key=lambda row: row[:2])
    begins = array("i", [0]) * ((rows[-1][0] if rows else 0) + 2)
    for row_line, *_ in rows:
        begins[row_line + 1] += 1
    for row in range(1, len(begins)):
        begins[row] += begins[row - 1]
    return SourceMap(sources, texts, (begins, *(array("i", [row[at] for row in rows]) for at in range(1, 5))))  # type: ignore[arg-type]


def url_of(text: bytes) -> str | None:
    """What a generated text says of where its map is: the last sourceMappingURL comment."""
    at = text.rfind(b"sourceMappingURL=")
    found = _COMMENT.match(text, max(at - 2, 0)) or _COMMENT.match(text, max(at - 1, 0)) if at > 0 else None
    return found[1].decode("utf-8", "replace") if found else None


def of_data_url(url: str) -> bytes | None:
    """The content of a data: URL of JSON; None for any other."""
    head, comma, body = url.partition(",")
    if not head.lower().startswith("data:application/json") or not comma or len(body) > _MOST_DATA:
        return None
    try:
        if head.lower().endswith(";base64"):
            return base64.b64decode(body, validate=False)
        return urllib.parse.unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        return None


def bare(url: str) -> str:
    """A URL without query and fragment, which are no part of a file's name; a path as it is, for it may have such
    characters. Bundlers tell modules of one file apart by a query (`webpack://app/./src/App.vue?1a2b`)."""
    return re.split("[?#]", url, maxsplit=1)[0] if _SCHEME.match(url) else url


def beside(base: str, url: str) -> str:
    """The path of what `base` (a path) calls `url`: file: URLs and absolute paths as they are, other schemes without
    scheme and host, the rest beside it; `bare`, either way."""
    if _SCHEME.match(url):
        scheme, _, rest = bare(url).partition("://")
        host, _, path = rest.partition("/")
        if scheme.lower() == "file":
            return "/" + urllib.parse.unquote(path)
        url = path if path else host
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), url))
