"""coverage.py's data out of a report of several languages: Python's files alone, and what is left out is told."""

from __future__ import annotations

import subprocess
import sys

MIXED = """{"schema": "covey.report/1", "files": {
    "shop/till.py": {"mode": "set", "lines": {"1": 1, "2": 0}},
    "bin/tool": {"mode": "set", "lines": {"1": 1}},
    "a.go": {"mode": "count", "lines": {"3": 4, "5": 0}}, "b.ts": {"mode": "count", "lines": {"1": 0}}}}"""
PYTHON = '{"schema": "covey.report/1", "files": {"till.py": {"mode": "set", "lines": {"1": 1, "2": 0}}}}'


def covey(folder, *arguments):
    command = [sys.executable, "-m", "covey", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done


def test_files_that_are_not_python_are_left_out_and_told(tmp_path):
    (tmp_path / "in.json").write_text(MIXED)
    for verb in ("merge", "report"):
        told = covey(tmp_path, verb, "in.json", "-o", "x.coverage").stderr
        assert "which has no place for them: 2 files that are not Python: a.go, b.ts" in told
        assert "relative_files = true" in told
        shown = covey(tmp_path, "report", "x.coverage").stdout
        assert "till.py" in shown
        assert "bin/tool" in shown
        assert "a.go" not in shown
        (tmp_path / "x.coverage").unlink()


def test_nothing_but_other_languages_is_an_error_and_no_empty_file(tmp_path):
    (tmp_path / "a.info").write_text("SF:a.go\nDA:1,1\nend_of_record\n")
    for verb in ("merge", "report"):
        command = [sys.executable, "-m", "covey", verb, "a.info", "-o", "x.coverage", "--format", "coveragepy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 2
        assert "has no place for any of the files: a.go" in done.stderr
        assert not (tmp_path / "x.coverage").exists()


def test_of_python_alone_only_the_paths_are_told(tmp_path):
    (tmp_path / "in.json").write_text(PYTHON)
    told = covey(tmp_path, "merge", "in.json", "-o", "x.coverage").stderr
    assert "left out" not in told
    assert "relative_files = true" in told
    assert "relative_files" not in covey(tmp_path, "report", "in.json", "-o", "x.info").stderr


def test_a_name_that_no_file_system_takes_is_written_all_the_same(tmp_path):
    path = "shop/" + "x" * 5000 + ".py"
    (tmp_path / "in.json").write_text(PYTHON.replace("till.py", path))
    covey(tmp_path, "merge", "in.json", "-o", "x.coverage")
    assert path in covey(tmp_path, "report", "x.coverage").stdout
