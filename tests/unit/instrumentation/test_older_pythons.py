"""Pythons that the agent does not record meet its sitecustomize too, and must not notice."""

from __future__ import annotations

import ast
import subprocess

import agent_runs
import interpreters
import pytest

SITECUSTOMIZE = agent_runs.AGENT / "sitecustomize.py"


def older(version: str):
    """An interpreter of that version; skips the test when there is none."""
    for python in interpreters._candidates(version):
        ask = [python, "-E", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return python
    pytest.skip(f"no Python {version}")


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7", "3.8"])
@pytest.mark.parametrize("switched", ["1", ""])
@pytest.mark.parametrize("hidden", ["print('hidden')", "import nothing_of_that_name"])
def test_they_run_as_without_it(version, switched, hidden, tmp_path):
    python = older(version)
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "sitecustomize.py").write_text(hidden + "\n")
    (tmp_path / "app.py").write_text("import sys\nprint(sys.modules['sitecustomize'].__file__)\n")
    spool = tmp_path / "spool"
    paths = (f"{agent_runs.AGENT}:{beside}", str(beside))
    env = {"COVEY_AGENT": switched, "PYTHONDONTWRITEBYTECODE": "1"}
    with_agent, without = (
        agent_runs.run(python, tmp_path / "app.py", spool=spool, env=env | {"PYTHONPATH": path}) for path in paths
    )
    if hidden.startswith("print"):
        assert with_agent.stderr == without.stderr == ""
        assert with_agent.stdout == without.stdout == f"hidden\n{beside / 'sitecustomize.py'}\n"
    # One that fails is told of as ever, but for our frames in the traceback.
    assert bool(with_agent.stderr) == bool(without.stderr)
    assert not spool.exists()


def test_its_syntax_is_that_of_all():
    tree = ast.parse(SITECUSTOMIZE.read_text(), feature_version=(3, 4))
    later = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.NamedExpr, ast.Nonlocal, ast.YieldFrom)
    assert [node for node in ast.walk(tree) if isinstance(node, later)] == []
    for node in ast.walk(tree):
        assert not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        assert not (isinstance(node, ast.arguments) and (node.kwonlyargs or node.posonlyargs))


def test_before_3_9_it_does_not_begin(newest):
    code = "import sys\nsys.version_info = (3, 8, 18)\nimport sitecustomize\nprint('covey_agent' in sys.modules)"
    done = newest.run("-S", "-c", code)
    assert (done.stdout, done.stderr) == ("False\n", "")
