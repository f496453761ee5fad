"""The elements of a Clover document into files, by path. Three tools write it, and mean different things:

    row                                OpenClover                     PHPUnit                     Istanbul
    type="stmt" count                  a statement; several a line    an executable line          an executable line
    type="method" count                a method, by signature         a method, by name; also     none
                                                                      the line of one that is
                                                                      a line long
    type="cond" truecount falsecount   how often a condition was so   none                        with a count: how many
                                       and was not: two arms                                      arms ran, how many not

A condition without a count is OpenClover's: its arms are "0" (true) and "1" (false), those of the next one of the line
"2" and "3". One with a count has anonymous arms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from covey.formats.anonymous import Forks, Room, check_arms, of_forks
from covey.formats.intake import clean, line_of
from covey.formats.xmlreading import MOST_FILES, Attributes, Elements, number
from covey.loops.bounds import MOST_HITS
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.report import FileCoverage


@dataclass
class _File:
    """lines: line -> the most of its statements. asked: line -> how often its conditions were true and false, in turn.
    forks: of conditions that only tell how many arms ran. bare: lines of methods that no statement followed yet."""

    lines: dict[int, int] = field(default_factory=dict)
    asked: dict[int, list[int]] = field(default_factory=dict)
    forks: Forks = field(default_factory=dict)
    functions: dict[tuple[int, str], int] = field(default_factory=dict)
    statements: int = 0  # rows that stand for one
    bare: dict[int, int] = field(default_factory=dict)

    def settle(self, told: int) -> None:
        """`told`: the statements that the file's metrics count. PHPUnit has one row a line, so a method that is a line
        long has no row for its statement: where just so many are missing, the lines of such methods are executable."""
        missing = {line: hits for line, hits in self.bare.items() if line not in self.lines}
        if len(missing) == told - self.statements:
            self.lines |= missing
        self.bare.clear()
        for line, asked in self.asked.items():  # the condition of a do loop is where no statement begins
            self.lines.setdefault(line, min(sum(asked), MOST_HITS))

    def file(self, path: str) -> FileCoverage:
        arms = of_forks(self.forks)
        if self.asked:
            named = [Arm(line, str(at), hits) for line, asked in self.asked.items() for at, hits in enumerate(asked)]
            arms = Branches.of([*arms, *named])
        functions = (Function(name, first, None, hits) for (first, name), hits in self.functions.items())
        return FileCoverage(path, Lines.of(self.lines), arms, Functions.of(functions))


class Document:
    """when: the run. files: by the path that is told. elements: for `xmlreading.read`."""

    def __init__(self) -> None:
        self.when: datetime | None = None
        self.files: dict[str, _File] = {}
        self._package = ""
        self._file: _File | None = None
        self._in_class = self._in_tests = False
        self._told = 0
        self._room = Room()
        self._last_method = 0
        self.elements = Elements(
            root="coverage",
            starts={
                "coverage": self._start_coverage,
                "testproject": lambda _: self._set_tests(True),
                "package": self._start_package,
                "file": self._start_file,
                "class": lambda _: self._set_class(True),
                "metrics": self._start_metrics,
                "line": self._start_line,
            },
            ends={
                "testproject": lambda: self._set_tests(False),
                "class": lambda: self._set_class(False),
                "file": self._end_file,
            },
        )

    def _set_tests(self, inside: bool) -> None:
        self._in_tests = inside

    def _set_class(self, inside: bool) -> None:
        self._in_class = inside

    def _start_coverage(self, attributes: Attributes) -> None:
        stamp = attributes.get("generated", "")
        if stamp.isdecimal() and len(stamp) <= 13 and int(stamp):
            seconds = int(stamp) / 1000 if len(stamp) > 11 else int(stamp)  # PHPUnit tells seconds
            self.when = datetime.fromtimestamp(seconds, UTC)

    def _start_package(self, attributes: Attributes) -> None:
        self._package = clean(attributes.get("name", ""))

    def _start_file(self, attributes: Attributes) -> None:
        path = clean(attributes.get("path") or attributes.get("name") or "")
        if not path:
            raise ValueError("a file without a path and a name")
        if self._in_tests:
            return
        if len(self.files) >= MOST_FILES:
            raise ValueError(f"more than {MOST_FILES} files")
        self._file = self.files.setdefault(path, _File())
        self._told = self._last_method = 0

    def _end_file(self) -> None:
        if self._file is not None:
            self._file.settle(self._told)
        self._file = None

    def _start_metrics(self, attributes: Attributes) -> None:
        if self._file is not None and not self._in_class:
            self._told = number(attributes.get("statements", "0"))

    def _start_line(self, attributes: Attributes) -> None:
        file, line = self._file, number(attributes.get("num"))
        if file is None or not line:  # of a test source; or a line 0, which no file has
            return
        line_of(line)
        kind = attributes.get("type", "stmt")
        if kind == "method":
            self._take_method(file, line, attributes)
        elif kind == "cond":
            self._take_condition(file, line, attributes)
        else:
            file.statements += 1
            file.lines[line] = max(_hits(attributes, "count"), file.lines.get(line, 0))
            file.bare.pop(self._last_method, None)

    def _take_method(self, file: _File, line: int, attributes: Attributes) -> None:
        hits = _hits(attributes, "count")
        name = clean(attributes.get("name") or attributes.get("signature") or "unnamed")
        file.functions[line, name] = max(hits, file.functions.get((line, name), 0))
        file.bare[line] = hits
        self._last_method = line

    def _take_condition(self, file: _File, line: int, attributes: Attributes) -> None:
        yes, no = _hits(attributes, "truecount"), _hits(attributes, "falsecount")
        file.bare.pop(self._last_method, None)
        if "count" in attributes:
            check_arms(yes, yes + no)
            self._room.take(yes + no)
            known = file.forks.get(line, (0, 0))
            file.forks[line] = max(yes, known[0]), max(yes + no, known[1])
            file.statements += 1
            file.lines[line] = max(_hits(attributes, "count"), file.lines.get(line, 0))
            return
        self._room.take(2)
        asked = file.asked.setdefault(line, [])
        asked += (yes, no)
        check_arms(0, len(asked))


def _hits(attributes: Attributes, name: str) -> int:
    return min(max(number(attributes.get(name, "0")), 0), MOST_HITS)
