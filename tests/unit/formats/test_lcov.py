"""Tracefiles as tools write them that are not lcov, where lcov's own rules do not say how they are meant."""

from __future__ import annotations

import io
import json

import pytest

from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.istanbul import FORMAT as ISTANBUL
from covey.formats.lcov import Lcov
from covey.formats.sources import NoSources


def read(text, fmt=None):
    report = (fmt or Lcov()).read([Input.of_bytes("x", text.encode())], NoSources())
    (file,) = report.files.values()
    return file


def functions(records, fmt=None):
    file = read(f"TN:\nSF:a.js\n{records}\nDA:2,4\nDA:10,0\nend_of_record\n".replace(" ", "\n"), fmt)
    return [(one.name, one.first, one.hits) for one in file.functions]


NYC = "FN:2,size FN:7,size FNF:2 FNH:1 FNDA:4,size FNDA:0,size"
TWO = [("size", 2, 4), ("size@7", 7, 0)]


def test_two_functions_of_one_name_are_two():
    """As c8 writes methods of two classes, and nyc functions within others."""
    assert functions(NYC) == TWO


def test_as_many_as_the_json_of_the_same_run():
    spans = [{"start": {"line": line, "column": 2}, "end": {"line": line + 1, "column": 3}} for line in (2, 7)]
    told = {str(n): {"name": "size", "decl": span, "loc": span} for n, span in enumerate(spans)}
    none = {"statementMap": {}, "s": {}, "branchMap": {}, "b": {}}
    entry = {"path": "a.js", "fnMap": told, "f": {"0": 4, "1": 0}} | none
    (other,) = ISTANBUL.read([Input.of_bytes("x", json.dumps({"a.js": entry}).encode())], NoSources()).files.values()
    file = read(f"SF:a.js\n{NYC}\nend_of_record\n".replace(" ", "\n"))
    assert file.functions.ratio == other.functions.ratio


def test_the_same_when_a_file_of_that_shape_came_before():
    fmt = Lcov()
    assert [functions(NYC, fmt) for _ in range(4)] == [TWO] * 4
    apart = NYC.replace("FNF", "FNX").replace("size FNDA", "size # FNDA")
    assert functions(apart, fmt) == TWO


def test_what_is_written_of_them_is_read_as_the_same():
    fmt, out = Lcov(), io.BytesIO()
    once = fmt.read([Input.of_bytes("x", f"SF:a.js\n{NYC}\nend_of_record\n".replace(" ", "\n").encode())], NoSources())
    fmt.write(once, out)
    assert fmt.read([Input.of_bytes("x", out.getvalue())], NoSources()).files == once.files


@pytest.mark.parametrize(
    ("count", "hits"),
    [
        ("1.5e+06", 1_500_000),
        ("1e3", 1000),
        ("9.223372036854774784e+18", 9223372036854774784),  # to the last digit
        ("1.84467440737096e+19", 2**63 - 1),
        ("2.0", 2),
        ("1500E-2", 15),
        ("0e-999", 0),
        ("1e999", 2**63 - 1),
        ("-1.5e+06", 0),
    ],
)
def test_counts_that_were_floats(count, hits):
    """As gcov of GCC 9 writes them, in whatever record."""
    file = read(f"SF:a.c\nFN:1,f\nFNDA:{count},f\nBRDA:1,0,0,{count}\nDA:1,{count}\nDA:2,7\nend_of_record\n")
    assert dict(file.lines) == {1: hits, 2: 7}
    assert (file.branches.hits[0], file.functions.hits[0]) == (hits, hits)


@pytest.mark.parametrize("count", ["1.5", "1.5e-1", "1e-999", "1e", "1e1000", ".5e1", "1.e3", "inf", "nan", "0x1", ""])
def test_what_is_no_whole_number_is_refused(count):
    with pytest.raises(FormatError, match="belongs") as refused:
        read(f"SF:a.c\nDA:1,1\nDA:2,{count}\nend_of_record\n")
    assert refused.value.line == 3


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ("FN:2,f FN:10,f FNDA:4,f", [("f", 10, 4)]),  # as for lcov 1.16, which knows functions by name
        ("FN:2,f FN:10,f FNDA:4,f FNDA:1,f FNDA:0,f", [("f", 10, 5)]),
        ("FN:10,f FNDA:4,f FNDA:1,f", [("f", 10, 5)]),
        ("FN:2,f FN:2,f FNDA:4,f FNDA:1,f", [("f", 2, 5)]),  # one place is one function
        ("FN:2,f FN:2,f FN:10,f FNDA:4,f FNDA:1,f FNDA:0,f", [("f", 2, 5), ("f@10", 10, 0)]),
        ("FN:10,f FNDA:0,f FN:2,f FNDA:4,f", [("f", 2, 4), ("f@10", 10, 0)]),
        ("FN:2,f FN:5,f@10 FN:10,f FNDA:1,f FNDA:2,f@10 FNDA:3,f", [("f", 2, 1), ("f@10", 5, 2), ("f@10.2", 10, 3)]),
        ("FN:2,4,f FN:10,12,f FNDA:4,f FNDA:0,f FN:7,g", [("f", 2, 4), ("g", 7, 0), ("f@10", 10, 0)]),
        ("FNL:0,2 FNL:1,10 FNA:0,4,f FNA:1,0,f", [("f", 2, 4), ("f", 10, 0)]),  # lcov 2 tells which is which
    ],
)
def test_whose_calls_they_are(records, told):
    assert functions(records) == told


WHOLE = "TN:\nSF:a.c\nFN:2,f\nFNDA:1,f\nDA:2,1\nDA:3,0\nend_of_record\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (WHOLE.replace("\n", "\r"), 1),
        (WHOLE.removeprefix("TN:\n").replace("\n", "\r"), 1),
        (f"{WHOLE}TN:\nSF:b.c\nFN:2,f\rFNDA:1,f\nDA:2,1\nend_of_record\n", 10),
        (WHOLE.replace("DA:2,1\n", "DA:2,1,sum\r").replace("\n", "\r\n"), 5),
    ],
    ids=["all", "without a test", "one in a later section", "one beside CRLF"],
)
def test_lines_that_end_in_cr_alone_are_refused(text, line):
    with pytest.raises(FormatError, match="end in CR alone") as caught:
        Lcov().read([Input.of_bytes("x", text.encode())], NoSources())
    assert (caught.value.line, caught.value.hint) == (line, "write it with line ends of LF")


def test_crlf_is_as_good_as_lf():
    assert read(WHOLE.replace("\n", "\r\n")) == read(WHOLE)
