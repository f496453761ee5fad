"""The inner loops of LCOV tracefiles: one section, from `SF:` to `end_of_record`, to columns.

Records of one kind stand together in what nearly all tools write, so each kind is taken as one text: stripped of its
digits it has to be exactly the skeleton of so many records, then its numbers are decoded at once. From the second time
that a file comes by, what tracefiles of one build have in common (which arms, which functions) is kept and only
compared. Whatever is unlike this is left to the careful reader, which gives the same for what is taken here.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from operator import lt
from typing import Literal

from covey.loops.bounds import LAST_LINE

Decode = Callable[[bytes], list[int]]  # of a JSON list of integers; ValueError for anything else

MOST_KNOWN = 500_000  # numbers and names kept for comparing, over all files
MOST_TEXT = 8 << 20  # bytes of sections kept because nothing of them ran

_DIGITS = b"0123456789"
_PATIENCE = 3  # so many sections may be of another build before the shape becomes theirs
_SEPARATORS = bytes.maketrans(b"\n-", b",0")
_BRANCHES = tuple(map(str, range(64)))  # keys of arms of block 0
# Functions whose names have no comma and are shown as they are: nothing is stripped of them, nothing written as %XX.
_DECLARED = re.compile(rb"(?:FN:[0-9]{1,8},[!-+\--~]*+\n)*+")
_CALLED = re.compile(rb"(?:FNDA:[0-9]{1,18},[!-+\--~]*+\n)*+")
_SUMS = re.compile(rb"(?:\n(?:FNF|FNH|BRF|BRH|LF|LH):[0-9]*)*\nend_of_record\n?")

Lines = tuple["array[int]", "array[int]"]  # numbers, hits
Arms = tuple["array[int]", tuple[str, ...], "array[int]"]  # lines, keys, hits
Functions = tuple[tuple[str, ...], "array[int]", "array[int]", "array[int]"]  # names, firsts, lasts, hits


@dataclass(slots=True)
class Section:
    """A section cut into its kinds. Texts begin with the tag of their first record and end with a newline; "" for none.
    `rest`: every other line, each after its newline, and those of kinds that do not stand together."""

    lines: bytes = b""
    arms: bytes = b""
    declared: bytes = b""
    called: bytes = b""
    rest: bytes = b""


@dataclass(slots=True)
class Shape:
    """What the sections of one file have in common from one tracefile to the next. `order` tells where, among the
    records as they come, each arm or function of the result is."""

    numbers: array[int] | None = None
    arms: tuple[array[int], list[int], list[int]] | None = None  # lines, blocks, branches as they come
    arm_order: Sequence[int] | None = None  # None: as they come
    arm_lines: array[int] = field(default_factory=lambda: array("i"))
    arm_keys: tuple[str, ...] = ()
    declared: bytes = b""
    called: list[bytes] = field(default_factory=list)
    order: Sequence[int] = ()
    functions: tuple[tuple[str, ...], array[int], array[int]] | None = None
    other_arms: int = 0  # sections one after the other that were not like this
    other_functions: int = 0


class Known:
    """Shapes of the files met so far: a first meeting only notes the name, as most tracefiles come alone."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, Shape | None] = {}
        self._room = MOST_KNOWN
        self._text_room = MOST_TEXT
        self._idle: dict[bytes, tuple[bytes, object]] = {}
        self.keys: dict[tuple[int, int], str] = {}

    def shape(self, name: bytes) -> Shape | None:
        """The file's shape, an empty one the second time, or None when nothing is to be kept of it."""
        if name not in self._shapes:
            if len(self._shapes) < MOST_KNOWN:
                self._shapes[name] = None
            return None
        if self._shapes[name] is None and self._room > 0:
            self._shapes[name] = Shape()
        return self._shapes[name]

    def spend(self, count: int) -> bool:
        """Whether there is room for so many numbers and names more."""
        self._room -= count
        return self._room > 0

    def idle(self, name: bytes, text: bytes) -> object | None:
        """What was kept of a section of the very same text, in which nothing ran."""
        seen = self._idle.get(name)
        return seen[1] if seen is not None and seen[0] == text else None

    def keep_idle(self, name: bytes, text: bytes, read: object) -> None:
        """A file that a test never enters reads the same in the tracefile of every such test."""
        if name in self._idle or len(text) > self._text_room or name not in self._shapes:
            return
        self._text_room -= len(text)
        self._idle[name] = text, read

    def key(self, block: int, branch: int) -> str:
        found = self.keys.get((block, branch))
        if found is None:
            found = f"{block},{branch}" if block else str(branch)
            if len(self.keys) < MOST_KNOWN:
                self.keys[block, branch] = found
        return found


def cut(text: bytes) -> Section:
    """Cut a section, from the newline before its first record on, into its kinds."""
    spans = sorted(span for span in map(_span, (text,) * 4, (b"\nDA:", b"\nBRDA:", b"\nFN:", b"\nFNDA:")) if span)
    apart = [
        span
        for at, span in enumerate(spans)
        if (not at or spans[at - 1][1] <= span[0]) and (at + 1 == len(spans) or span[1] <= spans[at + 1][0])
    ]
    found = Section()
    rest: list[bytes] = []
    done = 0
    for start, stop, tag in apart:
        setattr(found, _KINDS[tag], text[start + 1 : stop + 1])
        rest.append(text[done:start])
        done = stop
    rest.append(text[done:])
    found.rest = b"".join(rest)
    return found


_KINDS = {b"\nDA:": "lines", b"\nBRDA:": "arms", b"\nFN:": "declared", b"\nFNDA:": "called"}


def _span(text: bytes, tag: bytes) -> tuple[int, int, bytes] | None:
    """From the newline before the first record of a kind to the one that ends the last."""
    start = text.find(tag)
    if start < 0:
        return None
    stop = text.find(b"\n", text.rfind(tag) + 1)
    return (start, stop, tag) if stop > 0 else None


def only_sums(rest: bytes) -> bool:
    """Whether these lines only tell how many records of each kind there are."""
    return _SUMS.fullmatch(rest) is not None


def lines(text: bytes, decode: Decode, shape: Shape | None) -> Lines | None:
    """Line numbers, ascending, and hits of `DA:line,hits` records; None when they are anything else."""
    count = text.count(b"\n")
    if text.translate(None, _DIGITS) != b"DA:,\n" * count:
        return None
    try:
        flat = decode(b"[" + text.translate(_SEPARATORS, b"DA:")[:-1] + b"]")
        numbers, hits = array("i", flat[0::2]), array("q", flat[1::2])
    except (ValueError, OverflowError):
        return None
    if shape is not None and shape.numbers == numbers:
        return shape.numbers, hits
    if numbers[0] < 1 or numbers[-1] > LAST_LINE or not all(map(lt, numbers, islice(numbers, 1, None))):
        return None
    if shape is not None:
        shape.numbers = numbers
    return numbers, hits


def arms(text: bytes, decode: Decode, shape: Shape | None, known: Known) -> Arms | None:
    """Line, key and hits of `BRDA:line,block,branch,taken` records whose block and branch are numbers, ascending by
    line, then length of the key, then key; None when they are anything else, or one arm is there twice."""
    count = text.count(b"\n")
    if text.translate(None, _DIGITS + b"-") != b"BRDA:,,,\n" * count or text.count(b"-") != text.count(b",-\n"):
        return None
    try:
        flat = decode(b"[" + text.translate(_SEPARATORS, b"BRDA:")[:-1] + b"]")
        at, blocks, branches, hits = array("i", flat[0::4]), flat[1::4], flat[2::4], array("q", flat[3::4])
    except (ValueError, OverflowError):
        return None
    if shape is None or shape.arms is None or shape.arms != (at, blocks, branches):
        ordered = _ordered(at, blocks, branches, known)
        if ordered is None:
            return None
        found, order = ordered
        old = len(shape.arms[0]) if shape is not None and shape.arms else 0
        if shape is None or _waits(shape, "other_arms", old) or not known.spend(3 * (count - old)):
            return (*found, _in_order(hits, order))
        shape.arms, shape.arm_order = (at, blocks, branches), order
        shape.arm_lines, shape.arm_keys = found
    shape.other_arms = 0
    return shape.arm_lines, shape.arm_keys, _in_order(hits, shape.arm_order)


def _waits(shape: Shape, count: Literal["other_arms", "other_functions"], old: int) -> bool:
    """Whether the shape stays as it is for now: one build of ten that is another should not cost its neighbours."""
    others = getattr(shape, count) + 1
    setattr(shape, count, others if old and others < _PATIENCE else 0)
    return bool(old) and others < _PATIENCE


def _ordered(
    at: array[int], blocks: list[int], branches: list[int], known: Known
) -> tuple[tuple[array[int], tuple[str, ...]], Sequence[int] | None] | None:
    if not any(blocks) and max(branches) < len(_BRANCHES):  # as compilers and most tools number them
        places = [line * len(_BRANCHES) + branch for line, branch in zip(at, branches, strict=True)]
        if at[0] > 0 and at[-1] <= LAST_LINE and all(map(lt, places, islice(places, 1, None))):
            return (at, tuple(map(_BRANCHES.__getitem__, branches))), None
    keys = list(map(known.key, blocks, branches))
    rows = list(zip(at, map(len, keys), keys, strict=True))
    if min(at) < 1 or max(at) > LAST_LINE:
        return None
    ascending = sorted(rows)
    if any(one == two for one, two in pairwise(ascending)):
        return None
    if ascending == rows:
        return (at, tuple(keys)), None
    order = sorted(range(len(rows)), key=rows.__getitem__)
    return (array("i", [row[0] for row in ascending]), tuple(row[2] for row in ascending)), order


def _in_order(hits: array[int], order: Sequence[int] | None) -> array[int]:
    return hits if order is None else array("q", map(hits.__getitem__, order))


def new_functions(section: Section) -> Functions | None:
    """The functions of `FN:line,name` and `FNDA:count,name` records whose names are plain, ascending by line, then
    name; None when they are anything else, or one name is there twice."""
    if _DECLARED.fullmatch(section.declared) is None or _CALLED.fullmatch(section.called) is None:
        return None
    declared = section.declared[3:-1].replace(b"\nFN:", b",").split(b",") if section.declared else []
    called = section.called[5:-1].replace(b"\nFNDA:", b",").split(b",") if section.called else []
    calls = dict(zip(called[1::2], map(int, called[0::2]), strict=True))
    rows = sorted(zip([int(first) or 1 for first in declared[0::2]], declared[1::2], strict=True))
    if 2 * len(calls) < len(called) or len(set(declared[1::2])) < len(rows) or (rows and rows[-1][0] > LAST_LINE):
        return None
    return (
        tuple(name.decode("ascii") for _, name in rows),
        array("i", [first for first, _ in rows]),
        array("i", bytes(4 * len(rows))),
        array("q", [calls.get(name, 0) for _, name in rows]),
    )


def functions(section: Section, shape: Shape) -> Functions | None:
    """The functions of a section whose `FN` are those kept in `shape`; None when anything is unlike."""
    if shape.functions is None or section.declared != shape.declared:
        return None
    split = _calls(section.called)
    if split is None or split[1] != shape.called:
        return None
    counts = [*split[0], 0]
    shape.other_functions = 0
    try:
        return (*shape.functions, array("q", map(counts.__getitem__, shape.order)))
    except OverflowError:
        return None


def _calls(text: bytes) -> tuple[list[int], list[bytes]] | None:
    """Counts and names of `FNDA:count,name` records; None where a name has a comma in it."""
    if not text:
        return [], []
    parts = text[5:-1].replace(b"\nFNDA:", b",").split(b",")
    counts = parts[0::2]
    if len(parts) != 2 * text.count(b"\n") or not b"".join(counts).isdigit() or b"" in counts:
        return None
    return list(map(int, counts)), parts[1::2]


def keep_functions(
    section: Section, shape: Shape, names: tuple[str, ...], firsts: array[int], lasts: array[int], known: Known
) -> None:
    """Keep, in `shape`, which functions a careful reading has found in this section's `FN` and `FNDA`."""
    split = _calls(section.called)
    old = len(shape.functions[0]) if shape.functions else 0
    if split is None or len(set(split[1])) < len(split[1]) or _waits(shape, "other_functions", old):
        return
    if not known.spend(3 * (len(names) - old)):
        return
    by_name = {name.decode("utf-8", "surrogateescape"): at for at, name in enumerate(split[1])}
    if by_name.keys() - set(names):
        return  # calls of what is not declared, or names that are shown in another way
    shape.declared, shape.called = section.declared, split[1]
    shape.order = [by_name.get(name, len(split[1])) for name in names]
    shape.functions = names, firsts, lasts
