"""The elements of a Cobertura document into classes, by filename."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain

from covey.formats.anonymous import Forks, Room, check_arms
from covey.formats.coberturalines import Classes, Run, methods_of, run_of, short_methods_of
from covey.formats.intake import clean, line_of
from covey.formats.xmlreading import MOST_FILES, Attributes, Elements, Region, number
from covey.loops.bounds import MOST_HITS

_CONDITIONS = re.compile(r"\(([0-9]{1,9})/([0-9]{1,9})\)")


class Document:
    """when: the run. valid: lines that it counts in all, 0 where it does not say. roots: what <source> names. classes,
    shared: by filename. elements: for `xmlreading.read`."""

    def __init__(self) -> None:
        self.when: datetime | None = None
        self.valid = 0
        self.roots: list[str] = []
        self.classes: dict[str, Classes] = {}
        self.shared: dict[str, None] = {}  # names that files under several <source> may have
        self._class = Classes()
        self._room = Room()
        self._names: dict[str, str] = {}  # many methods have one name; it is kept once
        self._method: dict[int, int] | None = None
        self._begin()
        self.elements = Elements(
            root="coverage",
            starts={
                "coverage": self._start_coverage,
                "class": self._start_class,
                "method": self._start_method,
                "line": self._start_line,
            },
            ends={"method": self._end_method, "class": self._end_class},
            texts={"source": lambda text: self.roots.append(clean(text))},
            regions=(Region("lines", self._take_lines), Region("methods", self._take_methods)),
        )

    def _begin(self) -> None:
        """What is told of the class that is being read: lines one by one, of itself and of methods, those of
        methods that have one each, or runs of its own."""
        self._hits: dict[int, int] = {}
        self._forks: Forks = {}
        self._inner_hits: dict[int, int] = {}
        self._inner_forks: Forks = {}
        self._short: list[Iterable[tuple[int, int]]] = []
        self._runs: list[Run] = []

    def _start_coverage(self, attributes: Attributes) -> None:
        valid, stamp = attributes.get("lines-valid", ""), attributes.get("timestamp", "")
        self.valid = int(valid) if valid.isdecimal() and len(valid) < 12 else 0
        if stamp.isdecimal() and len(stamp) <= 13 and int(stamp):
            seconds = int(stamp) / 1000 if len(stamp) > 11 else int(stamp)
            self.when = datetime.fromtimestamp(seconds, UTC)

    def _start_class(self, attributes: Attributes) -> None:
        filename = clean(attributes.get("filename", ""))
        if not filename:
            raise ValueError("a class without a filename")
        if len(self.classes) >= MOST_FILES:
            raise ValueError(f"more than {MOST_FILES} files")
        self._class = self.classes.setdefault(filename, Classes())
        name = attributes.get("name", "")
        if self._class.name == name and len(self.roots) > 1:
            self.shared[filename] = None
        self._class.name = name
        self._begin()

    def _end_class(self) -> None:
        own = [Run.of(self._hits, self._forks)] if self._hits else []
        own += self._runs
        if not own:  # lines of methods tell what a class that has its own tells too
            for line, hits in chain.from_iterable(self._short):
                self._inner_hits[line] = max(hits, self._inner_hits.get(line, 0))
        self._class.take(own, [Run.of(self._inner_hits, self._inner_forks)] if self._inner_hits else [])

    def _start_method(self, attributes: Attributes) -> None:
        self._method = {}
        self._name = clean(attributes.get("name", "") + attributes.get("signature", ""))

    def _end_method(self) -> None:
        if self._method:
            lines = self._method
            self._class.method(self._name, min(lines), max(lines), max(lines.values()))
        self._method = None

    def _start_line(self, attributes: Attributes) -> None:
        line, hits = number(attributes.get("number")), min(max(number(attributes.get("hits", "0")), 0), MOST_HITS)
        if not line:  # some tools tell of a line 0, which no file has
            return
        line_of(line)
        if self._method is not None:
            self._method[line] = max(hits, self._method.get(line, 0))
        known = self._hits if self._method is None else self._inner_hits
        known[line] = max(hits, known.get(line, 0))
        conditions = _CONDITIONS.search(attributes.get("condition-coverage", ""))
        if conditions:
            covered, total = int(conditions[1]), int(conditions[2])
            check_arms(covered, total)
            self._room.take(total)
            _most(self._forks if self._method is None else self._inner_forks, line, covered, total)

    def _take_lines(self, content: bytes) -> bool:
        """The lines of a class; those of methods are few at a time, so expat has them."""
        if self._method is not None or (run := run_of(content)) is None:
            return False
        arms = sum(run.forks[2])
        if arms > self._room.left:
            return False
        self._room.take(arms)
        if run.lines:
            self._runs.append(run)
        return True

    def _take_methods(self, content: bytes) -> bool:
        if self._method is not None:
            return False
        if short := short_methods_of(content):
            names, lines, calls = short
            self._class.short_methods([self._names.setdefault(name, name) for name in names], lines, calls)
            self._short.append(zip(lines, calls, strict=True))
            return True
        found = methods_of(content)
        if found is None or sum(sum(run.forks[2]) for _, run in found) > self._room.left:
            return False
        for name, run in found:
            if run.lines:
                self._take_method(name, run)
        return True

    def _take_method(self, name: str, run: Run) -> None:
        self._class.method(name, run.lines[0], run.lines[-1], max(run.hits))
        for line, hits in zip(run.lines, run.hits, strict=True):
            self._inner_hits[line] = max(hits, self._inner_hits.get(line, 0))
        for line, covered, total in zip(*run.forks, strict=True):
            self._room.take(total)
            _most(self._inner_forks, line, covered, total)


def _most(forks: Forks, line: int, covered: int, total: int) -> None:
    known = forks.get(line, (0, 0))
    forks[line] = (max(covered, known[0]), max(total, known[1]))
