"""The blob of `/coverage` is what coverage.py itself writes and reads."""

from __future__ import annotations

import subprocess

import agent_runs
import interpreters
import pytest
from coverage import CoverageData

dumps = agent_runs.agent_module("dumps")
masks = agent_runs.agent_module("masks")

FILES = {"/app/a.py": {1, 2, 3, 64, 4000}, '/app/it\'s "odd" é.py': {7}, "/app/empty.py": set()}


def blob(files) -> bytes:
    return dumps.dumps({path: masks.of_lines(lines) for path, lines in files.items()}, "0.1.0")


def test_coverage_reads_it():
    data = CoverageData(no_disk=True)
    data.loads(blob(FILES))
    assert data.measured_files() == set(FILES)
    assert {path: set(data.lines(path)) for path in FILES} == FILES
    assert not data.has_arcs()


def test_nothing_recorded_is_read_too():
    data = CoverageData(no_disk=True)
    data.loads(blob({}))
    assert data.measured_files() == set()


def test_names_that_are_no_text_do_not_break_it():
    data = CoverageData(no_disk=True)
    data.loads(blob({"/app/\udcff.py": {1}, "/app/'); DROP TABLE file; --.py": {2}, "/app/a\0b.py": {3}}))
    assert data.measured_files() == {"/app/\\xff.py", "/app/'); DROP TABLE file; --.py", "/app/ab.py"}


def test_it_unites_with_what_coverage_recorded():
    ours, theirs = CoverageData(no_disk=True), CoverageData(no_disk=True)
    ours.loads(blob({"/app/a.py": {1, 2}}))
    theirs.add_lines({"/app/a.py": {2, 9}})
    theirs.update(ours)
    assert set(theirs.lines("/app/a.py")) == {1, 2, 9}


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_each_python_s_coverage_reads_it(version, tmp_path):
    python = interpreters.with_packages(version)
    (tmp_path / "blob").write_bytes(blob({"/app/a.py": {1, 2, 40}}))
    code = "import coverage; d = coverage.CoverageData(no_disk=True); d.loads(open('blob', 'rb').read())"
    code += "; print(sorted(d.lines('/app/a.py')))"
    done = subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[1, 2, 40]", "")
