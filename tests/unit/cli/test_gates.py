"""A gate that somebody set is on: by each of its names, from each place; what is none is told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

REPORT = '{"schema": "covey.report/1", "files": {"a.py": {"mode": "set", "lines": {"1": 1, "2": 0}}}}'


@pytest.fixture
def run(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "in.json").write_text(REPORT)

    def run(*arguments, settings="", **variables):
        (tmp_path / "covey.toml").write_text(settings)
        command = [sys.executable, "-m", "covey", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env={**os.environ, **variables}
        )

    return run


@pytest.mark.parametrize("name", ["threshold", "fail_under", "fail-under"])
def test_the_threshold_is_a_setting_by_both_its_names(run, name):
    assert run("report", "in.json", settings=f"[report]\n{name} = 50.1\n").returncode == 1
    variable = f"COVEY_REPORT_{name.replace('-', '_').upper()}"
    assert run("report", "in.json", **{variable: "50.1"}).returncode == 1
    assert run("report", "in.json", **{variable: "50"}).returncode == 0


def test_both_names_at_once_are_refused(run):
    done = run("report", "in.json", settings="[report]\nthreshold = 1\nfail_under = 2\n")
    assert done.returncode == 2
    assert "report.fail_under is there twice" in done.stderr


def test_the_threshold_is_called_so(run):
    assert "# threshold is not set" in run("config", "report").stdout
    assert "did you mean report.threshold?" in run("report", "in.json", settings="[report]\ntreshold = 1\n").stderr


def test_a_mistyped_variable_is_told_without_its_value(run):
    done = run("report", "in.json", COVEY_REPORT_TRESHOLD="hunter2", COVEY_MERGE_NOTHING="1", COVEY_AGENT_X="1")
    assert done.returncode == 0
    assert "COVEY_REPORT_TRESHOLD of the environment is no setting" in done.stderr
    assert "did you mean COVEY_REPORT_THRESHOLD?" in done.stderr
    assert done.stderr.count("warning") == 1
    assert "hunter2" not in done.stderr


def test_variables_of_settings_are_not_told(run):
    done = run("report", "in.json", COVEY_REPORT_FORMAT="json", COVEY_REPORT_HOW="max", COVEY_REPORT_FAIL_UNDER="3")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("0.8", "0.8 is 0.8 %; 80 means 80 %"),
        ("0.955", "0.955 is 0.955 %; 95.5 means 95.5 %"),
        ("0.8%", ""),
        ("0", ""),
        ("1", ""),
    ],
)
def test_a_share_is_told_to_be_no_percentage(run, value, told):
    done = run("report", "in.json", "--threshold", value)
    assert done.returncode == 0
    assert done.stderr == (f"warning: --threshold {told}\n" if told else "")


DATA, SHOWN = ["coverage.xml", "x.json", "x.coverage"], ["junit_coverage.xml", "x.md", "x.svg"]


@pytest.mark.parametrize(
    ("verb", "name"), [*(("report", name) for name in [*DATA, *SHOWN]), *(("merge", name) for name in DATA)]
)
def test_the_folders_of_an_output_are_made(run, tmp_path, verb, name):
    done = run(verb, "in.json", "-o", f"a/b/{name}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a" / "b" / name).stat().st_size > 0


def test_an_output_in_a_file_is_refused(run):
    done = run("report", "in.json", "-o", "in.json/x.xml")
    assert done.returncode == 2
    assert "cannot write in.json/x.xml" in done.stderr
