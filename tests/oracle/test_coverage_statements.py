"""What covey's parser says of a Python source is what coverage.py's says: statements, exclusions, arms, functions."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import interpreters
import pytest
from coverage import version_info

from covey.formats.pystatements import HELD

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src"
CASES = HERE.parent / "golden" / "python-statements"
EVERY = 4 if os.environ.get("COVEY_PROVE") == "1" else 40  # which part of the standard library


def test_the_rules_are_those_of_the_coverage_here():
    assert version_info[:2] == HELD, "run this file with the new coverage.py and mend what differs; then write it down"


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_it_answers_as_coverage_does(version):
    python = interpreters.with_packages(version)
    texts = sorted(CASES.glob("*.py"))
    command = [python, HERE / "judge_statements.py", str(EVERY), *texts]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["differ"] == []
    assert told["judged"] > 90
    assert told["tokenized"] * 10 < told["judged"], "the quick way is hardly ever taken"
