"""A threshold over what cannot be judged: coverage.py's data away from its sources, of which only what ran is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden"
SOURCE = GOLDEN / "coveragepy" / "source"
DATA = GOLDEN / "coveragepy" / "coveragepy-7.17.3" / "data.sqlite"
XML = GOLDEN / "cobertura" / "coveragepy-7.17.3" / "report.xml"
BADGE, JUNIT = ["-o", "a.svg"], ["-o", "junit.xml"]


def report(folder, *arguments):
    command = [sys.executable, "-m", "covey", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder)


@pytest.mark.parametrize("more", [[], BADGE, JUNIT, ["--metric", "functions"], ["--how", "presence"]])
def test_away_from_the_sources_no_threshold_is_judged_and_nothing_written(tmp_path, more):
    done = report(tmp_path, DATA, "--fail-under", "95", *more)
    assert done.returncode == 2
    assert "95% cannot be judged: of 2 files only what ran is known" in done.stderr
    assert "shop/till.py" in done.stderr
    assert "--checkout" in done.stderr
    assert not done.stdout
    assert not list(tmp_path.iterdir())


def test_without_a_threshold_the_first_note_says_so(tmp_path):
    told = report(tmp_path, DATA, "--format", "json").stderr.splitlines()
    assert told[0].startswith("note: 100 % says nothing of 2 files: only what ran is known")
    saved = tmp_path / "saved.json"
    assert report(tmp_path, DATA, "--format", "json", "-o", saved).returncode == 0
    assert report(tmp_path, saved, "--threshold", "1").returncode == 2
    again = report(tmp_path, saved, "--exclude", "*.py", "--format", "json")
    assert "says nothing" not in again.stderr


@pytest.mark.parametrize("more", [["--checkout", SOURCE], ["--exclude", "till.py", "--exclude", "try_it.py"]])
def test_each_cure_is_one(tmp_path, more):
    done = report(tmp_path, DATA, "--threshold", "1", *more)
    assert done.returncode in (0, 3), done.stderr
    assert "says nothing" not in done.stdout


def test_a_file_that_another_input_knows_is_judged_in_any_order(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "till.py").write_text("def a newer Python's syntax:\n")  # a place, no lines
    assert report(tmp_path, DATA, XML, "--threshold", "1").returncode == 2
    for names in ([DATA, XML], [XML, DATA]):
        done = report(tmp_path, *names, "--exclude", "try_it.py", "--threshold", "30")
        assert done.returncode == 0, done.stderr
        assert "says nothing" not in done.stdout
        assert report(tmp_path, *names, "--exclude", "try_it.py", "--threshold", "95").returncode == 1
