"""gcov of GCC: `gcov --json-format` (GCC 9 and newer, one document or one a line), and the old annotated text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from covey.errors import FormatError
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import MOST_BYTES, Merging, clean, collector_off, line_of, provenance
from covey.loops.bounds import LAST_LINE, MOST_HITS
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.report import FileCoverage, Report
from covey.model.telling import many

_BEGINS = re.compile(rb'\s*\{\s*"(?:gcc_version|format_version|current_working_directory|data_file|files)"\s*:')
_NAMES_IT = re.compile(rb'"(?:gcc_version|unexecuted_block|blocks_executed)"\s*:')
_TEXT = re.compile(rb"\s*-:\s*0:Source:[^\n]")


class _Function(msgspec.Struct):
    name: str
    start_line: int
    execution_count: int | float
    end_line: int | None = None


class _Branch(msgspec.Struct):
    count: int | float


class _Line(msgspec.Struct):
    line_number: int
    count: int | float
    branches: list[_Branch] = []


class _File(msgspec.Struct):
    file: str
    functions: list[_Function] = []
    lines: list[_Line] = []


class _Document(msgspec.Struct):
    files: list[_File]
    current_working_directory: str = ""


@dataclass
class Gathered:
    """What gcov says of one file. `negative`: counts below 0, a known fault of GCC with threads; taken as none."""

    path: str
    lines: dict[int, int] = field(default_factory=dict)
    arms: dict[tuple[int, int], int] = field(default_factory=dict)
    functions: dict[tuple[int, str], tuple[int | None, int]] = field(default_factory=dict)
    negative: int = 0

    def count(self, hits: float) -> int:
        """As a whole number: GCC 9 writes large ones as 1.5e+06."""
        if hits < 0:
            self.negative += 1
            return 0
        return int(min(hits, MOST_HITS))

    def add_line(self, number: int, hits: float) -> None:
        self.lines[number] = self.lines.get(line_of(number), 0) + self.count(hits)

    def add_arm(self, number: int, arm: int, hits: float) -> None:
        key = line_of(number), arm
        self.arms[key] = self.arms.get(key, 0) + self.count(hits)

    def add_function(self, name: str, first: int, last: int | None, hits: float) -> None:
        known = self.functions.get((line_of(first), name), (None, 0))
        if last is not None:
            last = max(last, known[0] or 0) if first <= last <= LAST_LINE else None
        self.functions[first, name] = last or known[0], known[1] + self.count(hits)

    def coverage(self, path: str) -> FileCoverage:
        arms = [Arm(number, str(arm), min(hits, MOST_HITS)) for (number, arm), hits in self.arms.items()]
        functions = [
            Function(name, first, last, min(hits, MOST_HITS)) for (first, name), (last, hits) in self.functions.items()
        ]
        return FileCoverage(path, Lines.of(self.lines), Branches.of(arms), Functions.of(functions))


class Gcov(Format):
    name = "gcov"
    only_read = "write LCOV instead: --format lcov"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        if _BEGINS.match(head):
            return _NAMES_IT.search(head) is not None
        return _TEXT.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines, branches and functions, mode "count". What several functions, or instances of a template, count on
        one line adds up, and so do their arms of one number, as lcov has it."""
        found = Merging()
        origins, notes = [], dict[str, None]()
        for file in files:
            data = file.read(MOST_BYTES)
            origins.append(provenance(file, data, self.name))
            negative = 0
            for gathered in _gathered(data, file.name):
                found.add(gathered.coverage(sources.locate(gathered.path).path))
                negative += gathered.negative
            if negative:
                told = many(negative, "negative count was", "negative counts were")
                notes[f"{file.name}: {told} taken as 0"] = None
        return Report.of(found.files(), origins, notes=notes)


FORMAT = Gcov()


def _gathered(data: bytes, name: str) -> Iterator[Gathered]:
    if _TEXT.match(data[:4096]):
        from covey.formats.gcovtext import texts

        yield from texts(data, name)
        return
    try:
        with collector_off():
            documents = _documents(data)
        for document in documents:
            for file in document.files:
                yield _of_json(file, document.current_working_directory)
    except ValueError as error:  # msgspec's own is one
        raise FormatError(f"no gcov JSON: {error}", path=name) from None
    except RecursionError:
        raise FormatError("no gcov JSON: nested too deep", path=name) from None


def _documents(data: bytes) -> list[_Document]:
    """`gcov --json-format --stdout` writes a document a line, one for each data file."""
    try:
        return [msgspec.json.decode(data, type=_Document)]
    except msgspec.DecodeError:
        rows = data.splitlines()
        if len(rows) < 2:
            raise
        try:
            return [msgspec.json.decode(row, type=_Document) for row in rows if row.strip()]
        except msgspec.DecodeError as error:
            again = error
        raise again from None


def _of_json(file: _File, folder: str) -> Gathered:
    if not file.file:
        raise ValueError("a file without a name")
    found = Gathered(clean(posixpath.join(folder, file.file)))
    for one in file.functions:
        found.add_function(clean(one.name), one.start_line, one.end_line, one.execution_count)
    for row in file.lines:
        if not row.line_number:  # code that the compiler made up
            continue
        found.add_line(row.line_number, row.count)
        for arm, branch in enumerate(row.branches):
            found.add_arm(row.line_number, arm, branch.count)
    return found
