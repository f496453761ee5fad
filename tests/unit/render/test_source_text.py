"""Source bytes as lines: encodings, line ends, what hides or turns text, endless lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from covey.render.source_text import LINE_LIMIT, SOURCE_LIMIT, readable


def read(source):
    notes = []
    return readable(source, notes), notes


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (b"", ""),
        (b"x\n", "x"),
        (b"x\n\n", "x\n"),
        (b"x\r\ny\rz", "x\ny\nz"),
        ("\ufeffé = 1".encode(), "é = 1"),
        (b"# coding: latin-1\n\xe9", "# coding: latin-1\né"),
        (b"#!/bin/x\n# vim: set fileencoding=cp1252 :\n\x80\xe9", "#!/bin/x\n# vim: set fileencoding=cp1252 :\n€é"),
        (b"# coding: no-such\n\xe9", "# coding: no-such\né"),
        (b"# coding: zlib\n\xe9", "# coding: zlib\né"),
        (b"\xff\xfex\0\n\0y\0", "x\ny"),
        (b"a\x00b\x0cc\x1b", "a␀b␌c␛"),
        ("a\u202eb\u2066c".encode(), "a⟨U+202E⟩b⟨U+2066⟩c"),
        ("one\u2028line".encode(), "one⟨U+2028⟩line"),
        (b"tab\there", "tab\there"),
    ],
)
def test_read_as(source, text):
    assert read(source) == (text, [])


def test_what_is_not_there_or_too_much_is_said():
    assert read(None) == (None, ["The source of this file was not found: only its line numbers are shown."])
    text, notes = read(b"x" * (SOURCE_LIMIT + 1))
    assert text is None
    assert "larger than 8 MB" in notes[0]


def test_endless_lines_are_cut():
    text, notes = read(b"x" * 9999 + b"\nshort\n")
    assert text == "x" * LINE_LIMIT + " …\nshort"
    assert notes == ["Lines longer than 4,000 characters are cut."]


@given(some.binary(max_size=200))
def test_any_bytes_give_text_that_shows_itself(source):
    text, _ = read(source)
    assert not set(text) & {chr(n) for n in range(32) if n not in (9, 10)}
    text.encode("utf-8", "surrogatepass")
