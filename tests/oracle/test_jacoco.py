"""What covey says of JaCoCo's and OpenClover's XML against what these say themselves, of a program run twice."""

from __future__ import annotations

import pytest
from oracle import java_tools as java

from covey import plugins
from covey.formats.base import Input
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.merge import merge

JACOCO = plugins.load("formats", "jacoco")
KINDS = {"LINE": "lines", "BRANCH": "branches", "METHOD": "functions"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    java.need()
    return java.record(tmp_path_factory.mktemp("java"))


def read(path, sources=None):
    return JACOCO.read([Input.of_path(path)], sources or NoSources())


def ratio(report, kind):
    found = getattr(report.totals, KINDS[kind])
    return found.covered, found.total


@pytest.mark.parametrize("name", [*java.RUNS, "both"])
def test_totals_are_jacocos(folder, name):
    path, rows = java.report(folder, name)
    report, counters = read(path), java.counters(path)
    assert {kind: ratio(report, kind) for kind in KINDS} == {kind: counters[kind] for kind in KINDS}
    assert ratio(report, "BRANCH") == java.summed(rows, "BRANCH")
    assert ratio(report, "METHOD") == java.summed(rows, "METHOD")
    # The CSV has a row a class and counts a line twice that two classes share, here a record and its accessor's class.
    assert ratio(report, "LINE") <= java.summed(rows, "LINE")


def test_groups_add_up_to_jacocos_totals(folder):
    path = java.grouped(folder)
    report, counters = read(path), java.counters(path)
    assert {kind: ratio(report, kind) for kind in KINDS} == {kind: counters[kind] for kind in KINDS}


def test_groups_find_their_files(folder):
    report = read(java.grouped(folder), CheckoutSources(folder))
    assert {path for _, path in report.files} == {
        str(path.relative_to(folder))
        for module in ("till", "stock")
        for path in (folder / module / "src").rglob("*.java")
    }


def test_merged_reports_are_the_report_of_merged_data_but_for_branches(folder):
    """Which of a line's branches ran is not in the XML, so a merge of reports is a lower bound of them."""
    merged = merge(read(java.report(folder, name)[0]) for name in java.RUNS)
    whole = read(java.report(folder, "both")[0])
    assert set(merged.files) == set(whole.files)
    for key, file in whole.files.items():
        assert merged.files[key].lines == file.lines
        assert merged.files[key].functions == file.functions
        assert merged.files[key].branches.ratio.total == file.branches.ratio.total
        assert merged.files[key].branches.ratio.covered <= file.branches.ratio.covered
        if file.branches:
            assert merged.files[key].inexact == {"branches"}


def test_what_covey_writes_counts_as_jacoco_did(folder, tmp_path):
    path, _ = java.report(folder, "both")
    with (tmp_path / "written.xml").open("wb") as out:
        JACOCO.write(read(path), out)
    written, own = java.counters(tmp_path / "written.xml"), java.counters(path)
    assert {kind: written[kind] for kind in KINDS} == {kind: own[kind] for kind in KINDS}


def test_openclovers_methods_and_conditionals(tmp_path):
    from xml.etree import ElementTree as ET

    java.need()
    path = java.openclover(tmp_path)
    metrics = ET.parse(path).getroot().find("project/metrics")
    totals = plugins.load("formats", "clover").read([Input.of_path(path)], NoSources()).totals
    told = {name: (int(metrics.get(f"covered{name}")), int(metrics.get(name))) for name in ("methods", "conditionals")}
    assert (totals.functions.covered, totals.functions.total) == told["methods"]
    assert (totals.branches.covered, totals.branches.total) == told["conditionals"]
