"""Which XML a file is, told by its beginning: the root element, its attributes and its first child."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_NAME = rb"[A-Za-z_][A-Za-z0-9._:-]*+"
_MISC = rb"(?>\s*+(?:<\?.*?\?>|<!--.*?-->))*+\s*+"
_PROLOG = re.compile(_MISC + rb"(?:<!DOCTYPE\s([^>\[]*+)>)?" + _MISC + rb"<(" + _NAME + rb")", re.DOTALL)
_ATTRIBUTE = re.compile(rb"\s++(" + _NAME + rb")\s*+=\s*+(?:\"([^\"<]*+)\"|'([^'<]*+)')")
_CHILD = re.compile(rb"\s*+>" + _MISC + rb"<(" + _NAME + rb")", re.DOTALL)


class Root(NamedTuple):
    """doctype: what the document type declaration says, "" without one. child: "" where none can be seen."""

    tag: str
    attributes: dict[str, str]
    doctype: str
    child: str


@lru_cache(maxsize=4)  # each XML format asks for the same file
def root_of(head: bytes) -> Root | None:
    """Of the first bytes of a file; None when they do not begin an XML document."""
    found = _PROLOG.match(head)
    if found is None:
        return None
    at, attributes = found.end(), {}
    while one := _ATTRIBUTE.match(head, at):
        attributes[_text(one[1])] = _text(one[2] or one[3] or b"")
        at = one.end()
    child = _CHILD.match(head, at)
    return Root(_text(found[2]), attributes, _text(found[1] or b""), _text(child[1]) if child else "")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
