"""Laws of the XML formats: what goes past expat reads as expat reads it, and what is written comes back."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from encoding import encode
from hypothesis import example, given
from hypothesis import strategies as st
from laws.reports import reports

from covey import plugins
from covey.errors import FormatError
from covey.formats import coberturadocument, jacocodocument, xmlreading
from covey.formats.base import Input
from covey.formats.sources import NoSources
from covey.model.counted import Arm, Branches, Functions
from covey.model.report import Report

GOLDEN = Path(__file__).parent.parent / "golden"
DOCUMENTS = {"cobertura": coberturadocument.Document, "jacoco": jacocodocument.Document}
FILES = {room: [path.read_bytes() for path in sorted((GOLDEN / room).glob("*/report.xml"))] for room in DOCUMENTS}
PIECES = {
    "cobertura": [
        b'<line number="3" hits="1"/>', b'<line number="900" hits="0" branch="false"/>', b"<lines>", b"</lines>",
        b'<line number="901" hits="7" branch="true" condition-coverage="50% (1/2)" missing-branches="exit"/>',
        b'<line hits="1" number="4"/>', b'<line number="0" hits="1"/>', b'<line number="5" hits="1" hits="2"/>',
        b'<methods><method name="&lt;a&gt;" signature=""><lines><line number="7" hits="2"/></lines></method></methods>',
        b'<line number="903" hits="7" branch="True" condition-coverage="50% (1/2)" />',
        b'<line number="904" hits="1" />',
        b'<line number="905" hits="0"></line>', b'<line number="906" hits="0" branch="False" />', b'" />', b"></line>",
        b'<methods><method name="f" signature="(I)V"><lines><line number="7" hits="2"/></lines></method></methods>',
        b'<method name="g" signature=""><lines><line number="9" hits="0" branch="false"/></lines></method>',
        b'<class filename="more.c" name="x"><lines><line number="1" hits="1"/></lines></class>', b' branch="true"',
    ],
    "jacoco": [
        b'<line nr="900" mi="1" ci="0" mb="0" cb="0"/>', b'<line nr="3" mi="0" ci="3" mb="1" cb="1"/>',
        b'<line ci="1" nr="2"/>',
        b'<counter type="LINE" missed="0" covered="1"/>', b'<counter type="METHOD" missed="0" covered="1"/>',
        b'<method name="&lt;init&gt;" desc="()V"><counter type="METHOD" missed="0" covered="7"/></method>',
        b'<sourcefile name="More.java"><line nr="1" mi="0" ci="3" mb="1" cb="1"/></sourcefile>',
        b'<class name="p/More" sourcefilename="More.java"></class>', b'<class name="p/Less"/>',
        b'</sourcefile><sourcefile name="a>b">',
    ],
}  # fmt: skip
ANYWHERE = [
    b"<!-- x -->", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?a b?>", b"&amp;", b"&#49;", b"&x;", b"\r\n", b" ",
    b"7", b"-1", b"00", b"'", b'"', b"<", b">", b"/", b"\x00", b"\xc3\xbc", b"\xff", b"\xef\xbf\xbe", b"x",
    b"99999999999999999999", b".5", b",", b"=\"\"",
]  # fmt: skip


SPELLINGS = [
    lambda data: data.replace(b'"/>', b'" />').replace(b' branch="true"', b' branch="True"'),
    lambda data: re.sub(rb"(<line [^<>]*)/>", rb"\1></line>", data),
    lambda data: data.replace(b"\n", b"\r\n"),
]


@st.composite
def documents(draw):
    """A file of a real tool, rows or bits of it put in, taken out or doubled, and in what pieces it comes."""
    room = draw(st.sampled_from(sorted(DOCUMENTS)))
    data = draw(st.sampled_from(FILES[room]))
    if draw(st.booleans()):
        data = data.replace(b"\n", b"")
    if draw(st.booleans()):
        data = draw(st.sampled_from(SPELLINGS))(data)
    for _ in range(draw(st.integers(0, 4))):
        rows = [at for at in range(len(data)) if data[at : at + 1] == b"<"] or [0]
        at = draw(st.sampled_from(rows)) if draw(st.booleans()) else draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["put", "put", "row", "cut", "twice"]))
        end = at + draw(st.integers(1, 60))
        new = {
            "put": draw(st.sampled_from(ANYWHERE)), "row": draw(st.sampled_from(PIECES[room])), "cut": b"",
            "twice": data[at:end] * 2,
        }[kind]  # fmt: skip
        data = data[:at] + new + data[at if kind in ("put", "row") else end :]
    return room, data, draw(st.sampled_from([7, 64, 1000, 1 << 18]))


class Drip(io.BytesIO):
    """Gives at most `most` bytes a read."""

    most = 1

    def read(self, size=-1):
        return super().read(min(size, self.most) if size >= 0 else size)


def told(room, data, most, *, past_expat):
    """What a document says, or how it is refused."""

    def drip():
        stream = Drip(data)
        stream.most = most
        return stream

    document = DOCUMENTS[room]()
    elements = document.elements if past_expat else replace(document.elements, regions=())
    try:
        xmlreading.read(Input("x", drip), elements, room)
    except FormatError as error:
        return str(error)
    found = document.classes if room == "cobertura" else document.files
    rest = (document.roots, list(document.shared)) if room == "cobertura" else (document.nowhere,)
    return {name: one.file("a") for name, one in found.items()}, document.when, rest


ROWS = b'<coverage><class filename="a"><lines>%b</lines></class></coverage>'


@given(documents())
@example(("cobertura", ROWS % b'<line number="1" hits="1"/>7\n<line number="2" hits="1"/>', 9))
@example(("cobertura", ROWS % b'<line number="1" hits="2,3"/><line number="7"/>', 9))
@example(("cobertura", ROWS % b'<line number="1" hits="1 branch="true" condition-coverage="50% (1/2)"/>', 9))
@example(
    ("cobertura", ROWS % b'<line number="1" hits="1" branch="true" condition-coverage="50% (1/2)" branch="true"/>', 9)
)
@example(("cobertura", ROWS % b'<line number="1" hits="1"/><!-- </lines><lines> --><line number="2" hits="1"/>', 9))
@example(("cobertura", ROWS % b'<line number="007" hits="1"/>', 9))
@example(("cobertura", ROWS % b'<line number="1" hits="99999999999999999999999"/>', 9))
@example(
    ("cobertura", ROWS % b'<line number="2" hits="1"/>\n<line number="1" hits="4"/>\n<line number="2" hits="3"/>', 9)
)
@example(("cobertura", b"<!-- <lines> " + b"<lines>" * 9 + b" -->" + ROWS % b'<line number="2" hits="1"/>', 1 << 18))
def test_what_goes_past_expat_is_as_expat_reads_it(case):
    room, data, most = case
    assert told(room, data, most, past_expat=True) == told(room, data, 1 << 18, past_expat=False)


ARMS = b' branch="true" condition-coverage="50% (1/2)"'
TAGS = {
    "lines": ("cobertura", ROWS),
    "methods": ("cobertura", b'<coverage><class filename="a"><methods>%b</methods></class></coverage>'),
    "class": ("jacoco", b'<report><class name="A" sourcefilename="A.java">%b</class></report>'),
    "sourcefile": ("jacoco", b'<report><sourcefile name="A.java">%b</sourcefile></report>'),
}


@pytest.mark.parametrize(
    ("tag", "rows"),
    [
        ("lines", b'<line number="" hits5="3"/>'),
        ("lines", b'<line number=""5 hits="3"/>'),
        ("lines", b'<line number="" 5hits="3"/>'),
        ("lines", b'<line number=5"" hits="3"/>'),
        ("lines", b'<line number="5" hits=""/>7'),
        ("lines", b'<line number="5" hits=7""/>'),
        ("lines", b'<line number="5" hits=""/>\n<line7 number="8" hits="1"/>'),
        ("lines", b'<line number="5" hits=""%b/>' % ARMS),
        ("lines", b'<line number="1"%b hits="1"/>' % ARMS),
        ("lines", b'<line number="1"%b hits="1"%b/>' % (ARMS, ARMS)),
        ("lines", b'<line number="1" hits="1"%b%b/>' % (ARMS, ARMS)),
        ("lines", b'<line number="1" hits="1" branch="false"%b/>' % ARMS),
        ("lines", b'<line number="1" hits="1" branch="False"%b />' % ARMS),
        ("lines", b'<line number="1" hits="1"%b branch="false"/>' % ARMS),
        ("lines", b'<line number="1" hits="1"%b missing-branches="1" branch="false"/>' % ARMS),
        ("lines", b'<line number="1" hits="1"%b missing-branches="></line>"/>' % ARMS),
        ("lines", b'<line number="1" hits="1"%b missing-branches=" /></line>"></line>' % ARMS),
        ("lines", b'<line number="1" hits="1"%b missing-branches="a>b"/>' % ARMS),
        ("methods", b'<method name="f" signature=""><lines><line number="" hits5="3"/></lines></method>'),
        ("sourcefile", b'<line nr="" mi5="0" ci="3" mb="0" cb="0"/>'),
        ("sourcefile", b'<line nr="1" mi="0" ci="3" mb="0" cb=""/>7'),
        ("class", b'\n<method name="f" desc=""> <counter type="METHOD" missed="0" covered="1"/></method>\n' * 2),
    ],
)  # fmt: skip
def test_what_only_looks_like_rows_is_as_expat_reads_it(tag, rows):
    room, text = TAGS[tag]
    assert told(room, text % rows, 9, past_expat=True) == told(room, text % rows, 9, past_expat=False)


@pytest.mark.parametrize("encoding", [b"us-ascii", b"US-ASCII", b"UTF-8", b"utf-8"])
@pytest.mark.parametrize(
    ("tag", "rows"),
    [
        ("methods", b'<method name="\xc3\xbc" signature=""><lines><line number="1" hits="1"/></lines></method>'),
        ("class", b'<method name="\xc3\xbc" desc="" line="2"><counter type="METHOD" missed="0" covered="1"/></method>'),
    ],
)
def test_what_an_encoding_has_not_is_as_expat_reads_it(encoding, tag, rows):
    room, text = TAGS[tag]
    data = b'<?xml version="1.0" encoding="%b"?>' % encoding + text % rows
    assert told(room, data, 1 << 18, past_expat=True) == told(room, data, 1 << 18, past_expat=False)


@pytest.mark.parametrize("declared", [b"", b'<?xml version="1.0"?>', b'<?xml version="1.0" encoding="UTF-8"?>'])
@pytest.mark.parametrize("end", [b"/>", b" />", b"></line>", b"><conditions></conditions></line>"])
def test_the_rows_of_tools_go_past_expat(declared, end):
    rows = b'<line number="1" hits="1" branch="false"/>\n<line number="2" hits="1"%b%b' % (ARMS, end)
    document, seen = DOCUMENTS["cobertura"](), []
    elements = replace(document.elements, starts={**document.elements.starts, "line": seen.append})
    xmlreading.read(Input.of_bytes("x", declared + ROWS % rows), elements, "cobertura")
    assert seen == []
    assert document.classes["a"].file("a").branches.by_line().keys() == {2}


def there_and_back(name, report):
    return plugins.load("formats", name).read([Input.of_bytes("x", encode(report, name))], NoSources())


def on_lines(arms, lines):
    return Branches.of(arm for arm in arms if arm.line in lines)


def unnamed(arms):
    """The arms that a format can tell of which only knows how many ran."""
    return Branches.of(
        Arm(line, f"?{number}", int(number < sum(one.hits > 0 for one in row)))
        for line, row in arms.by_line().items()
        for number in range(len(row))
    )


def open_ended(functions):
    return Functions.of(one._replace(last=None) for one in functions)


def held_by_cobertura(file):
    functions = open_ended(file.functions) if file.lines else Functions()
    arms = unnamed(on_lines(file.branches, file.lines))
    return replace(file, branches=arms, functions=functions, blocks=None, lines=file.lines, mode="count")


def held_by_clover(file):
    arms = []
    for row in on_lines(file.branches, file.lines).by_line().values():
        if len(row) % 2 or any(arm.key.startswith("?") for arm in row):
            arms += unnamed(Branches.of(row))
        else:
            arms += [arm._replace(key=str(number)) for number, arm in enumerate(row)]
    return replace(file, branches=Branches.of(arms), functions=open_ended(file.functions), blocks=None)


def held_by_jacoco(file):
    return replace(file, branches=unnamed(file.branches), functions=open_ended(file.functions), blocks=None)


def held_by_sonar(file):
    arms = unnamed(on_lines(file.branches, file.lines))
    return replace(file, branches=arms, functions=Functions(), blocks=None)


def returns(name, held, report):
    files = {key: held(replace(file, lines=file.lines, blocks=None)) for key, file in report.files.items()}
    assert there_and_back(name, Report(report.files)).files == files


@given(reports(modes=("count",)))
def test_cobertura_gives_back_what_it_holds(report):
    returns("cobertura", held_by_cobertura, without_blocks(report))


@given(reports(modes=("count",)))
def test_clover_gives_back_what_it_holds(report):
    returns("clover", held_by_clover, without_blocks(report))


@given(reports(modes=("set",)))
def test_jacoco_gives_back_what_it_holds(report):
    returns("jacoco", held_by_jacoco, without_blocks(report))


@given(reports(modes=("set",)))
def test_sonar_gives_back_what_it_holds(report):
    returns("sonar", held_by_sonar, without_blocks(report))


def without_blocks(report):
    """None of these formats has blocks; the lines that follow from them stay."""
    return Report.of(replace(file, lines=file.lines, blocks=None) for file in report.files.values())
