"""docs/how-to/gopherage.md: each line runs as it stands, and does what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "gopherage.md"
LINES = re.findall(r"^    (covey .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
A, B, MOCK = (
    "example.com/m/pkg/a.go:3.13,5.2 2",
    "example.com/m/pkg/a.go:7.13,9.2 1",
    "example.com/m/zz_generated.go:1.1,2.2 1",
)
PROFILES = {"unit.out": (5, 0, 1), "e2e.out": (3, 4, 0), "other.out": (5, 0, 1), "profiles/x/y.out": (1, 1, 1)}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A module, its profiles, and all lines of the page run in order."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "go.mod").write_text("module example.com/m\n\ngo 1.22\n")
    (folder / "pkg").mkdir()
    source = "package pkg\n\nfunc A() {\n\tprintln(1)\n}\n\nfunc B() {\n\tprintln(2)\n}\n"
    (folder / "pkg/a.go").write_text(source)
    (folder / "zz_generated.go").write_text("package m\n")
    (folder / "profiles/x").mkdir(parents=True)
    (folder / "artifacts").mkdir()
    for name, counts in PROFILES.items():
        rows = [f"{block} {count}" for block, count in zip((A, B, MOCK), counts, strict=True)]
        (folder / name).write_text("\n".join(["mode: count", *rows, ""]))
    (folder / "bin").mkdir()
    script = folder / "bin/covey"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m covey "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def done(project):
    environ = os.environ | {"PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return {
        line: subprocess.run(["sh", "-c", line], cwd=project, env=environ, capture_output=True, text=True, timeout=60)
        for line in LINES
    }


@pytest.mark.parametrize("line", LINES)
def test_each_line_runs(done, line):
    assert done[line].returncode == 0, done[line].stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("merged.out", {A: 8, B: 4, MOCK: 1}),
        ("most.out", {A: 5, B: 4, MOCK: 1}),
        ("either.out", {A: 1, B: 1, MOCK: 1}),
        ("both.out", {A: 3, B: 0, MOCK: 0}),
        ("inputs.out", {A: 3, B: 1, MOCK: 2}),
        ("only-e2e.out", {A: 0, B: 4, MOCK: 0}),
        ("filtered.out", {A: 5, B: 0}),
        ("artifacts/filtered.cov", {A: 1, B: 1}),
    ],
)
def test_counts_are_as_the_page_says(project, done, name, expected):
    mode, *rows = (project / name).read_text().splitlines()
    assert mode == "mode: count"
    assert {row.rpartition(" ")[0]: int(row.rpartition(" ")[2]) for row in rows} == expected


def test_reports_are_there(project, done):
    assert (project / "coverage-html/index.html").is_file()
    assert (project / "parts-html/index.html").is_file()
    assert '<property name="coverage"' in (project / "junit_coverage.xml").read_text()


def test_the_page_has_lines():
    assert len(LINES) >= 12
