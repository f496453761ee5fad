"""CONTRIBUTING's "a new format in ten minutes", followed to the letter: in a copy of this tree, and as a package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A new format")[2].partition("\n## ")[0]
CODE = textwrap.dedent(re.search(r"```python\n(.*?)```", SECTION, re.DOTALL)[1].replace("\n   ", "\n")).lstrip()
LINE = re.search(r'`("tally": "[\w.:]+",)` in the table', SECTION)[1]
ENTRY = re.search(r'\[project\.entry-points\."(covey\.formats)"\]\s+tally = "(tally:FORMAT)"', SECTION)
TALLY = "tally 1\nsrv/a b.x 1 3\nsrv/a b.x 2 0\nc.x 7 1\n"


def run(*command, cwd, path, code=0):
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run([sys.executable, *command], cwd=cwd, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def package(tmp_path):
    """Another package that brings the format, as pip would have installed it."""
    site = tmp_path / "site"
    (site / "tally-1.0.dist-info").mkdir(parents=True)
    (site / "tally.py").write_text(CODE)
    (site / "tally-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: tally\nVersion: 1.0\n")
    (site / "tally-1.0.dist-info/entry_points.txt").write_text(f"[{ENTRY[1]}]\ntally = {ENTRY[2]}\n")
    (tmp_path / "in.tally").write_text(TALLY)
    return site


def test_another_package_brings_the_format(package, tmp_path):
    covey = ["-m", "covey"]
    told = run(*covey, "report", "in.tally", "--format", "json", cwd=tmp_path, path=[package])
    files = json.loads(told[: told.rindex("}") + 1])["files"]
    assert {path: file["lines"] for path, file in files.items()} == {"srv/a b.x": {"1": 3, "2": 0}, "c.x": {"7": 1}}
    run(*covey, "merge", "in.tally", "--format", "tally", "-o", "out.x", cwd=tmp_path, path=[package])
    assert sorted((tmp_path / "out.x").read_text().splitlines()) == sorted(TALLY.splitlines())
    assert "tally" in run(*covey, "plugins", cwd=tmp_path, path=[package])
    (tmp_path / "bad.tally").write_text(TALLY + "c.x 0 1\n")
    run(*covey, "report", "bad.tally", cwd=tmp_path, path=[package], code=2)
    (tmp_path / "bad.tally").write_text(TALLY + "nothing\n")
    assert "bad.tally:5: not `path line hits`" in run(
        *covey, "report", "bad.tally", cwd=tmp_path, path=[package], code=2
    )


def test_it_is_one_file_one_line_and_one_fixture_folder(tmp_path):
    """The contract holds for the format without a line of test code of its own."""
    shutil.copytree(ROOT / "src" / "covey", tmp_path / "src" / "covey", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("contract", "golden"):
        shutil.copytree(ROOT / "tests" / folder, tmp_path / "tests" / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "src/covey/formats/tally.py").write_text(CODE)
    table = tmp_path / "src/covey/plugins.py"
    text = table.read_text()
    assert '    "formats": {\n' in text
    table.write_text(text.replace('    "formats": {\n', f'    "formats": {{\n        {LINE}\n'))
    case = tmp_path / "tests/golden/tally/tally-1.0"
    case.mkdir(parents=True)
    (case / "in.tally").write_text(TALLY)
    said = run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "tally", "tests/contract/test_formats.py",
        cwd=tmp_path, path=[tmp_path / "src"],
    )  # fmt: skip
    assert int(re.search(r"(\d+) passed", said)[1]) >= 10, said


def test_the_code_keeps_to_the_house_s_style(tmp_path):
    file = tmp_path / "tally.py"
    file.write_text(CODE)
    settings = str(ROOT / "pyproject.toml")
    run("-m", "ruff", "check", "--config", settings, "--ignore", "ARG002", file, cwd=tmp_path, path=[])


@pytest.mark.long
def test_the_code_s_types_hold(tmp_path):
    (tmp_path / "tally.py").write_text(CODE)
    settings = str(ROOT / "pyproject.toml")
    run("-m", "mypy", "--config-file", settings, "--strict", "tally.py", cwd=tmp_path, path=[])
