"""Cobertura's classes that share a file."""

from __future__ import annotations

import pytest

from covey.formats.base import Input
from covey.formats.cobertura import FORMAT
from covey.formats.sources import NoSources

ROWS = {
    "columns": '<line number="{}" hits="{}"/>',
    "as coverlet spells it": '<line number="{}" hits="{}" branch="False" />',
    "by expat": '<line hits="{1}" number="{0}"/>',
}


def of_class(row, hits, lines):
    rows = "".join(row.format(line, hits) for line in lines)
    method = f'<method name="F" signature="()"><lines>{rows}</lines></method>'
    return f'<class name="Util" filename="a/Util.cs"><methods>{method}</methods><lines>{rows}</lines></class>'


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("lines", [(3,), (3, 4)], ids=["a line", "two lines"])
@pytest.mark.parametrize("hits", [(5, 0), (0, 5)])
def test_a_method_of_two_classes_ran_as_often_as_in_either(row, lines, hits):
    """As coverlet has a source that two assemblies are compiled of."""
    classes = "".join(of_class(ROWS[row], count, lines) for count in hits)
    text = f'<coverage line-rate="1"><packages><package><classes>{classes}</classes></package></packages></coverage>'
    (file,) = FORMAT.read([Input.of_bytes("x", text.encode())], NoSources()).files.values()
    assert dict(file.lines) == dict.fromkeys(lines, 5)
    last = lines[-1] if len(lines) > 1 else None
    assert list(file.functions) == [("F()", 3, last, 5)]


def test_a_method_of_two_classes_ends_where_either_ends():
    classes = of_class(ROWS["columns"], 1, (3, 4, 9)) + of_class(ROWS["columns"], 2, (3, 4))
    text = f'<coverage line-rate="1"><packages><package><classes>{classes}</classes></package></packages></coverage>'
    (file,) = FORMAT.read([Input.of_bytes("x", text.encode())], NoSources()).files.values()
    assert list(file.functions) == [("F()", 3, 9, 2)]


def of_roots(*roots):
    sources = "".join(f"<source>{root}</source>" for root in roots)
    lines = '<lines><line number="1" hits="1"/><line number="2" hits="0"/></lines>'
    package = f'<package><classes><class name="mod.py" filename="mod.py">{lines}</class></classes></package>'
    return f'<coverage lines-valid="5"><sources>{sources}</sources><packages>{package}</packages></coverage>'


def test_lines_that_are_counted_and_not_there_are_told():
    """coverage.py calls files of two <source> the same, and of the two writes one; its counts are of both."""
    one, two = (
        FORMAT.read([Input.of_bytes("x.xml", of_roots(*roots).encode())], NoSources())
        for roots in (("/r/one",), ("/r/one", "/r/two"))
    )
    assert one.notes == ()
    (note,) = two.notes
    assert note.startswith("x.xml: 3 of the 5 lines it counts are not in it")
