"""What Cobertura's classes say of one file, in columns, and the common shapes of `<lines>` and `<methods>`."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from covey.formats.anonymous import MOST_ARMS, Forks, branches, of_forks
from covey.formats.intake import LAST_LINE, MOST_HITS, clean
from covey.formats.xmlrows import SPACE, TEXT, WHITE, fit_lines, numbers, texts_are_xml, unescaped
from covey.model.counted import Branches, Functions, Lines
from covey.model.report import FileCoverage

_ROW = b'<line number="" hits=""/>'
_FORK = b'" branch="true" condition-coverage="'
_SHARE = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,9})?% \(([0-9]{1,9})/([0-9]{1,9})\)")
_MISSING = re.compile(rb'^ missing-branches="[^"<&\x00-\x1f\x80-\xff]*"')
_CONDITIONS = re.compile(
    rb'\)">%b<conditions>(?:%b<condition number="[0-9]+" type="[a-z]+" coverage="[0-9.]+%%"/>)*+'
    rb"%b</conditions>%b</line>" % (WHITE, WHITE, WHITE, WHITE)
)
_METHOD = re.compile(
    rb'<method name="%b"(?: hits="[0-9]*")? signature="%b"(?: line-rate="[0-9.]*")?'
    rb'(?: branch-rate="[0-9.]*")?(?: complexity="[0-9.]*")?>%b<lines>((?:%b<line [^<>&]*+>)*+)%b</lines>%b</method>'
    % (TEXT, TEXT, WHITE, WHITE, WHITE, WHITE)
)
_ONE_LINE = re.compile(rb'[ \t\r\n]*<line number="([0-9]{1,9})" hits="([0-9]{1,18})"(?: branch="false")?/>')


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

    def file(self, path: str) -> FileCoverage:
        lines, arms = _joined(self.own or self.inner)
        return FileCoverage(path, lines, arms, self._functions())

    def _functions(self) -> Functions:
        places = zip(self.firsts, self.names, strict=True)
        rows = dict(zip(places, zip(self.lasts, self.calls, strict=True), strict=True))
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
    if b"<conditions>" in content:  # they say again what condition-coverage does
        content = _CONDITIONS.sub(b')"/>', content)
    first, *pieces = content.split(_FORK)
    cut = [piece.partition(b'"') for piece in pieces]
    shares, rests = [share for share, _, _ in cut], [rest for _, _, rest in cut]
    if b"missing-branches" in content:
        rests = [_MISSING.sub(b"", rest, count=1) for rest in rests]
    arms = _arms(shares)
    if arms is None or not all(rest.startswith(b"/>") for rest in rests):
        return None
    parts = [first, *rests]
    found = numbers(b'"'.join(parts).replace(b'" branch="false"/>', b'"/>'), _ROW)
    if found is None:
        return None
    lines, hits = found[0::2], found[1::2]
    if lines and not (fit_lines(lines) and max(hits) <= MOST_HITS):
        return None
    begun = accumulate([part.count(b"<") for part in parts[:-1]])  # lines, up to each that has branches
    where = array("i", [lines[count - 1] for count in begun])
    covered, totals = zip(*arms, strict=True) if arms else ((), ())
    return Run(array("i", lines), array("q", hits), (where, array("i", covered), array("i", totals)))


_shares: dict[bytes, tuple[int, int] | None] = {}  # few differ, and they come by the million


def _arms(shares: Sequence[bytes]) -> list[tuple[int, int]] | None:
    """What each condition-coverage says: arms that ran, all arms; None when one is of another shape."""
    if len(_shares) > 10_000:
        _shares.clear()
    for share in set(shares) - _shares.keys():
        match = _SHARE.fullmatch(share)
        covered, total = (int(match[1]), int(match[2])) if match else (1, 0)
        _shares[share] = (covered, total) if covered <= total <= MOST_ARMS else None
    arms = list(map(_shares.__getitem__, shares))
    return None if None in arms else arms  # type: ignore[return-value]  # which mypy cannot see


Method = tuple[str, int, int, Run | None]  # name; line and hits of a method of one line, or the lines of any other


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
    one = _ONE_LINE.fullmatch(content)
    if one:
        line = int(one[1])
        if 0 < line <= LAST_LINE:
            return named, line, int(one[2]), None
    run = run_of(content)
    if run is None:
        raise ValueError("lines of another shape")
    return named, 0, 0, run
