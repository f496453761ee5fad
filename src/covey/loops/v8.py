"""V8's ranges: summing those of several processes, and counting the stretches of a text that they cover.

A function's ranges are nested; the first is the whole function, each other one says what part of the range around it
ran how often. A part that ran as often as what is around it has no range of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from operator import add

Range = tuple[int, int, int]  # first offset, offset after the last, count
Spans = tuple[tuple[int, int], ...]


class Tree:
    """A range with those inside it. `more`: its count less that of the range around it."""

    __slots__ = ("end", "inner", "more", "start")

    def __init__(self, start: int, end: int, more: int, inner: list[Tree]) -> None:
        self.start, self.end, self.more, self.inner = start, end, more, inner

    @classmethod
    def of(cls, ranges: Sequence[Range]) -> Tree:
        """Of ranges in order: by start, the longer first. What lies outside the first is put inside it all the same."""
        root = cls(*ranges[0], [])
        around = [(root, ranges[0][2])]
        for start, end, count in ranges[1:]:
            while len(around) > 1 and start >= around[-1][0].end:
                around.pop()
            outer, outer_count = around[-1]
            tree = cls(start, end, count - outer_count, [])
            outer.inner.append(tree)
            around.append((tree, count))
        return root

    def ranges(self) -> list[Range]:
        found = []
        left: list[tuple[Tree, int]] = [(self, 0)]
        while left:
            tree, outer_count = left.pop()
            count = outer_count + tree.more
            found.append((tree.start, tree.end, count))
            left.extend((inner, count) for inner in reversed(tree.inner))
        return found

    def cut(self, at: int) -> Tree:
        """Keeps what is before `at` and gives what comes after it."""
        keep, middle = len(self.inner), None
        for number, inner in enumerate(self.inner):
            if inner.start < at < inner.end:
                middle, keep = inner.cut(at), number + 1
                break
            if inner.start >= at:
                keep = number
                break
        after = self.inner[keep:]
        del self.inner[keep:]
        right = Tree(at, self.end, self.more, after if middle is None else [middle, *after])
        self.end = at
        return right

    def tidy(self) -> Tree:
        """Itself, with neighbours of one count made one range."""
        joined: list[Tree] = []
        for inner in self.inner:
            last = joined[-1] if joined else None
            if last is not None and inner.start == last.end and inner.more == last.more:
                last.end = inner.end
                last.inner.extend(inner.inner)
            else:
                joined.append(inner)
        self.inner = [inner.tidy() for inner in joined]
        if len(self.inner) == 1 and (self.inner[0].start, self.inner[0].end) == (self.start, self.end):
            self.more += self.inner[0].more
            self.inner = self.inner[0].inner
        return self


def summed(layouts: Mapping[Spans, Sequence[int]]) -> list[Range]:
    """One function's ranges of several processes: of each layout that occurred, the counts."""
    trees = [Tree.of([(*span, count) for span, count in zip(spans, counts, strict=True)])
             for spans, counts in layouts.items()]  # fmt: skip
    return _merged(trees).tidy().ranges()


def _merged(trees: Sequence[Tree]) -> Tree:
    if len(trees) == 1:
        return trees[0]
    return Tree(trees[0].start, trees[0].end, sum(tree.more for tree in trees), _inner(trees))


def _inner(outers: Sequence[Tree]) -> list[Tree]:
    """What is inside several trees of one span, as the inside of one."""
    waiting: dict[int, list[tuple[int, Tree]]] = {}
    order: list[int] = []

    def wait(number: int, tree: Tree) -> None:
        if tree.start not in waiting:
            waiting[tree.start] = []
            heappush(order, tree.start)
        waiting[tree.start].append((number, tree))

    for number, outer in enumerate(outers):
        for tree in outer.inner:
            wait(number, tree)
    found: list[Tree] = []
    begin, end = 0, -1
    together: dict[int, list[Tree]] = {}
    while order:
        start = heappop(order)
        arrived = waiting.pop(start)
        if end <= start:
            if together:
                found.append(_one(begin, end, together))
            begin, end, together = start, max(start + 1, *(tree.end for _, tree in arrived)), {}
        for number, tree in arrived:
            if tree.end > end:
                wait(number, tree.cut(end))
            together.setdefault(number, []).append(tree)
    if together:
        found.append(_one(begin, end, together))
    return found


def _one(begin: int, end: int, together: Mapping[int, list[Tree]]) -> Tree:
    return _merged([_spanning(begin, end, trees) for trees in together.values()])


def _spanning(begin: int, end: int, trees: list[Tree]) -> Tree:
    if len(trees) == 1 and (trees[0].start, trees[0].end) == (begin, end):
        return trees[0]
    return Tree(begin, end, 0, trees)


class Functions:
    """What is known of one script's functions, by the span of each: name, whether in blocks, counts by layout."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], tuple[str, bool, dict[Spans, list[int]], int]] = {}
        self.size = 0  # ranges of all layouts

    def add(self, name: str, ranges: Sequence[Range], blocks: bool) -> None:
        """`ranges`: not empty, in any order but for the first. Of what is counted in blocks and what is only counted
        as a whole, the former remains: V8 counts as a whole what it has not compiled for counting, or never ran."""
        ranges = [ranges[0], *sorted(ranges[1:], key=_position)]
        whole = ranges[0][:2]
        known = self._found.get(whole)
        if known is not None and known[1] and not blocks:
            return
        if known is None or (blocks and not known[1]):
            known = (name, blocks, {}, 0)
        layout = tuple([span[:2] for span in ranges])
        counts = [span[2] for span in ranges]
        before = known[2].get(layout)
        known[2][layout] = counts if before is None else list(map(add, before, counts))
        self.size += len(layout) if before is None else 0
        self._found[whole] = (known[0], known[1], known[2], known[3] + 1)

    def __iter__(self) -> Iterator[tuple[str, list[Range], bool]]:
        """Name, ranges, whether in blocks; outer functions before those inside them."""
        for whole in sorted(self._found, key=_position):
            name, blocks, layouts, times = self._found[whole]
            ranges = summed(layouts)
            yield name, ranges, blocks if times == 1 else not (len(ranges) == 1 and not ranges[0][2])


def _position(span: Sequence[int]) -> tuple[int, int]:
    return span[0], -span[1]


def paint(counts: list[int], first: int, after: int, count: int) -> int:
    """Gives counts[first:after] one value; how many those are."""
    if after <= first:
        return 0
    counts[first:after] = [count] * (after - first)
    return after - first


def reached(starts: Sequence[int], ends: Sequence[int], begin: int, end: int) -> tuple[int, int, int, int]:
    """Of lines that lie at starts[n] to ends[n]: the first that begin..end reaches and the one after the last, then
    the first and the one after the last that it holds entirely."""
    first, after = bisect_right(ends, begin), bisect_right(starts, end)
    return first, after, max(first, bisect_left(starts, begin)), min(after, bisect_right(ends, end))
