"""One script's ranges to the coverage of its source, by the rules of c8 (v8-to-istanbul).

Every line of the text counts, and has the count of the innermost range that holds it entirely. Every range of a
function that is counted in blocks is an arm; every function that has a name counts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from covey.formats.sourcemap import SourceMap, Spot
from covey.formats.spots import keyed_arms, named_functions
from covey.formats.v8text import Text
from covey.loops import v8 as loops
from covey.loops.bounds import MOST_HITS
from covey.model.counted import Branches, Functions, Lines

MOST_PAINTED = 200_000_000  # lines under ranges, each as often as there are ranges over it
Counted = tuple[str, list[loops.Range], bool]  # a function's name, ranges, whether it is counted in blocks


@dataclass
class Work:
    """How many lines were given a count so far, all scripts of a read together: bounded, or few bytes cost hours."""

    painted: int = 0

    def paint(self, counts: list[int], first: int, after: int, count: int) -> None:
        self.painted += loops.paint(counts, first, after, count)
        if self.painted > MOST_PAINTED:
            raise ValueError("ranges lie over each other too often")


@dataclass
class SourceLines:
    """The lines of one source, and what is found out about it."""

    text: Text
    work: Work
    counts: list[int] = field(default_factory=list)
    arms: list[tuple[int, int, int]] = field(default_factory=list)  # line, column, hits
    functions: list[tuple[int, int, str, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = [0] * len(self.text)

    def began(self, functions: Sequence[Counted]) -> SourceLines:
        """Itself; where V8 tells of the script as a whole, lines under no range (empty ones at its beginning, and what
        a map does not lead to) have run, else what is not told of has not run since V8 was last asked."""
        if any(not name and not ranges[0][0] for name, ranges, _ in functions):
            self.counts = [1] * len(self.text)
        return self

    def add(self, begin: int, end: int, count: int, name: str, *, arm: bool) -> None:
        """A range, in offsets of this source. `name`: of the function whose first range it is, else ""."""
        text = self.text
        first, after, whole, whole_after = loops.reached(text.starts, text.ends, begin, end)
        if first >= after:
            return
        self.work.paint(self.counts, whole, whole_after, count)
        column = max(begin - text.starts[first], 0)
        if arm:
            self.arms.append((first, column, count))
        if name:
            self.functions.append((first + 1, column, name, after, count))

    def columns(self) -> tuple[Lines, Branches, Functions]:
        for line in self.text.ignored:
            self.counts[line] = 1
        ignored = frozenset(self.text.ignored)
        arms = keyed_arms((line + 1, column, 1) for line, column, _ in self.arms)
        functions = named_functions(
            (first, column, name, last, 1 if first - 1 in ignored else hits)
            for first, column, name, last, hits in self.functions
        )
        return (
            Lines(array("i", range(1, len(self.counts) + 1)), array("q", _saturated(self.counts))),
            Branches(
                array("i", [line for line, *_ in arms]),
                tuple(key for _, _, key, _ in arms),
                array("q", _saturated(1 if self.arms[at][0] in ignored else self.arms[at][2] for *_, at in arms)),
            ),
            Functions(
                tuple(name for _, name, _, _ in functions),
                array("i", [first for first, *_ in functions]),
                array("i", [last for _, _, last, _ in functions]),
                array("q", _saturated(hits for *_, hits in functions)),
            ),
        )


def _saturated(hits: Iterable[int]) -> list[int]:
    return [min(count, MOST_HITS) for count in hits]


def plain(functions: Sequence[Counted], text: Text, wrapper: int, work: Work) -> SourceLines:
    """Of a script that is its own source. `wrapper`: units that were put before it when it was compiled."""
    sheet = SourceLines(text, work).began(functions)
    for name, ranges, blocks in functions:
        for number, (begin, end, count) in enumerate(ranges):
            named = name if number == 0 or not blocks else ""
            sheet.add(max(begin - wrapper, 0), min(end - wrapper, text.eof), count, named, arm=blocks)
    return sheet


def mapped(
    functions: Sequence[Counted],
    generated: Text,
    wrapper: int,
    source_map: SourceMap,
    texts: Sequence[Text | None],
    work: Work,
) -> list[SourceLines | None]:
    """Of each source of a script that was compiled or bundled; `texts`: theirs, None for one that is not at hand."""
    sheets = [SourceLines(text, work).began(functions) if text is not None else None for text in texts]
    segments = _Segments(source_map, generated, len(texts), work)
    for name, ranges, blocks in functions:
        for number, (start, stop, count) in enumerate(ranges):
            begin, end = max(start - wrapper, 0), min(stop - wrapper, generated.eof)
            segments.paint(begin, end, count)
            spots = _original(source_map, generated, begin, end)
            if spots is None:
                for source in segments.entirely(begin, end):
                    sheet = sheets[source]
                    if sheet is not None:
                        work.paint(sheet.counts, 0, len(sheet.counts), count)
                continue
            sheet = sheets[spots[0].source]
            if sheet is not None:
                named = name if number == 0 or not blocks else ""
                first, last = (sheet.text.offset(spot.line, spot.column) for spot in spots)
                sheet.add(first, last, count, named, arm=blocks)
    segments.correct(sheets)
    return sheets


def _original(source_map: SourceMap, generated: Text, begin: int, end: int) -> tuple[Spot, Spot] | None:
    first, after, _, _ = loops.reached(generated.starts, generated.ends, begin - 1, end)
    if first >= after:
        return None
    return source_map.original_range(
        (first, max(begin - generated.starts[first], 0)), (after - 1, end - generated.starts[after - 1])
    )


class _Segments:
    """What the mapped pieces of the generated text ran, for what the ends of ranges cannot tell."""

    def __init__(self, source_map: SourceMap, generated: Text, sources: int, work: Work) -> None:
        self._map, self._work = source_map, work
        self._numbers = array("i")
        self._offsets = array("i")
        self._first, self._last = [-1] * sources, [-1] * sources
        for line in range(min(source_map.lines, len(generated))):
            start = generated.starts[line]
            for segment in source_map.segments(line):
                spot = source_map.spot(segment)
                if spot is None:
                    continue
                offset = start + source_map.column(segment)
                self._numbers.append(segment)
                self._offsets.append(offset)
                if self._first[spot.source] < 0:
                    self._first[spot.source] = offset
                self._last[spot.source] = offset
        self._counts = [0] * len(self._offsets)
        self._began = [0] * len(self._offsets)  # the first piece of the innermost range over each

    def paint(self, begin: int, end: int, count: int) -> None:
        first, after = bisect_left(self._offsets, begin), bisect_left(self._offsets, end)
        self._work.paint(self._counts, first, after, count)
        self._work.paint(self._began, first, after, first)

    def entirely(self, begin: int, end: int) -> list[int]:
        """The sources of which all pieces lie in a range."""
        return [
            source
            for source, (first, last) in enumerate(zip(self._first, self._last, strict=True))
            if first >= begin >= 0 and last < end
        ]

    def correct(self, sheets: Sequence[SourceLines | None]) -> None:
        """A line of which every piece ran did run; one of which no piece ran, and on which what did not run does not
        begin, did not: where the ends of ranges lead, maps say only roughly, and of some not at all."""
        least: dict[tuple[int, int], int] = {}
        inside: dict[tuple[int, int], bool] = {}
        for at, count in enumerate(self._counts):
            where = self._line(at)
            least[where] = min(least.get(where, count), count)
            inside[where] = not count and inside.get(where, True) and self._line(self._began[at]) != where
        for (source, line), count in least.items():
            sheet = sheets[source]
            if sheet is None or line >= len(sheet.counts):
                continue
            if inside[source, line]:
                sheet.counts[line] = 0
            elif not sheet.counts[line]:
                sheet.counts[line] = count

    def _line(self, at: int) -> tuple[int, int]:
        spot = self._map.spot(self._numbers[at])
        assert spot is not None  # only such are kept
        return spot.source, spot.line
