"""What reading an input must come to, whatever is in it: a report that every verb can go on with, or a refusal that
says which file is damaged. Anything else is a finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from fuzz.cases import Case, inputs, writers, written

from covey import plugins
from covey.errors import CoveyError, DuplicateSource, FormatError, MissingExtra, SourceMismatch
from covey.flows.inputs import SNIFFED
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import flat_paths
from covey.formats.sources import NoSources
from covey.loops.bounds import LAST_LINE, MOST_HITS
from covey.model.blocks import Blocks
from covey.model.report import FileCoverage, Report

MOST_COMPARED = 200_000  # lines of a report that is written and read back; reading a larger one is still tried
_PARTICULAR = re.compile(r"'.*'|\".*\"|\d+", re.DOTALL)
_Told = frozenset[tuple[Any, ...]]


class BrokenLawError(Exception):
    """Nothing crashed, but what came out is not what has to. First what, the same for the same cause; then of what."""


@dataclass
class Judge:
    """Tries inputs of one format. stage: what is being done, for the one who reads a finding."""

    fmt: Format
    stage: str = ""
    _known: Mapping[str, Format] = field(
        default_factory=lambda: {n: plugins.load("formats", n) for n in plugins.names("formats")}
    )
    _writers: Mapping[str, Format] = field(default_factory=writers)

    def judge(self, case: Case, sources: Sources, number: int) -> tuple[str, _Told]:
        """The outcome in one line, and its features: those of a report, or the text of the refusal without what is
        particular. Raises what is a finding."""
        files = inputs(case)
        self.stage = "read"
        try:
            report = self.fmt.read(files, sources)
        except (FormatError, SourceMismatch, DuplicateSource, MissingExtra) as error:
            self.stage = "refuse"
            _check_refusal(error, {file.name for file in files})
            told = ("refused", _template(error.what, files).rpartition(": ")[2])
            return f"refused: {error.what}", frozenset([told, *self._sniff(files)])
        self.stage = "look at"
        found = frozenset([*self._sniff(files), *features(report, files)])
        self._check(report)
        if sum(len(file.lines) for file in report.files.values()) <= MOST_COMPARED:
            self._go_on(report, files, sources, number)
        totals = report.totals
        return f"read: {len(report.files)} files, {totals.lines.covered} of {totals.lines.total} lines", found

    def _sniff(self, files: list[Input]) -> Iterator[tuple[Any, ...]]:
        self.stage = "sniff"
        for file in files:
            try:
                with file.open() as stream:
                    head = stream.read(SNIFFED)
            except (FormatError, MissingExtra):
                continue
            claims = [name for name, one in self._known.items() if one.sniff(file.name, head)]
            if len(claims) > 1:
                raise BrokenLawError("several formats claim one file", claims)
            yield "claimed", *claims

    def _check(self, report: Report) -> None:
        for (_, path), file in report.files.items():
            if path.startswith("/") or ".." in path.split("/"):
                raise BrokenLawError("a path that leads out", path)
            _check_counts(file.lines.numbers, file.lines.hits)
            _check_counts(sorted({arm.line for arm in file.branches}), [arm.hits for arm in file.branches])
            _check_counts(sorted({one.first for one in file.functions}), [one.hits for one in file.functions])
            if isinstance(file.blocks, Blocks):
                _check_counts((), file.blocks.hits)
        keys = {key for by_file in report.slices.values() for key in by_file}
        if any(path.startswith("/") or ".." in path.split("/") for _, path in keys):
            raise BrokenLawError("a slice's path leads out")

    def _go_on(self, report: Report, files: list[Input], sources: Sources, number: int) -> None:
        self.stage = "complete"
        try:
            self.fmt.complete(report, sources)
        except CoveyError as error:
            if not error.what:
                raise BrokenLawError("a refusal without a word") from None
        native = self._known["native"]
        self.stage = "write and read native"
        if native.read([Input.of_bytes("y", written(native, report))], NoSources()) != report:
            raise BrokenLawError("the native report of it reads back as another")
        others = [self._writers[name] for name in sorted(self._writers) if name != self.fmt.name]
        for fmt in {self.fmt.name: self.fmt, "": others[number % len(others)]}.values():
            if fmt.name in self._writers:
                self.stage = f"write and read {fmt.name}"
                back = fmt.read([Input.of_bytes("z", written(fmt, report))], NoSources())
                _check_back(report, back, getattr(fmt, "takes", bool), statements=fmt is self.fmt)
        if number % 8 == 0:
            self.stage = "read again"
            if self.fmt.read(files, sources) != report:
                raise BrokenLawError("read a second time it is another report")


def _check_refusal(error: CoveyError, names: set[str]) -> None:
    if not isinstance(error, FormatError):
        return
    if error.path not in names:
        raise BrokenLawError("refused without naming the file", error.what) from error
    if (error.line is not None and error.line < 1) or (error.offset is not None and error.offset < 0):
        raise BrokenLawError("refused at a place that is none", error.what) from error


def _check_counts(lines: Any, hits: Any) -> None:
    if len(lines) and (lines[0] < 1 or lines[-1] > LAST_LINE):
        raise BrokenLawError("lines that are none", lines[0], lines[-1])
    if any(one >= two for one, two in pairwise(lines)):
        raise BrokenLawError("lines that do not ascend")
    if len(hits) and (min(hits) < 0 or max(hits) > MOST_HITS):
        raise BrokenLawError("hits that are none", min(hits), max(hits))


def _check_back(report: Report, back: Report, takes: Callable[[str], bool], *, statements: bool) -> None:
    """Lines that ran are there, and no others; of blocks, in the format that they came in, as many statements. Files
    that the format does not take are not."""
    paths = flat_paths(report)
    if len(set(paths.values())) < len(paths):
        return  # names that differ in what no name may hold: the format can tell them apart no more
    for key, file in report.files.items():
        if not takes(paths[key]):
            continue
        there = back.files.get(key) or back.files.get((None, paths[key]), FileCoverage(file.path))
        _check_file(file, there, statements)


def _check_file(file: FileCoverage, back: FileCoverage, statements: bool) -> None:
    ran, again = ([line for line, hits in one.lines.items() if hits] for one in (file, back))
    if ran != again:
        raise BrokenLawError("other lines ran when it is read back", file.path, ran[:20], again[:20])
    if not (statements and isinstance(file.blocks, Blocks) and isinstance(back.blocks, Blocks)):
        return
    if file.blocks.ratio != back.blocks.ratio:
        raise BrokenLawError("other statements are read back", file.path, file.blocks.ratio, back.blocks.ratio)


def features(report: Report, files: list[Input]) -> Iterator[tuple[Any, ...]]:
    """What kind of report it is, numbers only by their size."""
    totals = report.totals
    yield "files", len(report.files).bit_length()
    yield "sources", len(report.sources)
    for name in ("lines", "branches", "functions", "statements"):
        ratio = getattr(totals, name)
        yield name, ratio.total.bit_length(), (ratio.covered > 0) + (ratio.covered == ratio.total)
    for file in list(report.files.values())[:20]:
        kinds = (file.mode, *sorted(file.inexact), bool(file.lines), bool(file.branches), bool(file.functions))
        yield "file", *kinds, file.blocks if isinstance(file.blocks, str) else bool(file.blocks)
        yield "most", max(file.lines.hits, default=0).bit_length(), file.source_hash is not None
        yield "arms", *sorted({arm.key[:1] for arm in file.branches[:9]})
    for name in report.slices:
        yield "slice", name.partition(":")[0]
    for note in report.notes:
        yield "note", _template(note, files).partition(": ")[0]


def _template(text: str, files: list[Input]) -> str:
    """What is told, without of what: no file, place, number or name."""
    for name in sorted({file.name for file in files}, key=len, reverse=True):
        text = text.removeprefix(f"{name}: ").removeprefix(name)
        text = text.replace(name, "#") if len(name) > 1 else text
    return _PARTICULAR.sub("#", text)[:160]
