"""What somebody could put into a file to hurt who reads it."""

from __future__ import annotations

import json
import sqlite3
import zlib

import pytest
from coverage import CoverageData
from encoding import encode

from covey import plugins
from covey.errors import FormatError
from covey.flows.show import show
from covey.formats import coveragedata, coveragedump
from covey.formats.base import Input
from covey.formats.cobertura import FORMAT as COBERTURA
from covey.formats.coveragepy import FORMAT as COVERAGEPY
from covey.formats.lcov import FORMAT as LCOV
from covey.formats.native import FORMAT as NATIVE
from covey.formats.segments import FORMAT as SEGMENTS
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.ratio import Ratio
from covey.render.base import Options


def read(fmt, data, sources=None):
    return fmt.read([Input.of_bytes("x", data)], sources or NoSources())


ENDLESS = """
CREATE VIEW line_bits AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
SELECT i AS file_id, 1 AS context_id, x'02' AS numbits FROM n
"""


def database(tmp_path, *statements, lines=None):
    data = CoverageData(str(tmp_path / "data"))
    data.add_lines(lines or {"/a.py": [1, 2]})
    data.write()
    data.close(force=True)
    connection = sqlite3.connect(tmp_path / "data")
    connection.create_function("attack", 0, lambda: 1, deterministic=True)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return (tmp_path / "data").read_bytes()


def test_a_database_in_write_ahead_mode_is_read(tmp_path):
    report = read(COVERAGEPY, database(tmp_path, "PRAGMA journal_mode=WAL"))
    assert list(report.files[None, "a.py"].lines) == [1, 2]


def test_a_log_that_is_not_yet_written_back_is_no_silent_loss(tmp_path):
    """What SQLite has in the -wal file beside a database it finds only where it may write there."""
    database(tmp_path, "PRAGMA journal_mode=WAL")
    connection = sqlite3.connect(tmp_path / "data")
    connection.execute("UPDATE line_bits SET numbits = x'1e'")
    connection.commit()
    with pytest.raises(FormatError, match=r"still in .*data-wal") as raised:
        COVERAGEPY.read([Input.of_path(tmp_path / "data")], NoSources())
    assert "journal_mode=DELETE" in str(raised.value.hint)
    connection.close()  # writes it back
    report = COVERAGEPY.read([Input.of_path(tmp_path / "data")], NoSources())
    assert list(report.files[None, "a.py"].lines) == [1, 2, 3, 4]


def test_a_view_in_place_of_a_table_is_named(tmp_path):
    """Left out, all that ran would have been lost without a word."""
    statements = ["ALTER TABLE line_bits RENAME TO other", "CREATE VIEW line_bits AS SELECT * FROM other"]
    with pytest.raises(FormatError, match="line_bits is no plain table"):
        read(COVERAGEPY, database(tmp_path, *statements))


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE file", "CREATE VIEW file AS SELECT 1 AS id, '/etc/passwd' AS path"],
        ["DROP TABLE line_bits", ENDLESS],
        ["DROP TABLE file", "CREATE TABLE file (id integer, path text AS (attack()))"],
        ["UPDATE coverage_schema SET version = 8"],
        ["DELETE FROM coverage_schema"],
        ["DROP TABLE coverage_schema"],
        ["UPDATE line_bits SET file_id = 77"],
        ["UPDATE line_bits SET numbits = 'text'"],
        ["UPDATE line_bits SET numbits = zeroblob(2000000)"],
        ["UPDATE file SET path = x'ff'"],
        ["UPDATE file SET path = CAST(x'ff' AS text)"],
        ["INSERT INTO arc VALUES (1, 1, 'a', 2)"],
        ["INSERT INTO arc VALUES (1, 1, 99999999999, 2)"],
    ],
)  # fmt: skip
def test_a_database_of_another_make_is_refused_or_holds_nothing(statements, tmp_path):
    data = database(tmp_path, *statements)
    try:
        report = read(COVERAGEPY, data)
    except FormatError:
        return
    assert not any(file.lines for file in report.files.values())


def test_a_query_that_does_not_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(coveragedata, "_STEPS", 10_000)
    lines = {f"/{number}.py": range(1, 50) for number in range(3000)}
    with pytest.raises(FormatError, match="interrupted"):
        read(COVERAGEPY, database(tmp_path, lines=lines))


def test_a_dump_is_never_run_and_never_unpacked_without_end(tmp_path, monkeypatch):
    script = "BEGIN TRANSACTION;\nATTACH '" + str(tmp_path / "made") + "' AS x;\nCREATE TABLE x.y (z);\n"
    with pytest.raises(FormatError, match="schema"):
        read(COVERAGEPY, b"z" + zlib.compress(script.encode()))
    assert not (tmp_path / "made").exists()
    monkeypatch.setattr(coveragedump, "_MOST_TEXT", 1000)
    with pytest.raises(FormatError, match="more than"):
        read(COVERAGEPY, b"z" + zlib.compress(b"BEGIN TRANSACTION;" + b" " * 5000))
    with pytest.raises(FormatError, match="cut off"):
        read(COVERAGEPY, b"z" + zlib.compress(b"BEGIN TRANSACTION;" + bytes(range(100)) * 9)[:-9])


NO_ROWS = ["1", "1,2,3", "1,'x", "1,(SELECT 2)", "1,X'0'", "1,1e5", "99999999999999999999,'x'"]


@pytest.mark.parametrize("values", NO_ROWS)
def test_an_insert_that_is_none_is_refused(values):
    script = f"BEGIN TRANSACTION;\nINSERT INTO file VALUES({values});\nCOMMIT;"
    with pytest.raises(FormatError):
        read(COVERAGEPY, b"z" + zlib.compress(script.encode()))


def test_quotes_without_end_cost_no_more_than_their_length():
    assert list(coveragedump.inserts("x", "'" * 200_001 + '"' * 200_001 + "-" * 200_000)) == []


def test_a_plugins_file_is_not_counted_but_named(tmp_path):
    data = CoverageData(str(tmp_path / "data"))
    data.add_lines({"/t.html": [1], "/a.py": [1]})
    data.add_file_tracers({"/t.html": "some_plugin"})
    data.write()
    data.close(force=True)
    report = read(COVERAGEPY, (tmp_path / "data").read_bytes())
    assert [path for _, path in report.files] == ["a.py"]
    assert any("some_plugin" in note and "t.html" in note for note in report.notes)


def test_branches_of_data_in_part_without_arcs_are_a_lower_bound(tmp_path):
    (tmp_path / "co").mkdir()
    (tmp_path / "co/a.py").write_text("import sys\nif sys:\n    x = 1\n")
    (tmp_path / "co/b.py").write_text("import sys\nif sys:\n    x = 1\n")
    inputs = []
    for name, add in (("lines", "add_lines"), ("arcs", "add_arcs")):
        data = CoverageData(str(tmp_path / name))
        ran = [1, 2, 3] if name == "lines" else [(-1, 1), (1, 2), (2, 3), (3, -1)]
        getattr(data, add)({"/srv/a.py": ran} | ({"/srv/b.py": ran} if name == "lines" else {}))
        data.write()
        data.close(force=True)
        inputs.append(Input.of_path(tmp_path / name))
    report = COVERAGEPY.read(inputs, CheckoutSources(tmp_path / "co"))
    assert report.files[None, "a.py"].inexact == {"branches"}
    assert report.files[None, "a.py"].branches.ratio.total == 2
    assert not report.files[None, "b.py"].branches


LAUGHS = '<!DOCTYPE coverage [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
CLASS = '<coverage line-rate="1"><class filename="a.c"><lines>{}</lines></class></coverage>'


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS + "<coverage><source>&b;</source></coverage>",
        '<!DOCTYPE coverage [<!ENTITY x SYSTEM "file:///etc/passwd">]><coverage><source>&x;</source></coverage>',
        '<!DOCTYPE coverage [<!ENTITY % x SYSTEM "http://127.0.0.1/"> %x;]><coverage/>',
        "<coverage>" + "<a>" * 10_000 + "</a>" * 10_000 + "</coverage>",
        '<report name="x"/>',
        "",
        "<coverage>",
        '<?xml version="1.0" encoding="nonsense"?><coverage/>',
        CLASS.format('<line number="1" hits="many"/>'),
        CLASS.format('<line number="20000000" hits="1"/>'),
        CLASS.format('<line number="1" hits="1" condition-coverage="0% (0/999999999)"/>'),
        CLASS.format('<line number="1" hits="1" condition-coverage="200% (2/1)"/>'),
        CLASS.format('<line number="1" hits="' + "9" * 5000 + '"/>'),
        '<coverage><class name="no file"/></coverage>',
    ],
)
def test_xml_that_hurts_is_refused(text):
    with pytest.raises(FormatError):
        read(COBERTURA, text.encode())


def test_a_document_type_without_definitions_is_read():
    text = '<!DOCTYPE coverage SYSTEM "http://127.0.0.1:9/x.dtd">' + CLASS.format('<line number="1" hits="1"/>')
    assert COBERTURA.sniff("x", text.encode())
    assert dict(read(COBERTURA, text.encode()).files[None, "a.c"].lines) == {1: 1}


def test_two_sources_that_both_have_a_file_leave_it_unmapped(tmp_path):
    for name in ("one/a.c", "two/a.c"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    roots = "<sources><source>/b/one</source><source>/b/two</source></sources>"
    text = CLASS.format('<line number="1" hits="1"/>').replace("<class", roots + "<class", 1)
    sources = CheckoutSources(tmp_path)
    assert [path for _, path in read(COBERTURA, text.encode(), sources).files] == ["a.c"]
    assert dict(sources.located)["a.c"].why == "several roots have it"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SF:a.c\nDA:1\nend_of_record\n", 2),
        ("SF:a.c\nDA:x,1\nend_of_record\n", 2),
        ("SF:a.c\nDA:20000000,1\nend_of_record\n", 2),
        ("SF:a.c\nDA:-1,1\nend_of_record\n", 2),
        ("DA:1,1\n", 1),
        ("SF:a.c\nSF:b.c\nend_of_record\n", 2),
        ("SF:a.c\nDA:1,1\n", 2),
        ("SF:a.c\n<html>\nend_of_record\n", 2),
        ("SF:a.c\nBRDA:1,0,1\nend_of_record\n", 2),
        ("SF:a.c\nFNA:0\nend_of_record\n", 2),
    ],
)
def test_a_tracefile_that_is_none_is_refused_with_its_line(text, line):
    with pytest.raises(FormatError) as refused:
        read(LCOV, text.encode())
    assert (refused.value.path, refused.value.line) == ("x", line)


def test_what_tracefiles_are_known_to_hold_is_read():
    text = (
        "\ufeff# a comment\r\n"
        "TN:t\r\nSF:./src/../a.c\r\nVER:1\r\nDA:0,5\r\nDA:1,-3\r\nDA:2,18446744073709551615,sum\r\n"
        "MCDC:1,2\r\n"
        "BRDA:2,0,0,-\r\nBRDA:2,e1,0,4\r\nend_of_record\r\n\r\nTN:u\nSF:a.c\nDA:1,2\nend_of_record"
    )
    report = read(LCOV, text.encode())
    file = report.files[None, "a.c"]
    assert dict(file.lines) == {1: 2, 2: 2**63 - 1}
    assert [(arm.line, arm.key, arm.hits) for arm in file.branches] == [(2, "0", 0), (2, "e1,0", 4)]
    assert report.notes == ("x: 1 negative count was taken as 0", "x: 1 MC/DC record was passed over")


@pytest.mark.parametrize("key", ["?" + "9" * 5000, "?²", "9" * 5000])
@pytest.mark.parametrize("mode", ["count", "set"])
def test_an_arms_key_may_be_any_text(key, mode, tmp_path):
    arms = json.dumps({key: 0, "?7" if key[0] == "?" else "7": 1})  # of one kind, so two arms
    file = f'{{"mode": "{mode}", "lines": {{"1": 1}}, "branches": {{"1": {arms}}}}}'
    report = read(NATIVE, f'{{"schema": "covey.report/1", "files": {{"a.py": {file}}}}}'.encode())
    for name in ("lcov", "cobertura", "native"):
        assert read(plugins.load("formats", name), encode(report, name)).totals.branches == Ratio(1, 2)
    for name in ("text", "markdown", "html"):
        show(report, name, tmp_path / name, Options(show_missing=True))


def test_a_function_ends_on_a_line():
    text = '{"schema": "covey.report/1", "files": {"a.py": {"functions": [["f", 1, -5, 1]]}}}'
    with pytest.raises(FormatError, match="-5 is no line number"):
        read(NATIVE, text.encode())


def test_no_lone_surrogate_comes_into_a_report():
    """JSON can write them and UTF-8 cannot, so no report with one could be written."""
    text = b"SF:a\nBRDA:1,\xc3,\xc4,1\nFN:1,\xc5\nFNDA:1,\xc5\nDA:1,1\nend_of_record\n"
    encode(read(LCOV, text), "native")
    file = '{"lines": "1", "source_hash": "\\ud800"}'
    capture = f'{{"schema": "covey.capture/1", "processes": [{{"pid": 1, "files": {{"/a.py": {file}}}}}]}}'
    encode(read(SEGMENTS, capture.encode()), "native")
