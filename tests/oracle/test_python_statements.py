"""What the agent records is what coverage.py's C tracer records, statement for statement, on each Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import agent_runs
import interpreters
import pytest

CASES = Path(__file__).parents[1] / "golden" / "python-agent"
PROVE = os.environ.get("COVEY_PROVE") == "1"
VERSIONS = interpreters.VERSIONS if PROVE else ("3.9", "3.11", "3.12", "3.13")
TRICKY = [
    (version, case)
    for version in VERSIONS
    for case in ("3.9", "3.10", "3.11", "3.12")
    if tuple(map(int, case.split("."))) <= tuple(map(int, version.split(".")))
]

# Lines that ran and that coverage.py's tracer does not see, as they are jumps that the interpreter's peephole optimiser
# removes: it leads the jump before them straight to their target. Ours are right. Version -> (file, line's text).
JUMPS = {
    "3.9": {
        ("tricky.py", "continue"),
        ("tricky.py", "break"),
        ("configparser.py", "continue"),
        ("graphlib.py", "break"),
        ("shlex.py", "break   # emit current token"),
        ("textwrap.py", "break"),
    },
}


def _by_coverage(python, folder, script):
    environ = agent_runs.environment(None, COVERAGE_CORE="ctrace", PYTHONHASHSEED="0")
    command = [python, CASES / "judge.py", "run", folder, script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _judged(python, folder, lines):
    command = [python, CASES / "judge.py", "lines", folder]
    text = json.dumps({path: sorted(ran) for path, ran in lines.items()})
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _by_agent(python, folder, script, spool, **env):
    done = agent_runs.run(python, script, spool=spool, env={"PYTHONHASHSEED": "0", "COVEY_AGENT_LINGER": "1"} | env)
    assert done.returncode == 0, done.stderr
    return _judged(python, folder, agent_runs.recorded(spool))


def _differences(ours, theirs, version):
    """(file, line, text, which side has it) of each difference that is not a jump of this version's list."""
    found = []
    for path in sorted(set(ours) | set(theirs)):
        text = Path(path).read_text().splitlines()
        nothing = {"ran": [], "statements": []}
        one, other = ours.get(path, nothing), theirs.get(path, nothing)
        for line in sorted(set(one["ran"]) ^ set(other["ran"])):
            side = "agent" if line in one["ran"] else "coverage"
            place = (Path(path).name, text[line - 1].strip())
            if side == "coverage" or place not in JUMPS.get(version, ()):
                found.append((*place, line, side))
    return found


@pytest.mark.parametrize(("version", "case"), TRICKY)
def test_tricky_syntax(version, case, tmp_path):
    python = interpreters.with_packages(version)
    folder = tmp_path / "code"
    folder.mkdir()
    script = shutil.copy(CASES / f"tricky_{case.replace('.', '_')}.py", folder / "tricky.py")
    theirs = _by_coverage(python, folder, script)
    ours = _by_agent(python, folder, script, tmp_path / "spool")
    assert len(theirs[str(script)]["ran"]) >= 15
    assert not _differences(ours, theirs, version), _differences(ours, theirs, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_twenty_modules_of_the_standard_library(version, tmp_path):
    python = interpreters.with_packages(version)
    folder = tmp_path / "code"
    folder.mkdir()
    script = shutil.copy(CASES / "exercise.py", folder)
    copied = agent_runs.run(python, script, "copy", folder, spool=None)
    assert copied.returncode == 0, copied.stderr
    theirs = _by_coverage(python, folder, script)
    ours = _by_agent(python, folder, script, tmp_path / "spool")
    assert sum(len(file["ran"]) for file in theirs.values()) > 3000
    assert not _differences(ours, theirs, version), _differences(ours, theirs, version)
    # Again, with the code out of the cache.
    again = _by_agent(python, folder, script, tmp_path / "spool")
    assert _differences(again, theirs, version) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_with_the_ctrace_core_nothing_differs(version, tmp_path):
    python = interpreters.with_packages(version)
    folder = tmp_path / "code"
    folder.mkdir()
    script = shutil.copy(CASES / "tricky_3_9.py", folder / "tricky.py")
    theirs = _by_coverage(python, folder, script)
    ours = _by_agent(python, folder, script, tmp_path / "spool", COVEY_AGENT_CORE="ctrace")
    assert ours == theirs
