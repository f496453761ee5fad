"""XML from outside, for the formats that are XML: read once, in pieces, by expat, and past it where that is safe.

Refused, as FormatError with path and line: what is no well-formed XML, definitions in a document type, entities but the
five of XML itself, elements nested deeper than 64, tags and comments of more than 4 MiB, files of more than 1 GiB.
Nothing is ever fetched. A document type without definitions, as JaCoCo and Cobertura name one, is passed over.

Reports of coverage are one short element after another, by the million, and expat calls back for each. So a format may
name *regions*: elements whose content it can read by itself when that has the common shape. Expat reads everything
around them, and only when it has just seen a region's start tag, at that very byte, is what follows up to its end tag
offered to `Region.take`. What `take` declines goes to expat, so that both ways give the same. The first start tag that
expat does not see as one, being in a comment or CDATA, ends this for the rest of the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from xml.parsers import expat

from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.intake import MOST_BYTES, clean
from covey.model.merge import merge
from covey.model.provenance import Provenance
from covey.model.report import Report

MOST_DEEP = 64
MOST_TOKEN = 4 << 20  # bytes of one tag or comment
MOST_FILES = 1_000_000  # that one report may tell of
_MOST_REGION = 4 << 20  # bytes; a longer one is read by expat
_MOST_TEXT = 1 << 16  # characters of one element that counts, such as <source>
_PIECE = 1 << 18
_UNKNOWN_ENCODING = expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]
_ENCODING = "utf-8"  # what a region is read as; its bytes may be no ASCII where that is declared

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Region:
    """The content of an element `tag`. take(content): reads it and says True, or touches nothing and says False.

    `opening`: a pattern of the whole start tag, from after its name; none of it may be an empty-element tag.
    """

    tag: str
    take: Callable[[bytes], bool]
    opening: bytes = b">"


@dataclass
class Elements:
    """What a format does with the elements it knows. texts: called with an element's text, white space stripped."""

    root: str
    starts: Mapping[str, Callable[[Attributes], None]]
    ends: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    texts: Mapping[str, Callable[[str], None]] = field(default_factory=dict)
    regions: Sequence[Region] = ()


def read(file: Input, elements: Elements, name: str) -> Provenance:
    """Read a file to its end; its provenance, read as format `name`. A ValueError of a callback, and whatever is wrong
    with the XML, becomes a FormatError with the line."""
    reader = _Reader(file, elements)
    reader.run()
    return Provenance(format=name, path=file.name, digest=f"sha256:{reader.digest.hexdigest()}")


def joined(reports: Sequence[Report]) -> Report:
    """One report of those of several files of one capture. The same file twice counts twice."""
    if len(reports) == 1:
        return reports[0]
    whole = merge(replace(one, sources=()) for one in reports)
    return replace(whole, sources=tuple(source for one in reports for source in one.sources))


class _Reader:
    def __init__(self, file: Input, elements: Elements) -> None:
        self._file = file
        self._elements = elements
        self.digest = hashlib.sha256()
        self._path: list[str] = []
        self._text: list[str] = []
        self._regions = {one.tag.encode(): one for one in elements.regions}
        self._opening = re.compile(
            b"|".join(b"<(" + re.escape(one.tag.encode()) + b")" + one.opening for one in elements.regions) or b"(?!)"
        )
        self._fed = 0  # bytes that expat has
        self._taken = 0  # bytes that it has not, because `take` has read them
        self._opened: tuple[str, int] | None = None  # the last start tag of a region that expat saw, and where
        self._past_expat = bool(elements.regions)
        self._encoding = ""  # that the file is declared in
        self._waiting: Region | None = None  # the region that what is read next belongs to
        self._parser = self._made()

    def _made(self) -> expat.XMLParserType:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = _doctype
        parser.EntityDeclHandler = parser.SkippedEntityHandler = _entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        return parser

    def run(self) -> None:
        name = self._file.name
        try:
            with self._file.open() as stream:
                self._run(stream)
        except expat.ExpatError as error:
            told = f"damaged XML: {expat.ErrorString(error.code)}"
            raise FormatError(told, path=name, line=self._line()) from None
        except (ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
            if self._parser.ErrorCode == _UNKNOWN_ENCODING:  # the exception has the words of Python's codecs
                told = f"declared in an encoding that covey does not read: {clean(self._encoding[:40])}"
                raise FormatError(told, path=name, line=self._line(), hint="write it as UTF-8") from None
            raise FormatError(str(error), path=name, line=self._line()) from None

    def _run(self, stream: BinaryIO) -> None:
        size, rest = 0, b""
        while piece := stream.read(_PIECE):
            self.digest.update(piece)
            size += len(piece)
            if size > MOST_BYTES:
                raise ValueError(f"larger than {MOST_BYTES} bytes")
            rest = self._read(rest + piece)
        self._feed(rest, final=True)

    def _line(self) -> int:
        """Where expat is; what it has not seen lies before."""
        if not self._taken:
            return self._parser.CurrentLineNumber
        left = self._parser.CurrentByteIndex + self._taken
        ends, last = 0, b""
        with self._file.open() as stream:
            while left > 0 and (piece := stream.read(min(left, _PIECE))):
                left -= len(piece)
                ends += piece.count(b"\n") + piece.count(b"\r") - (last[-1:] + piece).count(b"\r\n")
                last = piece
        return ends + 1

    def _feed(self, data: bytes, *, final: bool = False) -> None:
        self._fed += len(data)
        self._parser.Parse(data, final)
        if not final and self._fed - self._parser.CurrentByteIndex > MOST_TOKEN:
            raise ValueError(f"a tag or a comment of more than {MOST_TOKEN} bytes")

    def _read(self, data: bytes) -> bytes:
        """Read what can be read of `data`; gives back the rest, which needs more to follow."""
        done = 0
        while self._past_expat:
            if self._waiting is None:
                found = self._opening.search(data, done)
                if found is None:
                    break
                self._feed(data[done : found.end()])
                done = found.end()
                self._waiting = self._region_at(found)
                continue
            end = data.find(b"</" + self._waiting.tag.encode(), done)
            if end < 0 and len(data) - done < _MOST_REGION:
                return data[done:]
            if end >= 0 and self._waiting.take(data[done:end]):
                self._taken += end - done
                done = end
            self._waiting = None
        hold = data.rfind(b"<", max(done, len(data) - 4096)) if self._past_expat else -1  # maybe half a start tag
        self._feed(data[done:hold] if hold >= done else data[done:])
        return data[hold:] if hold >= done else b""

    def _region_at(self, found: re.Match[bytes]) -> Region | None:
        """The region whose start tag was found, when it is one to expat too."""
        tag = found[found.lastindex or 0]
        if self._opened == (tag.decode(), self._fed - (found.end() - found.start())):
            return self._regions[tag]
        self._past_expat = False
        return None

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self._encoding = encoding or ""
        if encoding is not None and encoding.lower() != _ENCODING:
            self._past_expat = False

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        path, elements = self._path, self._elements
        path.append(tag)
        if len(path) > MOST_DEEP:
            raise ValueError(f"nested deeper than {MOST_DEEP}")
        if len(path) == 1 and tag != elements.root:
            raise ValueError(f"its root is <{clean(tag)[:40]}>, not <{elements.root}>")
        if tag in elements.starts:
            elements.starts[tag](attributes)
        if self._past_expat and tag.encode() in self._regions:
            self._opened = tag, self._parser.CurrentByteIndex
        if tag in elements.texts:
            self._text.clear()
            self._parser.CharacterDataHandler = self._characters

    def _end(self, tag: str) -> None:
        elements = self._elements
        self._path.pop()
        if tag in elements.texts:
            self._parser.CharacterDataHandler = None
            elements.texts[tag]("".join(self._text).strip())
        if tag in elements.ends:
            elements.ends[tag]()

    def _characters(self, text: str) -> None:
        self._text.append(text)
        if sum(map(len, self._text)) > _MOST_TEXT:
            raise ValueError(f"more than {_MOST_TEXT} characters in <{clean(self._path[-1])[:40]}>")


def _doctype(_name: str, _system: str | None, _public: str | None, internal: int) -> None:
    if internal:
        raise ValueError("a document type with definitions of its own is refused")


def _entity(*_: object) -> None:
    raise ValueError("entities other than XML's own are refused")


def number(text: str | None) -> int:
    """An attribute that has to be a number; ValueError otherwise."""
    try:
        return int(text or "")
    except ValueError:
        raise ValueError(f"{clean((text or '')[:40])!r} where a number belongs") from None
