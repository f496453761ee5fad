"""Reading LCOV: the careful reader, line by line, and before it the loops that take what is as nearly always."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import msgspec

from covey.errors import FormatError
from covey.formats.intake import MOST_BYTES, clean, line_of
from covey.formats.lcov import IN_BLOCK
from covey.formats.spots import named_once
from covey.loops import lcov as loops
from covey.loops.bounds import LAST_LINE, MOST_HITS
from covey.model.counted import Arm, Branches, Function, Functions, Lines

_PASSED_OVER = re.compile(rb"\s*(?:\xef\xbb\xbf)?(?:[A-Z]+:|#|$)")  # other records, comments, empty lines
_BARE_CR = re.compile(rb"\r(?:[A-Z]{2,}:|end_of_record)")  # a record after what is no line end here
_FLOAT = re.compile(r"(-?)([0-9]{1,20})(?:\.([0-9]{1,20}))?(?:[eE]([+-]?[0-9]{1,3}))?", re.ASCII)
_PIECE = 1 << 18
_MOST_WHOLE = 16 << 20  # bytes of a section that is taken at once
_HEAD = re.compile(rb"(?:TN:[^\n]*\n)?SF:([^\n]*)\n")
_END = b"end_of_record"
_decode = msgspec.json.Decoder(list[int]).decode


class Found(NamedTuple):
    """A section: the path as it was recorded, and what is counted."""

    path: str
    lines: Lines
    branches: Branches
    functions: Functions


@dataclass(slots=True)
class _Section:
    """One SF ... end_of_record. Functions by name (lcov 1) or by index (lcov 2), where one index may have several."""

    path: str
    lines: dict[int, int] = field(default_factory=dict)
    arms: dict[tuple[int, str], int] = field(default_factory=dict)
    declared: list[tuple[str, int, int | None]] = field(default_factory=list)
    counted: list[tuple[str, int]] = field(default_factory=list)
    indexed: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    called: list[tuple[str, int, str]] = field(default_factory=list)

    def functions(self) -> Functions:
        found = {(one.first, one.name): one for one in self._named()}
        for index, hits, name in self.called:
            if index in self.indexed:
                first, last = self.indexed[index]
                found[first, name] = Function(name, first, last, hits)
        return Functions.of(found.values())

    def _named(self) -> Iterable[Function]:
        """Those of lcov 1: where a name is declared once, and so nearly always, with all of its calls."""
        places = {name: (first, last) for name, first, last in self.declared}
        if len(places) < len(self.declared):
            return _apart(self.declared, self.counted)
        calls: dict[str, int] = {}
        for name, hits in self.counted:
            calls[name] = min(calls.get(name, 0) + hits, MOST_HITS)
        return [Function(name, first, last, calls.get(name, 0)) for name, (first, last) in places.items()]

    def branches(self) -> Branches:
        return Branches.of(Arm(line, key, hits) for (line, key), hits in self.arms.items())

    def found(self) -> Found:
        return Found(self.path, Lines.of(self.lines), self.branches(), self.functions())


class Reader:
    """One tracefile. `known`: what others of the same build were like. After the last section, `negative`, `conditions`
    (MC/DC records passed over) and `digest` tell of the whole file."""

    def __init__(self, name: str, known: loops.Known) -> None:
        self._name = name
        self._known = known
        self._line = 0
        self._section: _Section | None = None
        self.negative = 0
        self.conditions = 0
        self.digest = hashlib.sha256()
        self._takers: Mapping[bytes, Callable[[_Section, str], None]] = {
            b"DA": self._take_line, b"BRDA": self._take_arm, b"FN": self._take_function, b"FNDA": self._take_calls,
            b"FNL": self._take_index, b"FNA": self._take_alias,
        }  # fmt: skip

    def sections(self, stream: BinaryIO) -> Iterator[Found]:
        """FormatError, with the line, for what is no tracefile."""
        try:
            for text, whole in self._texts(stream):
                found = self._at_once(text) if whole and self._section is None else None
                if found is None:
                    yield from self._one_by_one(text)
                else:
                    self._line += text.count(b"\n")
                    yield found
        except ValueError as error:
            raise FormatError(str(error), path=self._name, line=self._line) from None
        if self._section is not None:
            raise FormatError("cut off: no end_of_record", path=self._name, line=self._line)

    def _texts(self, stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
        """Whole lines, and whether they are all up to an end_of_record; read piece by piece, as a tracefile may be
        larger than what it tells."""
        buffer = bytearray()
        size = 0
        while piece := stream.read(_PIECE):
            self.digest.update(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise ValueError(f"larger than {MOST_BYTES} bytes")
            at, searched = 0, max(len(buffer) - len(_END), 0)
            buffer += piece
            while (end := buffer.find(_END, searched)) >= 0 and (stop := buffer.find(b"\n", end)) >= 0:
                searched = stop
                if (not end or buffer[end - 1] == 10) and not buffer[end + len(_END) : stop].strip():
                    yield bytes(buffer[at : stop + 1]), True
                    at = stop + 1
            del buffer[:at]
            if len(buffer) > _MOST_WHOLE:
                stop = buffer.rfind(b"\n") + 1
                if not stop:
                    raise ValueError("a line without an end")
                yield bytes(buffer[:stop]), False
                del buffer[:stop]
        if buffer:
            yield bytes(buffer), False

    def _at_once(self, text: bytes) -> Found | None:
        """A section whose records stand together as the loops know them; None where it has to be read carefully."""
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
        head = _HEAD.match(text)
        if head is None or b"\r" in text:
            return None
        name, body = head[1], text[head.end() - 1 :]
        shape = self._known.shape(name)
        kept = self._known.idle(name, body)
        if isinstance(kept, Found):
            return kept
        section = loops.cut(body)
        lines = loops.lines(section.lines, _decode, shape) if section.lines else None
        if lines is None:
            return None
        arms = loops.arms(section.arms, _decode, shape, self._known) if section.arms else None
        try:
            found = self._with_rest(_path(name), section, shape, Lines(*lines), Branches(*arms) if arms else None)
        except ValueError:
            return None  # the careful reader finds the line
        if not any((found.lines.ratio.covered, found.branches.ratio.covered, found.functions.ratio.covered)):
            self._known.keep_idle(name, body, found)
        return found

    def _with_rest(
        self, path: str, section: loops.Section, shape: loops.Shape | None, lines: Lines, branches: Branches | None
    ) -> Found:
        """With what the loops do not know by heart, line by line."""
        plain = loops.only_sums(section.rest)
        at_once = plain and (branches is not None or not section.arms)
        functions = loops.functions(section, shape) if at_once and shape else None
        if at_once and functions is None and (functions := loops.new_functions(section)) and shape:
            loops.keep_functions(section, shape, *functions[:3], self._known)
        if functions is not None:
            return Found(path, lines, branches or Branches(), Functions(*functions))
        careful = _Section(path)
        negative, conditions = self.negative, self.conditions
        texts = b"" if plain else section.rest, section.declared, section.called, b"" if branches else section.arms
        try:
            for raw in b"\n".join(texts).split(b"\n"):
                if raw.rstrip() != _END:
                    self._take(careful, raw.rstrip())
        except ValueError:
            self.negative, self.conditions = negative, conditions
            raise
        found = careful.functions()
        if plain and shape:
            loops.keep_functions(section, shape, found.names, found.firsts, found.lasts, self._known)
        return Found(path, lines, careful.branches() if branches is None else branches, found)

    def _one_by_one(self, text: bytes) -> Iterator[Found]:
        if b"\r" in text and (bare := _BARE_CR.search(text)):
            at = self._line + text.count(b"\n", 0, bare.start()) + 1
            hint = "write it with line ends of LF"
            raise FormatError("its lines end in CR alone", path=self._name, line=at, hint=hint)
        for line in text.removesuffix(b"\n").split(b"\n"):
            self._line += 1
            if self._section is not None and line.startswith(b"DA:") and _plain(line, self._section.lines):
                continue
            raw = line.rstrip()
            if self._section is None and raw.startswith(b"SF:"):
                self._section = _Section(_path(line[3:]))
            elif raw == _END and self._section is not None:
                yield self._section.found()
                self._section = None
            else:
                self._take(self._section, raw)

    def _take(self, section: _Section | None, raw: bytes) -> None:
        tag, _, rest = raw.partition(b":")
        if section is not None and tag in self._takers:
            self._takers[tag](section, rest.decode("utf-8", "surrogateescape"))
        elif tag in self._takers or tag == b"SF" or not _PASSED_OVER.match(raw):
            raise ValueError(f"{clean(raw[:40].decode('utf-8', 'replace'))!r} where another record belongs")
        self.conditions += tag == b"MCDC"

    def _hits(self, text: str) -> int:
        if text == "-":
            return 0
        hits = _count(text)
        self.negative += hits < 0
        return min(max(hits, 0), MOST_HITS)

    def _take_line(self, section: _Section, rest: str) -> None:
        number_text, _, counted = rest.partition(",")
        number, hits = _number(number_text), self._hits(counted.partition(",")[0])
        if number:  # some tools tell of a line 0, which no file has
            section.lines[line_of(number)] = min(section.lines.get(number, 0) + hits, MOST_HITS)

    def _take_arm(self, section: _Section, rest: str) -> None:
        head, _, hits_text = rest.rpartition(",")
        number_text, _, where = head.partition(",")
        block, comma, branch = where.partition(",")
        if not comma:
            raise ValueError("BRDA has four parts")
        number, hits = _number(number_text), self._hits(hits_text)
        if number:
            key = line_of(number), _arm_key(clean(block), clean(branch))
            section.arms[key] = min(section.arms.get(key, 0) + hits, MOST_HITS)

    def _take_function(self, section: _Section, rest: str) -> None:
        first, _, name = rest.partition(",")
        last, comma, end_name = name.partition(",")
        if comma and last.isdigit():
            section.declared.append((clean(end_name), line_of(_number(first)), line_of(_number(last))))
        else:
            section.declared.append((clean(name), line_of(max(_number(first), 1)), None))

    def _take_calls(self, section: _Section, rest: str) -> None:
        hits, _, name = rest.partition(",")
        section.counted.append((clean(name), self._hits(hits)))

    def _take_index(self, section: _Section, rest: str) -> None:
        index, first, *last = rest.split(",")
        section.indexed[index] = line_of(_number(first)), line_of(_number(last[0])) if last else None

    def _take_alias(self, section: _Section, rest: str) -> None:
        index, hits, name = rest.split(",", 2)
        section.called.append((index, self._hits(hits), clean(name)))


def _apart(declared: Sequence[tuple[str, int, int | None]], counted: Sequence[tuple[str, int]]) -> Iterator[Function]:
    """Functions of which several may have one name, as methods of two classes in what c8 writes and functions within
    others in what nyc does: in order, the first `FNDA` of a name is of its first `FN`; those of one line are one. Where
    a name is not declared as often as it is counted, nobody knows which is whose: it is one function, the last that is
    declared, as for lcov 1.16.
    """
    places: dict[str, list[tuple[int, int | None]]] = {}
    counts: dict[str, list[int]] = {}
    for name, first, last in declared:
        places.setdefault(name, []).append((first, last))
    for name, hits in counted:
        counts.setdefault(name, []).append(hits)
    found: dict[tuple[int, str], tuple[int | None, int]] = {}
    for name, spots in places.items():
        calls = counts.get(name, [])
        pairs = zip(spots, calls, strict=True) if len(spots) == len(calls) else ((spots[-1], sum(calls)),)
        for (first, last), hits in pairs:
            found[first, name] = last, min(found.get((first, name), (None, 0))[1] + hits, MOST_HITS)
    ordered = sorted(found)
    for key, title in zip(ordered, named_once(ordered), strict=True):
        yield Function(title, key[0], *found[key])


def _path(raw: bytes) -> str:
    return clean(raw.removesuffix(b"\r").decode("utf-8", "surrogateescape"))  # spaces at its ends are the name's


def _plain(raw: bytes, lines: dict[int, int]) -> bool:
    """Take a record "DA:line,hits", which is nine of ten; False where it is anything more than that."""
    number_text, _, hits_text = raw[3:].partition(b",")
    try:
        number, hits = int(number_text), int(hits_text)
    except ValueError:
        return False
    if hits < 0 or not 0 < number <= LAST_LINE:
        return False
    lines[number] = lines.get(number, 0) + hits
    return True


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{clean(text[:40])!r} where a number belongs") from None


def _count(text: str) -> int:
    """A count, also as gcov of old versions, and what reads its JSON, writes large ones: `1.5e+06`. ValueError for what
    is no whole number."""
    if text.isdecimal() or not (found := _FLOAT.fullmatch(text)):
        return _number(text)
    sign, whole, part, exponent = found.groups("")
    power = int(exponent or 0) - len(part)
    count, rest = divmod(int(whole + part) * int(10 ** max(power, 0)), int(10 ** max(-power, 0)))
    if rest:
        raise ValueError(f"{clean(text)!r} where a whole number belongs")
    return -count if sign else count


def _arm_key(block: str, branch: str) -> str:
    """The branch alone where it is of block 0, else with its block: "1" and "2,1"."""
    return branch if block == "0" and not IN_BLOCK.fullmatch(branch) else f"{block},{branch}"
