from __future__ import annotations

import hashlib
import json

import pytest

from covey.errors import FormatError, UsageError
from covey.formats import recorded
from covey.formats.base import Input
from covey.formats.segments import FORMAT
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.report import lines_of

OLD, NEW = b"a = 1\nb = 2\n", b"a = 1\nb = 2\nc = 3\n"


def hashed(text):
    return "sha256:" + hashlib.sha256(text).hexdigest()


def process(files, pid=1, **more):
    return {"pid": pid, "started": f"t{pid}", "files": files, **more}


def ran(lines, source_hash=None):
    return {"lines": lines, "source_hash": source_hash}


def read(checkout, *processes, **more):
    capture = {"schema": "covey.capture/1", "boot_id": "b", "processes": list(processes), **more}
    return FORMAT.read([Input.of_bytes("capture.json", json.dumps(capture).encode())], checkout)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / ".coveragerc").write_text("[run]\nsource = app\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").touch()
    (tmp_path / "app/a.py").write_bytes(NEW)
    (tmp_path / "app/never.py").write_bytes(OLD)
    return CheckoutSources(tmp_path)


def test_the_union_of_all_processes_counts_and_each_is_a_source(checkout):
    report = read(checkout, process({"/srv/app/a.py": ran("1")}), process({"/srv/app/a.py": ran("3")}, 2, epoch=4))
    assert dict(report.files[None, "app/a.py"].lines) == {1: 1, 2: 0, 3: 1}
    assert [(one.capture.pid, one.capture.started, one.capture.epoch) for one in report.sources] == [
        (1, "t1", 0), (2, "t2", 4),
    ]  # fmt: skip


def test_the_version_of_the_checkout_counts_and_the_other_is_named(checkout):
    files = {"/old/app/a.py": ran("1-2", hashed(OLD)), "/srv/app/a.py": ran("3", hashed(NEW))}
    report = read(checkout, process(files))
    assert dict(report.files[None, "app/a.py"].lines) == {1: 0, 2: 0, 3: 1}
    assert any("several versions" in note and "app/a.py" in note for note in report.notes)


def test_another_version_than_the_checkouts_is_counted_by_its_line_table(checkout):
    files, sources = {"/srv/app/a.py": ran("1", hashed(OLD))}, {hashed(OLD): {"executable": "1-2"}}
    report = read(checkout, process(files), sources=sources)
    assert dict(report.files[None, "app/a.py"].lines) == {1: 1, 2: 0}
    assert any("is not what ran; counted by the lines of their code objects: app/a.py" in note for note in report.notes)


def test_syntax_that_this_interpreter_cannot_parse_is_counted_by_the_line_table(checkout, tmp_path):
    newer = b"type\x00 = odd syntax of a later Python ->\n\nx = 1\n"
    (tmp_path / "app/a.py").write_bytes(newer)
    files, sources = {"/srv/app/a.py": ran("1", hashed(newer))}, {hashed(newer): {"executable": "1,3"}}
    report = read(checkout, process(files), sources=sources)
    assert dict(report.files[None, "app/a.py"].lines) == {1: 1, 3: 0}
    assert any("newer or other Python" in note for note in report.notes)


def test_what_nothing_loaded_counts_at_0_but_not_what_was_not_recorded(checkout):
    report = read(checkout, process({"/srv/app/a.py": ran("1")}), not_recorded=["/srv/app/never.py"])
    whole = FORMAT.complete(report, checkout)
    assert not whole.files[None, "app/never.py"].lines
    assert whole.files[None, "app/never.py"].inexact == {"lines"}
    assert any("unknown and not counted: app/never.py" in note for note in whole.notes)
    without = FORMAT.complete(read(checkout, process({"/srv/app/a.py": ran("1")})), checkout)
    assert dict(without.files[None, "app/never.py"].lines) == {1: 0, 2: 0}
    assert (None, "app/__init__.py") in without.files


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("source = appp", "appp is"),
        ("source = app, lib/none, appp", "appp, lib/none is"),
        ("source_pkgs = app.none", "app.none is"),
        ("source_dirs = none", "none is"),
        ("source = ..", ".. is"),
        ("source = app", ""),
        ("source = .", ""),
        ("source_pkgs = app.a", ""),
        ("source_dirs = app", ""),
    ],
)
def test_source_that_is_not_in_the_checkout_is_told(checkout, tmp_path, settings, told):
    (tmp_path / ".coveragerc").write_text(f"[run]\n{settings}\n")
    read_report = read(checkout, process({"/srv/app/a.py": ran("1")}))
    for report in (read_report, FORMAT.complete(read_report, checkout)):
        notes = [note for note in report.notes if note.startswith("coverage configuration: [run] source: ")]
        assert len(notes) == bool(told)
        assert all(f"source: {told} no folder, package or module of the checkout" in note for note in notes)
        assert not any("no [run] source is configured" in note for note in report.notes)


def test_a_component_that_did_not_run_stays_no_data(checkout):
    from covey.model.report import Report

    assert FORMAT.complete(Report(), checkout) == Report()


def test_windows_of_one_name_are_one_slice_of_covered_statements(checkout, tmp_path):
    (tmp_path / "app/a.py").write_bytes(b'"""doc"""\nx = (\n    1,\n)\ny = 2  # pragma: no cover\n')
    windows = [{"name": "login", "files": {"/srv/app/a.py": "1,3"}}, {"name": "login", "files": {"/srv/app/a.py": "5"}}]
    report = read(checkout, process({"/srv/app/a.py": ran("1-5")}), windows=windows)
    assert {name: {key: lines_of(some) for key, some in by.items()} for name, by in report.slices.items()} == {
        "test:login": {(None, "app/a.py"): [2]}
    }


def test_what_could_not_be_recorded_and_what_the_agent_warns_of_is_told(checkout):
    report = read(checkout, process({}, complete=False), process({}, 2), warnings=["spool\x1b[31m full"])
    assert "1 of 2 processes could not record everything" in report.notes
    assert "agent: spool%1B[31m full" in report.notes


def test_a_file_that_lies_outside_of_the_source_does_not_count(checkout, tmp_path):
    (tmp_path / "tool.py").write_text("x = 1\n")
    report = read(checkout, process({"/srv/tool.py": ran("1"), "/gone/app/lost.py": ran("1")}))
    assert not report.files
    assert any("gone/app/lost.py" in note for note in report.notes)


@pytest.mark.parametrize("path", ["/srv/../../etc/passwd", "..", "", "/", "a\0b", "C:\\x\\a.py", "\udc80.py", "é\n.py"])
def test_any_name_at_all_stays_inside(path, checkout):
    for sources in (checkout, NoSources()):
        for _, name in read(sources, process({path: ran("1")})).files:
            assert not name.startswith("/")
            assert ".." not in name.split("/")
            assert name.isprintable()


@pytest.mark.parametrize("lines", ["0", "2-1", "1,1", "10000001", "x", "1" * 20, "-5", "1;2"])
def test_line_numbers_that_are_none_are_refused(lines):
    with pytest.raises(FormatError, match=r"capture\.json"):
        read(NoSources(), process({"/a.py": ran(lines)}))


def test_few_characters_cannot_name_very_many_lines(monkeypatch):
    monkeypatch.setattr(recorded, "MOST_LINES", 1000)
    with pytest.raises(FormatError, match="more than"):
        read(NoSources(), *(process({"/a.py": ran("1-400")}, pid) for pid in range(3)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"schema": "covey.capture/2", "processes": []}', "covey.capture/2"),
        (b'{"processes": []}', "None"),
        (b"[" * 100_000, "damaged"),
        (b'{"schema": "covey.capture/1"}', "processes"),
        (b'{"schema": "covey.capture/1", "processes": [{"pid": "1", "files": {}}]}', "pid"),
        (b'{"schema": "covey.capture/1", "processes": 1' + b"1" * 5000 + b"}", "damaged"),
    ],
)
def test_what_is_no_capture_of_this_version_is_refused(data, said):
    with pytest.raises(FormatError, match=said):
        FORMAT.read([Input.of_bytes("x", data)], NoSources())


def test_segments_cannot_be_written():
    from covey.model.report import Report

    with pytest.raises(UsageError):
        FORMAT.write(Report(), None)
