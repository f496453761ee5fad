"""Cobertura XML (coverage-04.dtd), as coverage.py, gcovr, Istanbul, coverlet, scoverage and others write it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import BinaryIO
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from covey._version import VERSION
from covey.errors import FormatError
from covey.formats.base import Input, Sources
from covey.formats.intake import LAST_LINE, MOST_BYTES, MOST_HITS, clean, flat_paths, provenance
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.merge import merge
from covey.model.ratio import Ratio, Totals
from covey.model.report import FileCoverage, Report

_ROOT = re.compile(rb"<coverage\b[^>]*\b(?:line-rate|branch-rate|lines-valid)\s*=|<!DOCTYPE\s+coverage\s+SYSTEM")
_CONDITIONS = re.compile(r"\((\d{1,9})/(\d{1,9})\)")
_MOST_DEEP = 64
_MOST_ARMS = 4096  # of one line
_MOST_ARMS_EVER = 5_000_000  # "(1/4096)" is short


@dataclass
class _Class:
    """What the classes of one filename say. arms: line -> (covered, total)."""

    lines: dict[int, int] = field(default_factory=dict)
    arms: dict[int, tuple[int, int]] = field(default_factory=dict)
    methods: list[tuple[str, dict[int, int]]] = field(default_factory=list)

    def file(self, path: str) -> FileCoverage:
        lines = dict(self.lines)
        if not lines:  # a tool that tells of methods only
            for _, own in self.methods:
                lines |= {line: max(hits, lines.get(line, 0)) for line, hits in own.items()}
        arms = (
            Arm(line, f"?{number}", int(number < covered))
            for line, (covered, total) in self.arms.items()
            for number in range(total)
        )
        found = {
            (min(own), name): Function(name, min(own), max(own), max(own.values())) for name, own in self.methods if own
        }
        return FileCoverage(path, Lines.of(lines), Branches.of(arms), Functions.of(found.values()))


class Cobertura:
    name = "cobertura"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return text.startswith(b"<") and _ROOT.search(text) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines, mode "count"; branches as anonymous arms "?0", for the format only tells how many ran; methods as
        functions. Several classes of one file are one file, where a line that both have ran as often as in either."""
        reports = [self._read(file, file.read(MOST_BYTES), sources) for file in files]
        return reports[0] if len(reports) == 1 else merge(reports)

    def _read(self, file: Input, data: bytes, sources: Sources) -> Report:
        found = _Parser(file.name)
        found.parse(data)
        notes: list[str] = []
        built: dict[str, FileCoverage] = {}
        for filename, entry in found.classes.items():
            place = sources.locate_under(found.roots, filename)
            if place.path in built:
                raise FormatError(f"two files of it are {place.path} in the repository", path=file.name)
            if sources.root and not place.mapped:
                notes.append(f"without a place in the repository: {place.path} ({place.why})")
            built[place.path] = entry.file(place.path)
        origin = replace(provenance(file, data, self.name), collected_at=found.when)
        return Report.of(built.values(), [origin], notes=notes)

    def write(self, report: Report, out: BinaryIO) -> None:
        """One package a folder, one class a file; functions are left out, since a class's lines say it all."""
        for line in _document(report):
            out.write(line.encode() + b"\n")

    def complete(self, report: Report, sources: Sources) -> Report:  # noqa: ARG002 - the tool that wrote it knew
        return report


FORMAT = Cobertura()


class _Parser:
    """Expat's events into classes. Entities and internal subsets are refused, external ones never fetched."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path: list[str] = []
        self._text: list[str] = []
        self._class = _Class()
        self._method: dict[int, int] | None = None
        self._arms_left = _MOST_ARMS_EVER
        self._seen = False
        self.classes: dict[str, _Class] = {}
        self.roots: list[str] = []
        self.when: datetime | None = None
        self._starters: Mapping[str, Callable[[Mapping[str, str]], None]] = {
            "coverage": self._start_coverage, "class": self._start_class, "method": self._start_method,
            "line": self._start_line,
        }  # fmt: skip

    def parse(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(data, True)
            if not self._seen:
                raise ValueError("its root is not <coverage>")
        except expat.ExpatError as error:
            raise FormatError(
                f"damaged XML: {expat.ErrorString(error.code)}", path=self._name, line=error.lineno
            ) from None
        except (ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
            raise FormatError(str(error), path=self._name, line=parser.CurrentLineNumber) from None

    def _doctype(self, _name: str, _system: str | None, _public: str | None, internal: int) -> None:
        if internal:
            raise ValueError("a document type with definitions of its own is refused")

    def _entity(self, *_: object) -> None:
        raise ValueError("entity definitions are refused")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if len(self._path) > _MOST_DEEP:
            raise ValueError(f"nested deeper than {_MOST_DEEP}")
        if len(self._path) == 1 and tag != "coverage":
            raise ValueError(f"its root is <{clean(tag)[:40]}>, not <coverage>")
        self._text.clear()
        if tag in self._starters:
            self._starters[tag](attributes)

    def _end(self, tag: str) -> None:
        self._path.pop()
        if tag == "source":
            self.roots.append(clean("".join(self._text).strip()))
        elif tag == "method":
            self._method = None

    def _characters(self, text: str) -> None:
        if self._path[-1] == "source":
            self._text.append(text)

    def _start_coverage(self, attributes: Mapping[str, str]) -> None:
        self._seen = True
        stamp = attributes.get("timestamp", "")
        if stamp.isdecimal() and len(stamp) <= 13 and int(stamp):
            seconds = int(stamp) / 1000 if len(stamp) > 11 else int(stamp)
            self.when = datetime.fromtimestamp(seconds, UTC)

    def _start_class(self, attributes: Mapping[str, str]) -> None:
        filename = clean(attributes.get("filename", ""))
        if not filename:
            raise ValueError("a class without a filename")
        self._class = self.classes.setdefault(filename, _Class())

    def _start_method(self, attributes: Mapping[str, str]) -> None:
        self._method = {}
        self._class.methods.append((clean(attributes.get("name", "") + attributes.get("signature", "")), self._method))

    def _start_line(self, attributes: Mapping[str, str]) -> None:
        number, hits = _number(attributes.get("number", "")), max(_number(attributes.get("hits", "0")), 0)
        if not number:  # some tools tell of a line 0, which no file has
            return
        if not 0 < number <= LAST_LINE:
            raise ValueError(f"{number} is no line number")
        lines = self._class.lines if self._method is None else self._method
        lines[number] = min(max(hits, lines.get(number, 0)), MOST_HITS)
        conditions = _CONDITIONS.search(attributes.get("condition-coverage", ""))
        if conditions:
            self._take_arms(number, int(conditions[1]), int(conditions[2]))

    def _take_arms(self, number: int, covered: int, total: int) -> None:
        if covered > total or total > _MOST_ARMS:
            raise ValueError(f"condition-coverage of {covered} in {total}")
        known = self._class.arms.get(number, (0, 0))
        self._arms_left -= max(total - known[1], 0)
        if self._arms_left < 0:
            raise ValueError(f"more than {_MOST_ARMS_EVER} branches")
        self._class.arms[number] = (max(covered, known[0]), max(total, known[1]))


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{clean(text[:40])!r} where a number belongs") from None


def _document(report: Report) -> Iterator[str]:
    packages: dict[str, list[tuple[str, FileCoverage]]] = {}
    for key, name in flat_paths(report).items():
        packages.setdefault(posixpath.dirname(name) or ".", []).append((name, report.files[key]))
    when = max((source.collected_at for source in report.sources if source.collected_at), default=None)
    stamp = int(when.timestamp() * 1000) if when else 0
    totals = report.totals
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<coverage version="covey {VERSION}" timestamp="{stamp}" lines-valid="{totals.lines.total}"'
        f' lines-covered="{totals.lines.covered}" branches-valid="{totals.branches.total}"'
        f' branches-covered="{totals.branches.covered}" {_rates(totals)}>'
    )
    yield "<sources><source>.</source></sources>"
    yield "<packages>"
    for folder, files in sorted(packages.items()):
        yield from _package(folder, files)
    yield "</packages>"
    yield "</coverage>"


def _package(folder: str, files: Iterable[tuple[str, FileCoverage]]) -> Iterator[str]:
    files = list(files)
    totals = Totals()
    for _, file in files:
        totals += file.totals
    yield f"<package name={quoteattr(folder.replace('/', '.') if folder != '.' else '.')} {_rates(totals)}><classes>"
    for name, file in files:
        base = quoteattr(posixpath.basename(name))
        yield f"<class name={base} filename={quoteattr(name)} {_rates(file.totals)}><methods/><lines>"
        arms = file.branches.by_line()
        for number, hits in file.lines.items():
            yield f'<line number="{number}" hits="{hits}"{_conditions(arms.get(number, ()))}/>'
        yield "</lines></class>"
    yield "</classes></package>"


def _conditions(arms: Sequence[Arm]) -> str:
    if not arms:
        return ""
    covered = sum(arm.hits > 0 for arm in arms)
    return f' branch="true" condition-coverage="{100 * covered // len(arms)}% ({covered}/{len(arms)})"'


def _rates(totals: Totals) -> str:
    return f'line-rate="{_rate(totals.lines)}" branch-rate="{_rate(totals.branches)}" complexity="0"'


def _rate(ratio: Ratio) -> str:
    """From 0 to 1, four digits, never a false 0 or 1; without code 1, as coverage.py has it."""
    if ratio.covered in (0, ratio.total):
        return "0" if ratio.total and not ratio.covered else "1"
    return f"{min(max(ratio.covered / ratio.total, 0.0001), 0.9999):.4g}"
