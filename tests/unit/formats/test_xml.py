"""The XML formats: what somebody could put into a file to hurt, and what tools are known to write."""

from __future__ import annotations

import pytest
from encoding import encode

from covey import plugins
from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.sources import CheckoutSources, NoSources
from covey.formats.xmlreading import MOST_TOKEN
from covey.formats.xmlroot import root_of
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.paths import Alias
from covey.model.report import FileCoverage, Report

ROOTS = {
    "cobertura": '<coverage line-rate="1"><sources><source>{}</source></sources></coverage>',
    "clover": '<coverage clover="1"><project><file name="a.c"><line num="1" count="{}"/></file></project></coverage>',
    "jacoco": '<report name="x"><package name="p"><sourcefile name="{}"/></package></report>',
    "sonar": '<coverage version="1"><file path="{}"/></coverage>',
}
every = pytest.mark.parametrize("room", sorted(ROOTS))


def read(room, data, sources=None):
    data = data.encode() if isinstance(data, str) else data
    return plugins.load("formats", room).read([Input.of_bytes("x", data)], sources or NoSources())


@every
@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE r [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE r [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r [<!ENTITY % x SYSTEM "http://127.0.0.1:9/"> %x;]>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd" [<!ATTLIST line ci CDATA "9">]>',
        "<!DOCTYPE r []>",
        "",
    ],
)
def test_entities_and_definitions_are_refused(room, prolog):
    with pytest.raises(FormatError) as refused:
        read(room, prolog + ROOTS[room].format("&b;"))
    assert refused.value.line == 1


@every
def test_entities_of_a_document_type_that_nobody_reads_are_refused(room):
    with pytest.raises(FormatError):
        read(room, '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">' + ROOTS[room].replace("></", ">&b;</", 1).format(1))


@every
@pytest.mark.parametrize(
    "hurt",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "<a>" * 100 + text + "</a>" * 100,
        lambda text: text.replace(">", ">" + "<a>" * 100, 1),
        lambda text: '<?xml version="1.0" encoding="nonsense"?>' + text,
        lambda text: f"<!-- {'x' * (MOST_TOKEN + 2**20)} -->" + text,
        lambda text: text + text,
        lambda text: "\0" + text,
        lambda text: "",
        lambda text: text.replace("{}", "\ud800").encode("utf-8", "surrogatepass"),
    ],
)
def test_xml_that_hurts_is_refused(room, hurt):
    with pytest.raises(FormatError) as refused:
        read(room, hurt(ROOTS[room]))
    assert refused.value.line


@every
@pytest.mark.parametrize("encoding", ["idna", "nonsense", "base64", "undefined", "punycode", "utf-32"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_encoding_that_cannot_be_read_is_named_with_a_cure(room, encoding, mark):
    with pytest.raises(FormatError) as refused:
        read(room, f'{mark}<?xml version="1.0" encoding="{encoding}"?>\n{ROOTS[room]}')
    assert refused.value.what.endswith(f":1: declared in an encoding that covey does not read: {encoding}")
    assert refused.value.hint == "write it as UTF-8"


@every
@pytest.mark.parametrize("encoding", ["UTF-8", "cp1252"])
@pytest.mark.parametrize("then", [f"<!-- {'x' * (MOST_TOKEN + 2**20)} -->", "<!DOCTYPE r [<!ENTITY a 'b'>]>", "<r/>"])
def test_what_else_hurts_is_not_taken_for_the_encoding(room, encoding, then):
    with pytest.raises(FormatError) as refused:
        read(room, f'<?xml version="1.0" encoding="{encoding}"?>{then}{ROOTS[room]}')
    assert "encoding" not in refused.value.what


@pytest.mark.parametrize("end_of_line", ["\n", "\r\n", "\r"])
@every
def test_the_line_is_told_also_after_what_expat_never_saw(room, end_of_line):
    rows = {
        "cobertura": ('<class filename="a">\n<lines>\n', '<line number="{}" hits="1"/>\n', "</lines></class>"),
        "clover": ('<file name="a">\n\n', '<line num="{}" count="1"/>\n', "</file>"),
        "jacoco": ('<sourcefile name="a">\n\n', '<line nr="{}" mi="1" ci="1" mb="0" cb="0"/>\n', "</sourcefile>"),
        "sonar": ('<file path="a">\n\n', '<lineToCover lineNumber="{}" covered="true"/>\n', "</file>"),
    }
    begin, row, end = rows[room]
    root = "report" if room == "jacoco" else "coverage"
    text = f"<{root}>" + begin + "".join(row.format(number) for number in range(1, 100)) + end
    assert len(next(iter(read(room, f"{text}</{root}>").files.values())).lines) == 99
    with pytest.raises(FormatError) as refused:
        read(room, (text + f"\n<oops></{root}>").replace("\n", end_of_line))
    assert refused.value.line == 103


@pytest.mark.parametrize(
    ("room", "text"),
    [
        ("cobertura", '<class filename="a"><lines>{}<line number="1" hits="1"/>{}</lines></class>'),
        ("cobertura", '<class filename="a"><methods>{}</methods><lines><line number="1" hits="1"/></lines></class>'),
        ("jacoco", '<class name="A" sourcefilename="a">{}</class>'),
        ("jacoco", '<class name="A" sourcefilename="a"><method name="f" desc="">{}</method>{}</class>'),
        ("jacoco", '<sourcefile name="a">{}<line nr="1" mi="0" ci="1" mb="0" cb="0"/>{}</sourcefile>'),
    ],
)
def test_much_white_space_takes_no_longer_than_other_text(room, text):
    """Were each place of it tried, this would take an hour."""
    root = "report" if room == "jacoco" else "coverage"
    report = read(room, f"<{root}>{text.format(*[' ' * 2_000_000] * 2)}</{root}>")
    assert len(report.files) == 1


@every
@pytest.mark.parametrize("line", ["-1", "0x1", "20000000", "9" * 5000, "", "1.5", "1e3"])
def test_numbers_that_are_no_lines_are_refused(room, line):
    text = {
        "cobertura": f'<coverage><class filename="a"><line number="{line}" hits="1"/></class></coverage>',
        "clover": f'<coverage><file name="a"><line num="{line}" count="1"/></file></coverage>',
        "jacoco": f'<report><sourcefile name="a"><line nr="{line}" mi="0" ci="1"/></sourcefile></report>',
        "sonar": f'<coverage><file path="a"><lineToCover lineNumber="{line}" covered="true"/></file></coverage>',
    }
    with pytest.raises(FormatError):
        read(room, text[room])


@pytest.mark.parametrize(
    ("room", "row"),
    [
        ("cobertura", '<class filename="a"><lines><line number="1" condition-coverage="0% (0/9999)"/></lines></class>'),
        ("cobertura", '<class filename="a"><lines><line number="1" condition-coverage="9% (3/2)"/></lines></class>'),
        ("cobertura", '<class name="no file"/>'),
        ("clover", '<file name="a"><line num="1" type="cond" count="1" truecount="9999" falsecount="1"/></file>'),
        ("clover", '<file name="a"><line num="1" type="stmt" count="many"/></file>'),
        ("clover", "<file/>"),
        ("jacoco", '<sourcefile name="a"><line nr="1" mi="0" ci="1" mb="9999" cb="0"/></sourcefile>'),
        ("jacoco", '<sourcefile name="a"><line nr="1" mi="-1" ci="1" mb="0" cb="0"/></sourcefile>'),
        ("jacoco", '<sourcefile name="a"><line nr="1" mi="99999999999" ci="1" mb="0" cb="0"/></sourcefile>'),
        ("jacoco", '<sourcefile name="a"><line nr="1"/></sourcefile>'),
        ("jacoco", "<sourcefile/>"),
        ("sonar", '<file path="a"><lineToCover lineNumber="1" covered="yes"/></file>'),
        ("sonar", '<file path="a"><lineToCover lineNumber="1" covered="true" coveredBranches="2"/></file>'),
        ("sonar", "<file/>"),
    ],
)  # fmt: skip
def test_counts_that_cannot_be_are_refused(room, row):
    root = "report" if room == "jacoco" else "coverage"
    with pytest.raises(FormatError):
        read(room, f"<{root}>{row}</{root}>")


def test_a_row_in_a_comment_or_cdata_counts_for_nothing():
    row = '<lines>\n<line number="7" hits="1"/>\n</lines>'
    real = '<lines><line number="1" hits="2"/></lines>'
    text = f'<coverage><class filename="a"><!-- {row} --><![CDATA[{row}]]>{real}</class></coverage>'
    assert dict(read("cobertura", text).files[None, "a"].lines) == {1: 2}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends(encoding, end):
    declared = "" if "utf" in encoding else f' encoding="{encoding}"'
    rows = '<class filename="ü.c">\n<lines>\n<line number="3" hits="1"/>\n</lines></class>'
    text = f'<?xml version="1.0"{declared}?>\n<coverage>\n{rows}</coverage>'
    report = read("cobertura", text.replace("\n", end).encode(encoding))
    assert dict(report.files[None, "ü.c"].lines) == {3: 1}


def test_which_xml_it_is_is_told_by_its_beginning():
    root = root_of(
        b'\n<?xml version="1.0"?><!-- <report> --><!DOCTYPE r SYSTEM "x">\n<r a = \'1\' b="2">\n<!-- --><c/>'
    )
    assert root == ("r", {"a": "1", "b": "2"}, 'r SYSTEM "x"', "c")
    assert root_of(b"<!-- " * 900) is None
    assert root_of(b"<?a?>" * 800 + b"!") is None
    assert root_of(b"{}") is None


def test_cobertura_of_two_sources_that_share_names_says_so():
    classes = '<class name="a.py" filename="a.py"><lines><line number="{}" hits="1"/></lines></class>'
    roots = "<source>/x</source><source>/y</source>"
    text = f"<coverage>{roots}{classes.format(1)}{classes.format(2)}</coverage>"
    report = read("cobertura", text)
    assert dict(report.files[None, "a.py"].lines) == {1: 1, 2: 1}
    assert any("a.py" in note and "<source>" in note for note in report.notes)


JACOCO = '<report name="r">{}</report>'
RAN = '<counter type="METHOD" missed="0" covered="1"/>'
CLASS = '<class name="p/A{}"{}><method name="m" desc="()V" line="{}">' + RAN + "</method></class>"


def test_jacoco_before_it_told_the_source_file():
    classes = CLASS.format("", "", 1) + CLASS.format("$Inner", "", 2) + CLASS.format("lien", "", 3)
    source = '<sourcefile name="A.kt"><line nr="1" mi="0" ci="1" mb="0" cb="0"/></sourcefile>'
    report = read("jacoco", JACOCO.format(f'<package name="p">{classes}{source}</package>'))
    assert [one.name for one in report.files[None, "p/A.kt"].functions] == ["A.m()V", "A$Inner.m()V"]
    assert any("not counted: 1 class that does not tell its source file" in note for note in report.notes)


def test_jacoco_is_mapped_by_source_roots_and_groups(tmp_path):
    for name in ("one/src/main/java/p/A.java", "two/src/main/kotlin/p/A.java", "one/src/main/java/B.java"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    source = (
        '<package name="{}"><sourcefile name="{}"><line nr="1" mi="0" ci="1" mb="0" cb="0"/></sourcefile></package>'
    )
    a, b = source.format("p", "A.java"), source.format("", "B.java")
    groups = f'<group name="one">{a}{b}</group><group name="two">{a}</group>'
    report = read("jacoco", JACOCO.format(groups), CheckoutSources(tmp_path))
    assert {path for _, path in report.files} == {
        "one/src/main/java/p/A.java", "two/src/main/kotlin/p/A.java", "one/src/main/java/B.java",
    }  # fmt: skip
    assert not report.notes
    sources = CheckoutSources(tmp_path)
    alone = read("jacoco", JACOCO.format(a + b), sources)
    assert {path for _, path in alone.files} == {"p/A.java", "one/src/main/java/B.java"}
    assert dict(sources.located)["p/A.java"].why == "several roots have it"


def test_a_group_whose_file_is_gone_does_not_join_another_s(tmp_path):
    source = '<sourcefile name="A.java"><line nr="{}" mi="0" ci="1" mb="0" cb="0"/></sourcefile>'
    groups = "".join(
        f'<group name="{name}"><package name="one/p">{source.format(line)}</package></group>'
        for line, name in enumerate(("one", "two", "three"), 1)
    )
    (tmp_path / "two/src/main/java/one/p").mkdir(parents=True)
    (tmp_path / "two/src/main/java/one/p/A.java").touch()
    sources = CheckoutSources(tmp_path, [Alias("three", "two/src/main/java", "--map")])
    report = read("jacoco", JACOCO.format(groups), sources)
    assert {path: list(file.lines) for (_, path), file in report.files.items()} == {
        "one/one/p/A.java": [1], "two/src/main/java/one/p/A.java": [2, 3],
    }  # fmt: skip
    assert "several groups have such a file" in dict(sources.located)["one/one/p/A.java"].why


def test_kotlin_may_leave_out_the_folders_of_the_common_package(tmp_path):
    there = ("app/src/main/kotlin/shop/Till.kt", "app/src/main/kotlin/Main.kt", "a/src/main/kotlin/Twice.kt",
             "b/src/commonMain/kotlin/Twice.kt", "app/src/main/kotlin/pay/Card.kt")  # fmt: skip
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    source = (
        '<package name="{}"><sourcefile name="{}"><line nr="1" mi="0" ci="1" mb="0" cb="0"/></sourcefile></package>'
    )
    named = [("com/acme/shop", "Till.kt"), ("com/acme", "Main.kt"), ("com/acme", "Twice.kt"), ("com/acme", "Card.kt")]
    text = JACOCO.format("".join(source.format(*one) for one in named))
    sources = CheckoutSources(tmp_path)
    assert {path for _, path in read("jacoco", text, sources).files} == {
        *there[:2], "com/acme/Twice.kt", "com/acme/Card.kt",
    }  # fmt: skip
    found = dict(sources.located)["com/acme/Main.kt"]
    assert (found.rule, found.text) == ("package", b"")


def test_clovers_conditions_of_both_kinds():
    rows = (
        '<line num="1" type="stmt" count="3"/><line num="1" type="cond" truecount="2" falsecount="1"/>'
        '<line num="1" type="cond" truecount="0" falsecount="2"/><line num="2" type="cond" truecount="0" '
        'falsecount="4"/>'
        '<line num="5" type="cond" count="7" truecount="2" falsecount="1"/>'
    )
    tests = f'<testproject><file name="t.c">{rows}</file></testproject>'
    text = f'<coverage generated="1"><project><file name="a.c">{rows}</file></project>{tests}</coverage>'
    report = read("clover", text)
    assert list(report.files) == [(None, "a.c")]
    file = report.files[None, "a.c"]
    assert dict(file.lines) == {1: 3, 2: 4, 5: 7}
    assert list(file.branches) == [
        (1, "0", 2), (1, "1", 1), (1, "2", 0), (1, "3", 2),
        (2, "0", 0), (2, "1", 4), (5, "?0", 1), (5, "?1", 1), (5, "?2", 0),
    ]  # fmt: skip


REPORT = Report.of(
    [
        FileCoverage(
            "src/a&b.c", Lines.of({1: 2, 3: 0, 4: 9}),
            Branches.of([Arm(3, "7", 0), Arm(3, "9", 4), Arm(4, "?0", 1), Arm(4, "?1", 0), Arm(6, "0", 1)]),
            Functions.of([Function('f<"\x01', 1, 9, 2), Function("p.Q.r(I)V", 3, None, 0)]),
        ),
        FileCoverage("src/without.c", functions=Functions.of([Function("g", 4, None, 1)])),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("room", "arms", "names"),
    [
        ("cobertura", [(3, "?0", 1), (3, "?1", 0), (4, "?0", 1), (4, "?1", 0)], ['f<"%01', "p.Q.r(I)V"]),
        ("clover", [(3, "0", 0), (3, "1", 4), (4, "?0", 1), (4, "?1", 0)], ['f<"%01', "p.Q.r(I)V"]),
        ("jacoco", [(3, "?0", 1), (3, "?1", 0), (4, "?0", 1), (4, "?1", 0), (6, "?0", 1)], ['f<"%01', "p.Q.r(I)V"]),
        ("sonar", [(3, "?0", 1), (3, "?1", 0), (4, "?0", 1), (4, "?1", 0)], []),
    ],
)
def test_what_is_written_keeps_what_the_page_says(room, arms, names):
    back = read(room, encode(REPORT, room))
    file = back.files[None, "src/a&b.c"]
    assert list(file.branches) == arms
    assert [one.name for one in file.functions] == names
    assert not back.files[None, "src/without.c"].lines
