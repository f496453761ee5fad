"""A file that an input tells of in very many places: what merging them costs does not grow with its square."""

from __future__ import annotations

import json

import pytest

from covey import plugins
from covey.formats.base import Input
from covey.formats.sources import NoSources
from covey.loops import columns
from covey.model.ratio import Ratio

MANY = 1000


def _clover(n):
    return f'<file name="{n}/../a"><line num="{n}" type="stmt" count="1"/></file>'


def _cobertura(n):
    return f'<class name="c" filename="{n}/../a"><methods/><lines><line number="{n}" hits="1"/></lines></class>'


def _gcov(n):
    return json.dumps({"gcc_version": "13", "files": [{"file": "a", "lines": [{"line_number": n, "count": 1}]}]}) + "\n"


def _istanbul(n):
    place = {"start": {"line": n, "column": 0}, "end": {"line": n, "column": 5}}
    maps = {"statementMap": {"0": place}, "fnMap": {}, "branchMap": {}, "s": {"0": 1}, "f": {}, "b": {}}
    return f'"{n}": {json.dumps({"path": "/a"} | maps)}{"," if n < MANY else ""}'


def _jacoco(n):
    line = f'<line nr="{n}" mi="0" ci="1" mb="0" cb="0"/>'
    return f'<package name="{n}/.."><sourcefile name="a">{line}</sourcefile></package>'


def _lcov(n):
    return f"SF:a\nDA:{n},1\nend_of_record\n"


def _llvm(n):
    segments = [[n, 1, 1, True, True, False], [n, 9, 0, False, False, False]]
    return json.dumps({"files": [{"filename": "a", "segments": segments}]}) + ("," if n < MANY else "")


def _sonar(n):
    return f'<file path="{n}/../a"><lineToCover lineNumber="{n}" covered="true"/></file>'


TOLD = {
    "clover": ('<coverage generated="1"><project>', _clover, "</project></coverage>"),
    "cobertura": ('<coverage line-rate="1"><packages><package name=""><classes>', _cobertura,
                  "</classes></package></packages></coverage>"),
    "gcov": ("", _gcov, ""),
    "istanbul": ("{", _istanbul, "}"),
    "jacoco": ('<report name=""><sessioninfo id="a" start="1" dump="2"/>', _jacoco, "</report>"),
    "lcov": ("", _lcov, ""),
    "llvm": ('{"type": "llvm.coverage.json.export", "version": "2.0.1", "data": [', _llvm, "]}"),
    "sonar": ('<coverage version="1">', _sonar, "</coverage>"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_sections_of_one_line_each(name, monkeypatch):
    head, one, tail = TOLD[name]
    merged = 0
    law = columns.merge

    def counting(numbers, hits, others, other_hits, combine):
        nonlocal merged
        merged += len(numbers) + len(others)
        return law(numbers, hits, others, other_hits, combine)

    monkeypatch.setattr(columns, "merge", counting)
    data = (head + "".join(map(one, range(1, MANY + 1))) + tail).encode()
    report = plugins.load("formats", name).read([Input.of_bytes("x", data)], NoSources())
    (file,) = report.files.values()
    assert file.lines.ratio == Ratio(MANY, MANY)
    assert merged < 20 * MANY
