"""The inner loop of Go text profiles: lines `NAME:SL.SC,EL.EC STATEMENTS COUNT` to columns, one file's run at a time.

The second time a file comes by, its lines without their counts are kept; from then on only the counts of it are read
(one comparison a line), which is what makes a hundred profiles of one build cheap.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Callable, Sequence
from operator import sub
from typing import NamedTuple

from covey.loops import goblocks
from covey.loops.blocks import WIDTH
from covey.loops.bounds import LAST_LINE, MOST_HITS

Decode = Callable[[bytes], list[int]]  # of a JSON list of integers; ValueError for anything else

MOST_KNOWN = 500_000  # lines kept for comparing, over all files
MOST_STRETCHED = 4096  # lines compared at once: one that has changed costs the others little

_NO_LAYOUT = array("i")
_FIELDS = 6  # numbers of a line
_DIGITS = b"0123456789"
_COUNTS = _DIGITS + b","
_SEPARATORS = bytes.maketrans(b". \n", b",,,")
_SKELETON = b".,.  \n"  # of a line without its digits
_LINE = re.compile(rb"(.*):N\.N,N\.N N (\+?\d{1,40})".replace(b"N", rb"(\+?\d{1,10})"), re.DOTALL)


class DamagedLineError(ValueError):
    """A line that is no block: `at`, its index among those handed in."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


# Where blocks stand in the layout, and where their lines were; only those that do not stand there already, which in
# what Go writes are a few that begin on one line.
Moved = tuple[Sequence[int], Sequence[int]]


class File(NamedTuple):
    name: bytes
    starts: list[bytes]  # of each line, all that comes before the count
    layout: array[int]
    moved: Moved
    twice: bool
    size: int  # lines
    spanned: int  # lines of the source, that the blocks reach over


class Run(NamedTuple):
    """Consecutive lines of one file, or of the pseudo-file b"" (empty lines) or b"mode" (a mode line).

    layout: array('i'), five numbers a block, ascending by position; hits: array('q'); twice: whether a position is
    there more than once. files: the run is of these, see `parts`. spanned: lines that the blocks reach over.
    """

    at: int
    name: bytes
    layout: array[int]
    hits: array[int]
    twice: bool = False
    files: Sequence[File] = ()
    spanned: int = 0


class Known:
    """The files met so far: a file's name -> None the first time, what its lines begin with from the second on."""

    def __init__(self) -> None:
        self.files: dict[bytes, File | None] = {}
        self.room = MOST_KNOWN

    def stretch(self, lines: Sequence[bytes], at: int) -> tuple[list[File], int]:
        """The known files that the lines from `at` on seem to be of, as far as these go, and how many lines that is."""
        found: list[File] = []
        ahead, end, stop = at, len(lines), at + MOST_STRETCHED
        get = self.files.get
        while ahead < end and ahead < stop:
            line = lines[ahead]
            file = get(line[: line.rfind(b":")])
            if file is None:
                break
            found.append(file)
            ahead += file.size
        return found, ahead - at

    def keep(self, run: Run, lines: Sequence[bytes], moved: Moved) -> None:
        """Remember a file, where there is room; a first meeting only notes its name, as most profiles come alone."""
        if run.name not in self.files:
            if len(self.files) < MOST_KNOWN:
                self.files[run.name] = None
            return
        old = self.files[run.name]
        self.room += len(old.starts) if old else 0
        self.files[run.name] = None
        if self.room >= len(lines):
            self.room -= len(lines)
            starts = [line[: line.rfind(b" ") + 1] for line in lines]
            self.files[run.name] = File(run.name, starts, run.layout, moved, run.twice, len(starts), run.spanned)


def parts(run: Run) -> list[Run]:
    """A run as runs of one file each."""
    if not run.files:
        return [run]
    found = []
    at = 0
    for file in run.files:
        end = at + file.size
        found.append(Run(run.at + at, file.name, file.layout, run.hits[at:end], file.twice, spanned=file.spanned))
        at = end
    return found


def runs(lines: Sequence[bytes], known: Known, decode: Decode, found: list[Run], *, last: bool) -> int:
    """Add the runs of `lines`, which have no ends, to `found`. Returns how many lines are done: unless `last`, a run
    that may go on in lines still to come is left. DamagedLineError for what is no block."""
    at, end, slowly = 0, len(lines), 0
    add = found.append
    while at < end:
        if at >= slowly:
            files, count = known.stretch(lines, at)
            if files and at + count > end:  # the last one is cut
                count -= files.pop().size
                if not files and not last:
                    return at
            hits = _together(lines, at, files, decode) if files else None
            if hits is not None:
                add(Run(at, b"", _NO_LAYOUT, hits, files=files, spanned=sum([file.spanned for file in files])))
                at += count
                continue
            slowly = at + count  # one of them is not as it was
        line = lines[at]
        name = line[: line.rfind(b":")] if b":" in line else b""
        if not line or (name == b"mode" and not _LINE.fullmatch(line)):
            add(Run(at, name, _NO_LAYOUT, array("q")))
            at += 1
            continue
        seen = known.files.get(name)
        if seen is not None and (hits := _together(lines, at, [seen], decode)) is not None:
            add(Run(at, name, seen.layout, hits, seen.twice, spanned=seen.spanned))
            at += len(hits)
            continue
        stop = _stop(lines, at, line[: len(name) + 1])
        if stop == end and not last:
            return at
        run, moved = _run(lines, at, stop, name, decode)
        stop = at + len(run.hits)
        known.keep(run, lines[at:stop], moved)
        add(run)
        at = stop
    return at


def _together(lines: Sequence[bytes], at: int, files: Sequence[File], decode: Decode) -> array[int] | None:
    """The hits of files that follow each other from `at` on, array('q'); None where a line does not begin as one of
    theirs did, or has no count that is read at once."""
    starts: list[bytes] = []
    for file in files:
        starts += file.starts
    counts = b",".join(map(bytes.removeprefix, lines[at : at + len(starts)], starts))
    if counts.translate(None, _COUNTS):
        return None
    try:
        found = decode(b"[" + counts + b"]")
        hits = array("q", struct.pack(f"{len(found)}q", *found))  # faster than array takes a list
    except (ValueError, OverflowError, struct.error):
        return None
    if len(hits) != len(starts):
        return None
    begin = 0
    for file in files:
        to, before = file.moved
        if to:
            for one, count in zip(to, [hits[begin + other] for other in before], strict=True):
                hits[begin + one] = count
        begin += file.size
    return hits


def _sorted(hits: array[int], moved: Moved) -> array[int]:
    """The hits in the order of the layout, in place."""
    to, before = moved
    if to:
        for at, count in zip(to, [hits[one] for one in before], strict=True):
            hits[at] = count
    return hits


def _stop(lines: Sequence[bytes], at: int, start: bytes) -> int:
    end = len(lines)
    at += 1
    while at < end and lines[at].startswith(start):
        at += 1
    return at


def _run(lines: Sequence[bytes], at: int, stop: int, name: bytes, decode: Decode) -> tuple[Run, Moved]:
    """The run of a file not met before, with what moves in its lines to sort them. It has at most the lines up to
    `stop`, fewer where those of another file begin sooner."""
    skipped = len(name) + 1
    tails = b"\n".join([line[skipped:] for line in lines[at:stop]]) + b"\n"
    numbers: list[int] = []
    if name and tails.translate(None, _DIGITS) == _SKELETON * (stop - at):
        try:
            numbers = decode(b"[" + tails[:-1].translate(_SEPARATORS) + b"]")
            hits = array("q", numbers[_FIELDS - 1 :: _FIELDS])
        except (ValueError, OverflowError):
            numbers = []  # leading zeros, or counts beyond any register: slowly, then
    if not numbers:
        numbers = _one_by_one(lines, at, stop, name)
        hits = array("q", numbers[_FIELDS - 1 :: _FIELDS])
    del numbers[_FIELDS - 1 :: _FIELDS]
    spanned = _spanned(numbers, at)
    layout = array("i", numbers)
    order, twice = goblocks.order(layout)
    moved: Moved = (), ()
    if order is not None:
        to = [at for at, before in enumerate(order) if at != before]
        moved = to, [order[at] for at in to]
    return Run(at, name, goblocks.arranged(layout, order), _sorted(hits, moved), twice, spanned=spanned), moved


def _spanned(numbers: list[int], at: int) -> int:
    """How many lines the blocks reach over; DamagedLineError for a block that no file has."""
    firsts, lasts = numbers[0::WIDTH], numbers[2::WIDTH]
    if max(numbers) >= 2**31:
        raise DamagedLineError(at + next(index for index, number in enumerate(numbers) if number >= 2**31) // WIDTH)
    if min(firsts) < 1 or max(lasts) > LAST_LINE or min(map(sub, lasts, firsts)) < 0:
        rows = enumerate(zip(firsts, lasts, strict=True), at)
        raise DamagedLineError(next(row for row, (first, last) in rows if not 1 <= first <= last <= LAST_LINE))
    return sum(lasts) - sum(firsts) + len(firsts)


def _one_by_one(lines: Sequence[bytes], at: int, stop: int, name: bytes) -> list[int]:
    """Six numbers a line, up to where lines of another name begin; counts saturate at 2**63-1."""
    numbers: list[int] = []
    for index in range(at, stop):
        found = _LINE.fullmatch(lines[index])
        if not found or not name or (index == at and found[1] != name):
            raise DamagedLineError(index)
        if found[1] != name:
            break
        *position, count = map(int, found.groups()[1:])
        numbers += [*position, min(count, MOST_HITS)]
    return numbers
