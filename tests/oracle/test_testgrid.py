"""Our JUnit through TestGrid's rules, with the XML reader it uses: rows, figures, failures, hostile names."""

from __future__ import annotations

import json
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
import shown_project

from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report
from covey.render.base import Options, visible
from covey.render.junit import RENDERER

HERE = Path(__file__).parent / "testgrid"


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """grid(report, **options) -> rows."""
    go = shutil.which("go")
    if not go:
        pytest.skip("no Go on the PATH: install it (go.dev, or apt-get install golang)")
    folder = tmp_path_factory.mktemp("testgrid")
    subprocess.run([go, "build", "-o", folder / "testgrid", "."], cwd=HERE, check=True, capture_output=True)

    def rows(report, **options):
        path = folder / "junit_coverage.xml"
        RENDERER.render(report, path, Options(**options))
        done = subprocess.run([folder / "testgrid", path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return rows


def test_rows_in_order_with_their_figures_and_failures(grid):
    files = [
        FileCoverage("pkg/foo/a.go", Lines.of({1: 1, 2: 0})),
        FileCoverage("pkg/foobar/b.go", Lines.of({1: 1, 2: 1, 3: 0, 4: 1})),
        FileCoverage("main.go", Lines.of({1: 1})),
        FileCoverage("doc.go"),
    ]
    rows = grid(Report.of(files), threshold=Decimal(75))
    assert [(row["Name"], row["Metrics"]["coverage"], row["Status"]) for row in rows] == [
        ("OVERALL", 71.4, "FAIL"),
        ("main.go", 100.0, "PASS"),
        ("pkg/foo/a.go", 50.0, "FAIL"),
        ("pkg/foobar/b.go", 75.0, "PASS"),
        ("pkg/", 66.7, "FAIL"),
        ("pkg/foo/", 50.0, "FAIL"),
        ("pkg/foobar/", 75.0, "PASS"),
    ]
    assert rows[2]["Message"] == "50.0% of lines, 75% wanted\n1 of 2 lines ran; line 2 did not run"
    assert {row["Class"] for row in rows} == {"coverage"}


def test_a_project_and_hostile_names(grid):
    report = shown_project.own()
    rows = {row["Name"]: row for row in grid(report, metric="lines", digits=2)}
    assert rows["OVERALL"]["Metrics"]["coverage"] == float(report.totals.lines.shown(2))
    for (_, path), file in report.files.items():
        assert rows[path]["Metrics"] == {"coverage": float(file.totals.lines.shown(2))}
    names = {row["Name"] for row in grid(shown_project.hostile(), threshold=Decimal(100))}
    assert names >= {visible(name) for name in shown_project.EVIL_NAMES}


def test_nothing_measured_is_skipped_with_its_reason(grid):
    (row,) = grid(Report(), threshold=Decimal(1))
    assert (row["Status"], row["Message"]) == ("PASS_WITH_SKIPS", "no lines were measured")
