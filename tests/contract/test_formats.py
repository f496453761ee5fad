"""What every registered format keeps to, whoever brings it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from covey import plugins
from covey.errors import FormatError, UsageError
from covey.formats.base import Input, figures_of
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.merge import merge
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Report

GOLDEN = Path(__file__).parent.parent / "golden"
FORMATS = {name: plugins.load("formats", name) for name in plugins.names("formats")}
FILES = [
    (room, path)
    for room in sorted(FORMATS)
    for path in sorted((GOLDEN / room).glob("*/*"))
    if path.is_file() and path.name != "expected.json" and path.parent.name != "source"
]
FIRST = dict(reversed(FILES))
TOGETHER = {name for name, one in FORMATS.items() if getattr(one, "unites", "") == "folder"}
REPORT = Report.of(
    [
        FileCoverage(
            "pkg/a.py", Lines.of({1: 1, 2: 0, 9: 1}), Branches.of([Arm(2, "3", 0), Arm(2, "4", 1)]),
            Functions.of([Function("f", 1, 2, 1)]), mode="set", source_hash="sha256:00",
        ),
        FileCoverage("b ü&<>.c", Lines.of({7: 2**63 - 1})),
    ],
    [Provenance(component="shop", digest="sha256:11")],
    {"test:one": {(None, "pkg/a.py"): 0b10}},
    ["a note"],
)  # fmt: skip
every = pytest.mark.parametrize("name", sorted(FORMATS))


def inputs(room, path):
    """What is read at once: one file, or the folder of it where a format's files belong together."""
    folder = sorted(path.parent.glob("cov*")) if room in TOGETHER else [path]
    return [Input.of_path(file) for file in folder]


def written(name, report):
    out = io.BytesIO()
    FORMATS[name].write(report, out)
    return out.getvalue()


def writes(name):
    try:
        return bool(written(name, REPORT))
    except UsageError:
        return False


writers = pytest.mark.parametrize("name", [name for name in sorted(FORMATS) if writes(name)])


@every
def test_knows_its_name_and_has_files_of_the_real_tool(name):
    assert FORMATS[name].name == name
    assert name in FIRST or writes(name)  # only the native report is nobody else's


@pytest.mark.parametrize(("room", "path"), FILES, ids=lambda value: str(value)[-50:])
def test_exactly_one_format_claims_a_file(room, path):
    head = path.read_bytes()[:4096]
    assert [name for name, one in FORMATS.items() if one.sniff("any", head)] == [room]


@writers
def test_exactly_one_format_claims_what_is_written(name):
    head = written(name, REPORT)[:4096]
    assert [other for other, one in FORMATS.items() if one.sniff("any", head)] == [name]


@pytest.mark.parametrize(
    "head", [b"", b"\0" * 64, b"{}", b"<html>", b"<report/>", b"mode: set\nname: x\n", b"plain text\n", b"z\x78"]
)
def test_nobody_claims_what_is_none(head):
    assert [name for name, one in FORMATS.items() if one.sniff("any", head)] == []


@writers
def test_the_same_report_gives_the_same_bytes(name):
    assert written(name, REPORT) == written(name, REPORT)


@writers
def test_what_is_written_reads_back(name):
    """Lines that ran, always; nothing that was not there. A file is left out where the format says so."""
    back = FORMATS[name].read([Input.of_bytes("x", written(name, REPORT))], NoSources())
    takes = getattr(FORMATS[name], "takes", bool)
    files = {key: file for key, file in REPORT.files.items() if takes(key[1])}
    assert files
    assert set(back.files) == set(files)
    for key, file in files.items():
        ran = [line for line, hits in back.files[key].lines.items() if hits]
        assert ran == [line for line, hits in file.lines.items() if hits]


WHOLE = Report.of(
    [
        *REPORT.files.values(),
        FileCoverage("c.js", blocks=Blocks.of([Block(1, 1, 3, 2, 2, 4), Block(5, 1, 5, 9, 1, 0)], "start")),
    ],
    slices={"part:unit": {(None, "pkg/a.py"): 0b10}},
)


@writers
def test_what_a_format_has_no_place_for_is_gone_and_told(name):
    back = FORMATS[name].read([Input.of_bytes("x", written(name, WHOLE))], NoSources())
    gone = {*figures_of(WHOLE)} - {*figures_of(back)}
    if name == "coveragepy":  # which takes Python's files only, and that is told
        gone.discard("statements")
    assert gone == FORMATS[name].loses
    note = next(
        (text for text in FORMATS[name].losses(WHOLE) if "has no place for them: " in text and "json" in text), ""
    )
    assert all(figure in note for figure in gone)
    assert bool(note) == bool(gone)


@writers
def test_nothing_is_told_where_nothing_is_lost(name):
    plain = Report.of([FileCoverage("a.go", Lines.of({1: 1})), FileCoverage("a.py", Lines.of({1: 1}))])
    assert not any("json" in text for text in FORMATS[name].losses(plain))


@writers
def test_nothing_is_written_of_an_empty_report_but_what_reads_back_empty(name):
    back = FORMATS[name].read([Input.of_bytes("x", written(name, Report()))], NoSources())
    assert not back.files


@pytest.mark.parametrize(("room", "path"), FILES, ids=lambda value: str(value)[-50:])
def test_reading_tells_where_figures_come_from(room, path):
    files = inputs(room, path)
    report = FORMATS[room].read(files, NoSources())
    assert report.files
    assert report.sources
    for source in report.sources:
        assert source.path in {file.name for file in files}
        assert source.digest.startswith("sha256:")
        assert source.format == room


@pytest.mark.parametrize("room", sorted({*FIRST} - TOGETHER))  # a capture of several files is told of once
def test_the_same_file_twice_covers_what_it_covers_once(room):
    """No more where sets are told; hits add up, or are those of the file that tells of most."""
    once = FORMATS[room].read([Input.of_path(FIRST[room])], NoSources())
    twice = FORMATS[room].read([Input.of_path(FIRST[room])] * 2, NoSources())
    added = merge([replace(once, sources=())] * 2)
    assert set(twice.files) == set(once.files)
    for key, file in once.files.items():
        assert twice.files[key].lines in ([file.lines] if file.mode == "set" else [file.lines, added.files[key].lines])
    assert twice.totals == once.totals


@pytest.mark.parametrize("room", sorted(FIRST))
def test_completing_twice_changes_nothing(room):
    sources = CheckoutSources(GOLDEN / "coveragepy/source")
    once = FORMATS[room].complete(FORMATS[room].read(inputs(room, FIRST[room]), sources), sources)
    assert FORMATS[room].complete(once, sources) == once
    assert FORMATS[room].complete(Report(), sources) == Report()


@pytest.mark.parametrize("room", sorted(FIRST))
@pytest.mark.parametrize("share", [0, 1, 30, 60, 99])
def test_a_file_cut_off_is_refused_or_a_part(room, share):
    data = FIRST[room].read_bytes()
    refused = None
    try:
        report = FORMATS[room].read([Input.of_bytes("cut", data[: len(data) * share // 100])], NoSources())
    except FormatError as error:
        refused = error
    if refused:
        assert refused.path == "cut"
    else:
        assert len(report.files) <= len(FORMATS[room].read([Input.of_bytes("x", data)], NoSources()).files)
