"""JSON text without the json module, which costs the helper a tenth of its memory; only what replies are made of."""

from __future__ import annotations

try:
    from _json import encode_basestring_ascii as _quote
except ImportError:  # an interpreter built without its accelerator
    from json.encoder import py_encode_basestring_ascii as _quote


def quote(text: str) -> str:
    """A string of JSON, ASCII only. Bytes of a name that were no UTF-8 (surrogates here) are written as `\\xNN` text:
    a lone surrogate is refused by strict readers."""
    if text.isascii():
        return _quote(text)
    return _quote(text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def dump(value) -> str:
    """JSON text of None, bools, numbers, strings, and lists and dicts of such."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{{{}}}".format(", ".join(f"{quote(key)}: {dump(item)}" for key, item in value.items()))
    return "[{}]".format(", ".join(dump(item) for item in value))
