"""Runs of one short element after another whose attributes are all numbers, read without a parser.

    <line nr="3" mi="0" ci="3" mb="0" cb="0"/>
    <line nr="7" mi="0" ci="4" mb="0" cb="0"/>

Strict: a run is taken only when, its digits left out, it is the same text over and over, with the same white space
between, and each attribute is one number. Anything else is for the parser to judge.
"""

from __future__ import annotations

import re
import struct
from array import array
from itertools import islice
from operator import lt

import msgspec

from covey.formats.xmltext import unescape
from covey.loops.bounds import LAST_LINE
from covey.loops.columns import narrow

_DIGITS = b"0123456789"
_KEPT = _DIGITS + b'="'
_DROPPED = bytes(sorted(set(range(256)) - set(_KEPT)))
# After an equals sign comes a number, in quotes. In a JSON list spaces may stand around numbers but not between their
# digits, so a digit that is outside quotes and a number like 007 make it no JSON, as long as no quotes are empty: two
# spaces, for between others is a number or an equals sign.
_TO_JSON = bytes.maketrans(b'="', b", ")
_DECODER = msgspec.json.Decoder(list[int])
SPACE = b" \t\r\n"
WHITE = rb"[ \t\r\n]*+"  # a pattern
TEXT = rb'((?:[^"<&\x00-\x1f]++|&(?:lt|gt|amp|quot|apos);)*+)'  # a pattern of an attribute's value, as a group
_NO_CHARACTER = re.compile(rb"\xef\xbf[\xbe\xbf]")  # what UTF-8 can write and XML cannot have


def numbers(run: bytes, row: bytes) -> list[array[int]] | None:
    """The attributes of all elements of a run, a column of array('q') for each; None when it is no such run.

    `row`: the element without its numbers, as b'<line nr="" mi=""/>'. The run may begin and end with white space.
    """
    run = run.strip(SPACE)
    bare = run.translate(None, _DIGITS)
    end = bare.find(b"<", len(row))
    gap = bare[len(row) : end] if end > 0 else b""
    if gap.strip(SPACE):
        return None
    unit = row + gap
    count, odd = divmod(len(bare) + len(gap), len(unit))
    if odd or bare + gap != unit * count:
        return None
    json = run.translate(_TO_JSON, _DROPPED)
    if b"  " in json:
        return None
    try:
        found = _DECODER.decode(b"[0" + json + b"]")
        packed = array("q", struct.pack(f"{len(found)}q", *found))
    except (msgspec.DecodeError, struct.error):  # struct.error: a number beyond 64 bits
        return None
    width = row.count(b"=")
    return [packed[1 + at :: width] for at in range(width)]


def line_numbers(column: array[int]) -> array[int] | None:
    """Line numbers as array('i'); None where they are none, do not ascend, or one is there twice."""
    lines = column.tolist()
    if lines and not (lines[0] > 0 and lines[-1] <= LAST_LINE and all(map(lt, lines, islice(lines, 1, None)))):
        return None
    return narrow(column)


def texts_are_xml(content: bytes) -> bool:
    """Whether this is UTF-8 of characters that XML may have, once control characters are known not to be there."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return _NO_CHARACTER.search(content) is None


def unescaped(text: bytes) -> str:
    """The value of an attribute that matched TEXT."""
    decoded = text.decode()
    return unescape(decoded) if "&" in decoded else decoded
