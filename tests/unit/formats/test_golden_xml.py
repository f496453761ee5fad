"""XML of the real tools, read as the tools themselves count it. Where the totals differ, the reason is written here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey import plugins
from covey.formats.base import Input
from covey.formats.sources import NoSources

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(path for room in ("clover", "jacoco", "sonar") for path in (GOLDEN / room).glob("*/report.xml"))
DIFFER = {
    # Its rows leave out branches on lines that no statement begins on, and all functions.
    "nyc-18.0.0": {"branches": [5, 12], "functions": [0, 0]},
    # Statements, of which several may be on one line; and the condition of a do loop has no statement.
    "openclover-4.5.2": {"lines": [40, 47]},
}


def read(path):
    return plugins.load("formats", path.parents[1].name).read([Input.of_path(path)], NoSources())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_totals_are_those_of_the_tool(path):
    told = json.loads(path.with_name("expected.json").read_text())["totals"] | DIFFER.get(path.parent.name, {})
    totals = read(path).totals
    assert {kind: [getattr(totals, kind).covered, getattr(totals, kind).total] for kind in told} == told


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_lines_are_those_of_the_tool(path):
    expected = json.loads(path.with_name("expected.json").read_text())["files"]
    found = {file.path: file for file in read(path).files.values()}
    for name, wanted in expected.items():
        file = found.get(name.lstrip("/")) or found[name.partition("/")[2]]  # a group is told only where it has to be
        if name.endswith("/Till.php"):
            wanted["missing"].append(28)  # a method that is a line long: PHPUnit counts its statement, without a row
            wanted["hits"].append(0)
        assert [line for line, hits in file.lines.items() if hits] == wanted["executed"]
        assert file.lines.missing == wanted["missing"]
        assert list(file.lines.hits) == [int(hits) for hits in wanted["hits"]]
    assert len(found) == len(expected)


def test_groups_that_share_a_name_are_told_apart():
    files = read(GOLDEN / "jacoco/jacoco-0.8.13-groups/report.xml").files
    assert {path for _, path in files} == {
        "Main.java", "org/acme/shop/Till.java", "org/acme/shop/Stock.java",
        "till/org/acme/shop/Version.java", "stock/org/acme/shop/Version.java",
    }  # fmt: skip


def test_methods_are_named_by_class_and_descriptor():
    till = read(GOLDEN / "jacoco/jacoco-0.8.13/report.xml").files[None, "org/acme/shop/Till.java"]
    assert ("Till.total(Ljava/util/function/IntUnaryOperator;)I", 1) in {(one.name, one.hits) for one in till.functions}
    assert ("Till$Drawer.never()V", 0) in {(one.name, one.hits) for one in till.functions}
    assert till.mode == "set"
