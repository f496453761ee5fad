"""Of a file that ends too early it is asked whether it is cut off; of one that is wrong elsewhere it is not."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from encoding import encode

from covey.errors import FormatError
from covey.flows.damage import CUT_OFF, NOTHING_RECORDED
from covey.flows.merge import Reading, load
from covey.formats.sources import NoSources
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report

REPORT = Report.of([FileCoverage(f"f{n}.py", Lines.of({line: line % 3 for line in range(1, 30)})) for n in range(9)])
TEXT = {"lcov": "x.info", "cobertura": "x.xml", "clover": "clover.xml", "jacoco": "jacoco.xml", "sonar": "s.xml",
        "gocover": "x.out", "native": "x.json", "istanbul": "i.json"}  # fmt: skip


def refused(path, format=""):  # noqa: A002
    with pytest.raises(FormatError) as caught:
        load([str(path)], Reading(NoSources(), format))
    return caught.value


@pytest.mark.parametrize("share", [0.4, 0.63, 0.9])
@pytest.mark.parametrize("name", TEXT)
def test_a_file_that_ends_too_early(tmp_path, name, share):
    data = encode(REPORT, name).rstrip(b"\n")
    cut = data[: int(len(data) * share)]
    while cut.endswith(b"\n") or (name == "gocover" and cut[-1:].isdigit()):
        cut = cut[:-1]  # a cut behind a whole line of Go's cannot be seen
    file = tmp_path / TEXT[name]
    file.write_bytes(cut)
    assert refused(file).hint == CUT_OFF
    file.write_bytes(gzip.compress(cut))
    assert refused(file).hint == CUT_OFF


@pytest.mark.parametrize(
    ("name", "data"),
    [("x.info", "SF:a.c\nDA:1,x\nend_of_record\n"),
     ("x.xml", '<coverage line-rate="1"><packages><a></b></packages></coverage>'),
     ("x.out", "mode: set\na.go:1.1,2.2 1 1\nnonsense\na.go:3.1,4.2 1 1\n")],
)  # fmt: skip
def test_a_file_that_is_wrong_before_its_end(tmp_path, name, data):
    (tmp_path / name).write_text(data)
    assert refused(tmp_path / name).hint == ""


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_database_that_ends_too_early(tmp_path, share):
    file = tmp_path / ".coverage"
    with io.BytesIO(encode(REPORT, "coveragepy")) as stream:
        data = stream.read()
    file.write_bytes(data[: int(len(data) * share)])
    assert refused(file).hint == CUT_OFF


def test_a_database_that_is_damaged_but_whole(tmp_path):
    file = tmp_path / ".coverage"
    file.write_bytes(encode(REPORT, "coveragepy"))
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
    assert refused(file).hint == ""


def test_a_named_format_is_told(tmp_path):
    file = tmp_path / "x.info"
    file.write_bytes(encode(REPORT, "lcov"))
    assert "(read as cobertura, by --from)" in str(refused(file, "cobertura"))
    file.write_text(json.dumps({}))
    assert "--from" not in refused(file).what


@pytest.mark.parametrize("format", ["", "cobertura", "istanbul"])
def test_an_empty_file(tmp_path, format):  # noqa: A002
    file = tmp_path / "x.out"
    file.write_bytes(b"")
    assert refused(file, format).hint == NOTHING_RECORDED
