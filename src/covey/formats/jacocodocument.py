"""The elements of a JaCoCo report into source files, by group, package and name."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import compress
from operator import add

from covey.formats.anonymous import MOST_ARMS, Room, branches, check_arms
from covey.formats.intake import clean, line_of
from covey.formats.xmlreading import MOST_FILES, Attributes, Elements, Region, number
from covey.formats.xmlrows import SPACE, TEXT, WHITE, line_numbers, numbers, texts_are_xml, unescaped
from covey.loops.bounds import LAST_LINE
from covey.loops.columns import narrow
from covey.model.counted import Function, Functions, Lines
from covey.model.report import FileCoverage

Name = tuple[tuple[str, ...], str, str]  # groups from the outermost, package ("org/acme"), source file
Counts = tuple[int, int, int, int]  # of a line: instructions missed and covered, branches missed and covered
_ROW = b'<line nr="" mi="" ci="" mb="" cb=""/>'
_MOST_COUNT = 2**31 - 1  # of instructions of a line
_COUNTER = rb'%b<counter type="[A-Z]{1,20}" missed="[0-9]{1,18}" covered="%b"/>'
_COUNTERS = re.compile(rb"(?:%b)*+%b" % (_COUNTER % (WHITE, rb"[0-9]{1,18}"), WHITE))
_METHOD = re.compile(  # begins with a text: white space before it would be tried again at each place of a long one
    rb'<method name="%b" desc="%b"(?: line="([0-9]{1,9})")?>(?:(?!%b<counter type="METHOD")%b)*+%b%b</method>'
    % (TEXT, TEXT, WHITE, _COUNTER % (WHITE, rb"[0-9]{1,18}"), _COUNTER % (WHITE, rb"([0-9]{1,18})"), WHITE)
)


@dataclass
class _Source:
    """One source file. rows: line -> what its `<line>`s say, the most of each; or columns, when they were read as one
    run: line numbers, then the same four. functions: (first line, name) -> whether it ran."""

    rows: dict[int, Counts] = field(default_factory=dict)
    columns: tuple[array[int], ...] = ()
    functions: dict[tuple[int, str], bool] = field(default_factory=dict)

    def take(self, line: int, row: Counts) -> None:
        if self.columns:
            self.rows = dict(zip(self.columns[0], zip(*self.columns[1:], strict=True), strict=True))
            self.columns = ()
        known = self.rows.get(line, (0, 0, 0, 0))
        self.rows[line] = max(known[0], row[0]), max(known[1], row[1]), max(known[2], row[2]), max(known[3], row[3])

    def file(self, path: str) -> FileCoverage:
        lines, missed, covered, arms_missed, arms = self.columns or self._by_row()
        executable = bytes(map(bool, map(add, missed, covered)))
        totals = array("i", map(add, arms_missed, arms))
        numbers, hits = lines, array("q", map(bool, covered))
        if 0 in executable:  # a line without an instruction is none to JaCoCo's LINE counter
            numbers, hits = array("i", compress(lines, executable)), array("q", compress(hits, executable))
        keys = sorted(self.functions)
        return FileCoverage(
            path,
            Lines(numbers, hits),
            branches(array("i", compress(lines, totals)), compress(arms, totals), array("i", filter(None, totals))),
            Functions.of(Function(name, first, None, int(self.functions[first, name])) for first, name in keys),
            mode="set",
        )

    def _by_row(self) -> tuple[array[int], ...]:
        lines = sorted(self.rows)
        return array("i", lines), *(array("i", [self.rows[line][at] for line in lines]) for at in range(4))


class Document:
    """name: the report's. when: the last dump of all sessions. nowhere: how many classes do not tell their source.
    elements: for `xmlreading.read`."""

    def __init__(self) -> None:
        self.name = ""
        self.when: datetime | None = None
        self.nowhere = 0
        self.files: dict[Name, _Source] = {}
        self._groups: list[str] = []
        self._package = ""
        self._source = self._owner = _Source()  # whose lines, and whose methods, come next
        self._unplaced: list[tuple[str, _Source]] = []
        self._class = ""
        self._method: tuple[str, int] | None = None
        self._ran: dict[str, bool] = {}
        self._room = Room()
        self.elements = Elements(
            root="report",
            starts={
                "report": self._start_report,
                "sessioninfo": self._start_session,
                "group": lambda attributes: self._groups.append(clean(attributes.get("name", ""))),
                "package": self._start_package,
                "class": self._start_class,
                "method": self._start_method,
                "counter": self._start_counter,
                "sourcefile": self._start_source,
                "line": self._start_line,
            },
            ends={"group": self._end_group, "package": self._end_package, "method": self._end_method},
            regions=(
                Region("class", self._take_class, rb'(?: [a-z]{1,20}="[^"<>]*+"){1,3}>'),
                Region("sourcefile", self._take_lines, rb' name="[^"<>]*+">'),
            ),
        )

    def _start_report(self, attributes: Attributes) -> None:
        self.name = clean(attributes.get("name", ""))

    def _end_group(self) -> None:
        self._groups.pop()

    def _start_session(self, attributes: Attributes) -> None:
        dump = attributes.get("dump", "")
        if dump.isdecimal() and len(dump) <= 13:
            ended = datetime.fromtimestamp(int(dump) / 1000, UTC)
            self.when = max(self.when or ended, ended)

    def _start_package(self, attributes: Attributes) -> None:
        self._package = clean(attributes.get("name", "")).strip("/")

    def _named(self, source: str) -> _Source:
        if len(self.files) > MOST_FILES:
            raise ValueError(f"more than {MOST_FILES} files")
        return self.files.setdefault((tuple(self._groups), self._package, source), _Source())

    def _start_source(self, attributes: Attributes) -> None:
        name = clean(attributes.get("name", ""))
        if not name:
            raise ValueError("a source file without a name")
        self._source = self._named(name)

    def _start_class(self, attributes: Attributes) -> None:
        name, source = clean(attributes.get("name", "")), clean(attributes.get("sourcefilename", ""))
        self._class = name.removeprefix(f"{self._package}/")
        if source:
            self._owner = self._named(source)
        else:  # JaCoCo before 0.8.1 does not tell: the package's sources do, which come after its classes
            self._owner = _Source()
            self._unplaced.append((self._class.partition("$")[0], self._owner))

    def _end_package(self) -> None:
        if self._unplaced:
            here = tuple(self._groups), self._package
            stems = {name[2].rpartition(".")[0]: one for name, one in self.files.items() if name[:2] == here}
            for stem, found in self._unplaced:
                if stem in stems:
                    stems[stem].functions.update(found.functions)
                else:
                    self.nowhere += 1
            self._unplaced.clear()

    def _start_method(self, attributes: Attributes) -> None:
        line = line_of(number(attributes.get("line", "1")) or 1)
        self._method = self._called(clean(attributes.get("name", "")), clean(attributes.get("desc", ""))), line
        self._ran.clear()

    def _called(self, name: str, descriptor: str) -> str:
        return f"{self._class}.{name}{descriptor}" if descriptor else name

    def _start_counter(self, attributes: Attributes) -> None:
        if self._method is not None:
            self._ran[attributes.get("type", "")] = number(attributes.get("covered")) > 0

    def _end_method(self) -> None:
        if self._method is not None:
            ran = self._ran.get("METHOD", self._ran.get("INSTRUCTION", False))
            self._add_method(*self._method, ran)
        self._method = None

    def _add_method(self, name: str, line: int, ran: bool) -> None:
        functions = self._owner.functions
        functions[line, name] = ran or functions.get((line, name), False)

    def _start_line(self, attributes: Attributes) -> None:
        if "mi" not in attributes and "ci" not in attributes:  # as gcovr writes it
            raise ValueError("a line that does not tell its instructions: nobody knows whether it ran")
        line, *row = (number(attributes.get(name, "0")) for name in ("nr", "mi", "ci", "mb", "cb"))
        line_of(line)
        if not all(0 <= count <= _MOST_COUNT for count in row):
            raise ValueError(f"{min(row)} or {max(row)} instructions")
        missed, covered, arms_missed, arms = row
        check_arms(arms, arms + arms_missed)
        self._room.take(arms + arms_missed)
        self._source.take(line, (missed, covered, arms_missed, arms))

    def _take_lines(self, content: bytes) -> bool:
        source = self._source
        end = content.find(b"<counter")
        rows, counters = (content[:end], content[end:]) if end >= 0 else (content, b"")
        found = numbers(rows, _ROW)
        if found is None or source.rows or source.columns or not _COUNTERS.fullmatch(counters):
            return False
        lines = line_numbers(found[0])
        arms = list(map(add, found[3], found[4]))
        if not arms:
            return True
        if lines is None or max(map(max, found)) > _MOST_COUNT or max(arms) > MOST_ARMS or sum(arms) > self._room.left:
            return False
        self._room.take(sum(arms))
        source.columns = (lines, *map(narrow, found[1:]))
        return True

    def _take_class(self, content: bytes) -> bool:
        pieces = _METHOD.split(content)
        if b"".join(pieces[:-1:5]).strip(SPACE) or not _COUNTERS.fullmatch(pieces[-1]) or not texts_are_xml(content):
            return False
        lines = [int(line or b"1") for line in pieces[3::5]]
        if lines and max(lines) > LAST_LINE:
            return False
        names, descriptors = map(unescaped, pieces[1::5]), map(unescaped, pieces[2::5])
        for name, descriptor, line, ran in zip(names, descriptors, lines, pieces[4::5], strict=True):
            self._add_method(self._called(clean(name), clean(descriptor)), line or 1, int(ran) > 0)
        return True
