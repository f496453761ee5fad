"""What Cobertura's classes say of one file, in columns, and the common shapes of `<lines>` and `<methods>`."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, repeat
from operator import add, gt, lt
from typing import NamedTuple

from covey.formats.anonymous import MOST_ARMS, Forks, branches, of_forks
from covey.formats.intake import clean
from covey.formats.xmlrows import SPACE, TEXT, WHITE, line_numbers, numbers, texts_are_xml, unescaped
from covey.loops.bounds import LAST_LINE
from covey.model.counted import Branches, Functions, Lines
from covey.model.report import FileCoverage

_ROW = b'<line number="" hits=""/>'
_FORKED = rb'" branch="true" condition-coverage="'
# What is between a number and the end of a tag, so that what stands twice is left over. The number is looked for only
# behind, as a pattern that begins with a text is found sooner. No ">", as in values _SPELLED would replace it.
_FORK = re.compile(
    rb'%b(?<=[0-9]%b)[0-9]{1,3}(?:\.[0-9]{1,9})?%% \(([0-9]{1,9})/([0-9]{1,9})\)"'
    rb'(?: missing-branches="[^"<>&\x00-\x1f\x80-\xff]*")?(?=/>)' % (_FORKED, _FORKED)
)
# How some writers put the same: coverlet and other .NET tools, gocover-cobertura.
_SPELLED = (
    (b'" />', b'"/>'),
    (b'"></line>', b'"/>'),
    (b' branch="False"', b' branch="false"'),
    (b' branch="True"', b' branch="true"'),
)
_CONDITIONS = re.compile(
    rb'\)">%b<conditions>(?:%b<condition number="[0-9]+" type="[a-z]+" coverage="[0-9.]+%%"/>)*+'
    rb"%b</conditions>%b</line>" % (WHITE, WHITE, WHITE, WHITE)
)
_ANY_LINES = rb"((?:%b<line [^<>&]*+>)*+)" % WHITE
_METHOD_TEXT = (
    rb'<method name="%b"(?: hits="[0-9]*")? signature="%b"(?: line-rate="[0-9.]*")?'
    rb'(?: branch-rate="[0-9.]*")?(?: complexity="[0-9.]*")?>%b<lines>%b%b</lines>%b</method>'
    % (TEXT, TEXT, WHITE, _ANY_LINES, WHITE, WHITE)
)
_METHOD = re.compile(_METHOD_TEXT)
_ONE_LINE = rb'%b<line number="([0-9]{1,9})" hits="([0-9]{1,18})"(?: branch="false")?/>' % WHITE
_SHORT = re.compile(_METHOD_TEXT.replace(_ANY_LINES, _ONE_LINE))


class Run(NamedTuple):
    """Lines of one class, ascending, none twice. forks: columns of branching lines, arms that ran, all arms."""

    lines: array[int]
    hits: array[int]
    forks: tuple[array[int], array[int], array[int]]

    @classmethod
    def of(cls, hits: dict[int, int], forks: Forks) -> Run:
        lines, branching = sorted(hits), sorted(forks)
        return cls(
            array("i", lines),
            array("q", [hits[line] for line in lines]),
            (
                array("i", branching),
                array("i", [forks[line][0] for line in branching]),
                array("i", [forks[line][1] for line in branching]),
            ),
        )


@dataclass
class Classes:
    """What all classes of one filename say. own: lines of the classes; inner: of their methods, kept only while there
    are no others. Functions in columns: names, first lines, last lines (0: not told), hits."""

    name: str = ""  # of the last class
    own: list[Run] = field(default_factory=list)
    inner: list[Run] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    firsts: array[int] = field(default_factory=lambda: array("i"))
    lasts: array[int] = field(default_factory=lambda: array("i"))
    calls: array[int] = field(default_factory=lambda: array("q"))

    def take(self, own: Sequence[Run], inner: Sequence[Run]) -> None:
        """The lines of one more class."""
        if own:
            self.own += own
            self.inner.clear()
        elif not self.own:
            self.inner += inner

    def method(self, name: str, first: int, last: int, hits: int) -> None:
        """A method that has lines. Where there is one only, it is the first; nobody knows the last."""
        self.names.append(name)
        self.firsts.append(first)
        self.lasts.append(last if last > first else 0)
        self.calls.append(hits)

    def short_methods(self, names: Sequence[str], lines: Sequence[int], hits: Sequence[int]) -> None:
        """Methods that have one line each."""
        self.names += names
        self.firsts.extend(lines)
        self.lasts.extend(repeat(0, len(names)))
        self.calls.extend(hits)

    def file(self, path: str) -> FileCoverage:
        lines, arms = _joined(self.own or self.inner)
        return FileCoverage(path, lines, arms, self._functions())

    def _functions(self) -> Functions:
        if all(map(lt, self.firsts, islice(self.firsts, 1, None))):
            return Functions(tuple(self.names), self.firsts, self.lasts, self.calls)
        places = list(zip(self.firsts, self.names, strict=True))
        told = list(zip(self.lasts, self.calls, strict=True))
        rows = dict(zip(places, told, strict=True))
        if len(rows) < len(places):  # as a line of two classes: the most of either
            for place, (last, hits) in zip(places, told, strict=True):
                most = rows[place]
                rows[place] = max(last, most[0]), max(hits, most[1])
        keys = sorted(rows)
        return Functions(
            tuple(name for _, name in keys),
            array("i", [first for first, _ in keys]),
            array("i", [rows[key][0] for key in keys]),
            array("q", [rows[key][1] for key in keys]),
        )


def _joined(runs: Sequence[Run]) -> tuple[Lines, Branches]:
    if len(runs) == 1:
        return Lines(runs[0].lines, runs[0].hits), branches(*runs[0].forks)
    hits: dict[int, int] = {}
    forks: Forks = {}
    for run in runs:
        for line, count in zip(run.lines, run.hits, strict=True):
            hits[line] = max(count, hits.get(line, 0))
        for line, covered, total in zip(*run.forks, strict=True):
            most = forks.get(line, (0, 0))
            forks[line] = (max(covered, most[0]), max(total, most[1]))
    return Lines.of(hits), of_forks(forks)


def run_of(content: bytes) -> Run | None:
    """The lines in the content of a `<lines>` of the common shape: `number`, `hits`, and at most `branch`,
    `condition-coverage` and `missing-branches`, in that order, and conditions; ascending. None for any other."""
    found = _run_of(content)
    for usual in (_without_conditions, _in_usual_spelling):
        if found is None and (spelled := usual(content)) != content:
            content = spelled
            found = _run_of(content)
    return found


def _without_conditions(content: bytes) -> bytes:
    """They say again what condition-coverage does."""
    return _CONDITIONS.sub(b')"/>', content) if b"<conditions>" in content else content


def _in_usual_spelling(content: bytes) -> bytes:
    for spelled, short in _SPELLED:
        content = content.replace(spelled, short)
    return content


def _run_of(content: bytes) -> Run | None:
    pieces = _FORK.split(content)
    parts, covered, totals = pieces[0::3], *(array("i", map(int, column)) for column in (pieces[1::3], pieces[2::3]))
    if totals and (max(totals) > MOST_ARMS or any(map(gt, covered, totals))):
        return None
    found = numbers(b'"'.join(parts).replace(b'" branch="false"/>', b'"/>'), _ROW)
    lines = line_numbers(found[0]) if found else None
    if not found or lines is None:
        return None
    begun = accumulate(map(bytes.count, parts[:-1], repeat(b"<")))  # lines, up to each that has branches
    return Run(lines, found[1], (array("i", [lines[count - 1] for count in begun]), covered, totals))


Method = tuple[str, Run]


def short_methods_of(content: bytes) -> tuple[list[str], list[int], list[int]] | None:
    """Names, lines and hits of the methods in the content of a `<methods>` in which each has one line, which most
    writers make of them; None for any other, and for names that are not plain text."""
    pieces = _SHORT.split(content)
    if b"&" in content or b"".join(pieces[::5]).strip(SPACE):
        return None
    texts = b"\n".join(map(add, pieces[1::5], pieces[2::5]))
    names = texts.decode().split("\n") if texts_are_xml(texts) else []
    lines = list(map(int, pieces[3::5]))
    if len(names) != len(lines) or not "".join(names).isprintable() or min(lines) < 1 or max(lines) > LAST_LINE:
        return None
    return names, lines, list(map(int, pieces[4::5]))


def methods_of(content: bytes) -> list[Method] | None:
    """The methods in the content of a `<methods>` of the common shape; None for any other."""
    pieces = _METHOD.split(content)
    if b"".join(pieces[::4]).strip(SPACE) or not texts_are_xml(content):
        return None
    try:
        return list(map(_method, pieces[1::4], pieces[2::4], pieces[3::4]))
    except ValueError:  # lines of another shape
        return None


def _method(name: bytes, signature: bytes, content: bytes) -> Method:
    named = clean(unescaped(name) + unescaped(signature))
    run = run_of(content)
    if run is None:
        raise ValueError("lines of another shape")
    return named, run
