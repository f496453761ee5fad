"""SonarQube's generic test coverage (`sonar.coverageReportPaths`), version 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from covey.formats import xmlreading
from covey.formats.anonymous import Forks, Room, check_arms, of_forks
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import Merging, clean, flat_paths, line_of
from covey.formats.xmlreading import Attributes, number
from covey.formats.xmlroot import root_of
from covey.formats.xmltext import quoteattr
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report


class Sonar(Format):
    name = "sonar"
    loses = frozenset({"statements", "functions", "parts"})

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        root = root_of(head)
        return (
            root is not None
            and root.tag == "coverage"
            and root.attributes == {"version": "1"}
            and (root.child in ("file", ""))
        )

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Mode "set": lines to cover, covered or not; branches as anonymous arms."""
        return xmlreading.joined([self._read(file, sources) for file in files])

    def _read(self, file: Input, sources: Sources) -> Report:
        found = _Document()
        elements = xmlreading.Elements("coverage", {"file": found.start_file, "lineToCover": found.start_line})
        origin = xmlreading.read(file, elements, self.name)
        built = Merging("max")
        for path, (lines, forks) in found.files.items():
            built.add(FileCoverage(sources.locate(path).path, Lines.of(lines), of_forks(forks), mode="set"))
        return Report.of(built.files(), [origin])

    def write(self, report: Report, out: BinaryIO) -> None:
        """Paths relative to the repository, which is where the scanner has to run. Branches of lines that are not
        executable are left out: there is no line to hang them on."""
        out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<coverage version="1">\n')
        for key, name in flat_paths(report).items():
            out.write(f"<file path={quoteattr(name)}>\n{''.join(_rows(report.files[key]))}</file>\n".encode())
        out.write(b"</coverage>\n")


FORMAT = Sonar()


class _Document:
    """files: path -> line -> hits (0 or 1), and line -> arms."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[dict[int, int], Forks]] = {}
        self._room = Room()
        self._lines: dict[int, int] = {}
        self._forks: Forks = {}

    def start_file(self, attributes: Attributes) -> None:
        path = clean(attributes.get("path", ""))
        if not path:
            raise ValueError("a file without a path")
        self._lines, self._forks = self.files.setdefault(path, ({}, {}))

    def start_line(self, attributes: Attributes) -> None:
        line, covered = number(attributes.get("lineNumber")), attributes.get("covered", "")
        line_of(line)
        if covered not in ("true", "false"):
            raise ValueError(f"covered is {clean(covered)[:40]!r}, neither true nor false")
        self._lines[line] = max(int(covered == "true"), self._lines.get(line, 0))
        total, taken = number(attributes.get("branchesToCover", "0")), number(attributes.get("coveredBranches", "0"))
        check_arms(taken, total)
        self._room.take(total)
        if total:
            known = self._forks.get(line, (0, 0))
            self._forks[line] = max(taken, known[0]), max(total, known[1])


def _rows(file: FileCoverage) -> Iterator[str]:
    forks = file.branches.forks()
    for line, hits in zip(file.lines.numbers, file.lines.hits, strict=True):
        covered = "true" if hits else "false"
        branches = f' branchesToCover="{forks[line][1]}" coveredBranches="{forks[line][0]}"' if line in forks else ""
        yield f'<lineToCover lineNumber="{line}" covered="{covered}"{branches}/>\n'
