"""`covey report` and `covey merge`: what they say of names and formats."""

from __future__ import annotations

import subprocess
import sys

import pytest

REPORT = '{"schema": "covey.report/1", "files": {"a.py": {"mode": "set", "lines": {"1": 1, "2": 0}}}}'


def run(folder, *arguments):
    (folder / "in.json").write_text(REPORT)
    return subprocess.run(
        [sys.executable, "-m", "covey", *arguments], capture_output=True, text=True, timeout=60, cwd=folder
    )


def test_an_unknown_format_is_answered_with_all_there_are(tmp_path):
    done = run(tmp_path, "report", "in.json", "--format", "htlm")
    assert done.returncode == 2
    assert "there is no format 'htlm'" in done.stderr
    for name in ("text", "markdown", "html", "json", "lcov", "cobertura"):
        assert name in done.stderr


def test_xml_is_led_to_its_format(tmp_path):
    assert "cobertura" in run(tmp_path, "report", "in.json", "--format", "xml").stderr


@pytest.mark.parametrize(
    ("name", "form"),
    [(".coverage", "coveragepy"), (".coverage.all", "coveragepy"), ("a.xml", "cobertura"), ("unknown", "native")],
)
def test_merge_says_which_format_it_wrote(tmp_path, name, form):
    done = run(tmp_path, "merge", "in.json", "-o", name)
    assert done.returncode == 0
    assert f"wrote {name} ({form})" in done.stderr
    assert run(tmp_path, "report", name, "--from", form).returncode == 0
