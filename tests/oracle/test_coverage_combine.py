"""Data files joined by `covey merge` against what `coverage combine` makes of them: lines, arcs, contexts, plugins."""

from __future__ import annotations

import subprocess
import sys

import pytest
from coverage import CoverageData

PATHS = ("/srv/pkg/a.py", "/srv/pkg/b.py", "/elsewhere/ü c.py")


def recorded(file, number, arcs):
    data = CoverageData(basename=str(file))
    for test in range(3):
        data.set_context("" if test == 2 else f"test_{test if number % 2 else number}")
        lines = {path: [1, 2 + number, 5 + test, 700 * test + 1] for path in PATHS[: 1 + (number + test) % 3]}
        if arcs:
            data.add_arcs({path: list(zip([-1, *ran], [*ran, -1], strict=True)) for path, ran in lines.items()})
        else:
            data.add_lines(lines)
    data.touch_files([PATHS[2]])
    data.add_file_tracers({PATHS[0]: "some.plugin"} if PATHS[0] in data.measured_files() else {})
    data.close(force=True)


def content(file):
    data = CoverageData(basename=str(file))
    data.read()
    found = {}
    for path in data.measured_files():
        # coverage.py lists the contexts of a line in the order of a set: of its hashes, and of who came first.
        contexts = {line: sorted(names) for line, names in data.contexts_by_lineno(path).items()}
        found[path] = data.file_tracer(path), contexts
        data.set_query_contexts(None)
        found[path] += (sorted(data.lines(path)), sorted(data.arcs(path) or ()))
    has_arcs = data.has_arcs()
    data.close(force=True)
    return found, has_arcs


@pytest.mark.parametrize("arcs", [False, True])
def test_the_union_is_that_of_combine(tmp_path, arcs):
    files = [tmp_path / f".coverage.{number}" for number in range(5)]
    for number, file in enumerate(files):
        recorded(file, number, arcs)
    command = [sys.executable, "-m", "coverage", "combine", "--keep", "-q", "--data-file=theirs", *files]
    subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-m", "covey", "merge", *files, "-o", "ours.coverage", "--checkout", "empty"]
    subprocess.run(command, cwd=tmp_path, check=True)
    theirs, ours = content(tmp_path / "theirs"), content(tmp_path / "ours.coverage")
    assert ours[1] == theirs[1] == arcs
    assert ours[0] == theirs[0]


def test_paths_are_mapped_and_scope_is_kept(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/a.py").write_text("a = 1\n")
    (tmp_path / "pkg/b.py").write_text("b = 1\n")
    for number in range(3):
        recorded(tmp_path / f".coverage.{number}", number, arcs=True)
    command = [sys.executable, "-m", "covey", "merge", ".coverage.*", "-o", "ours.coverage", "--exclude", "b.py"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert set(content(tmp_path / "ours.coverage")[0]) == {f"{tmp_path}/pkg/a.py", "/elsewhere/ü c.py"}


def test_lines_and_arcs_together_are_read_as_reports(tmp_path):
    for number in range(2):
        recorded(tmp_path / f".coverage.{number}", number, arcs=bool(number))
    command = [sys.executable, "-m", "covey", "merge", ".coverage.*", "-o", "ours.coverage"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert not content(tmp_path / "ours.coverage")[1]


@pytest.mark.parametrize("arcs", [False, True])
def test_paths_of_several_places_are_one_file_as_with_combine(tmp_path, arcs):
    """`[paths]` and `relative_files`: what ran as /srv/pkg, /app/pkg and in the checkout is one file."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/a.py").write_text("a = 1\n")
    (tmp_path / ".coveragerc").write_text(
        "[run]\nrelative_files = true\n[paths]\nsource =\n  pkg\n  /srv/pkg\n  /app/*/pkg\n"
    )
    for number, place in enumerate(("/srv/pkg", "/app/one/pkg", "pkg", "/app/two/pkg")):
        data = CoverageData(basename=str(tmp_path / f".coverage.{number}"))
        data.set_context(f"test_{number % 3}")
        lines = [1, 2 + number, 9 - number]
        ran = list(zip(lines, [*lines[1:], -1], strict=True)) if arcs else lines
        (data.add_arcs if arcs else data.add_lines)({f"{place}/a.py": ran})
        data.close(force=True)
    files = [f".coverage.{number}" for number in (0, 1, 2, 3, 1)]  # one of them twice
    command = [sys.executable, "-m", "coverage", "combine", "--keep", "-q", "--data-file=theirs", *files]
    subprocess.run(command, cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "covey", "merge", *files, "-o", "ours.coverage"]
    subprocess.run(command, cwd=tmp_path, check=True)
    theirs, ours = content(tmp_path / "theirs"), content(tmp_path / "ours.coverage")
    assert set(ours[0]) == {"pkg/a.py"}
    assert ours == theirs


def test_a_file_that_two_plugins_traced_is_refused_as_by_combine(tmp_path):
    for number in range(2):
        data = CoverageData(basename=str(tmp_path / f".coverage.{number}"))
        data.add_lines({"/t.html": [1]})
        data.add_file_tracers({"/t.html": f"plugin_{number}"})
        data.close(force=True)
    for tool in (["coverage", "combine", "--keep"], ["covey", "merge", "-o", "ours.coverage"]):
        command = [sys.executable, "-m", *tool, ".coverage.0", ".coverage.1"]
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode
        assert "/t.html" in done.stdout + done.stderr


def test_nothing_that_ran_is_nothing(tmp_path):
    for number in range(2):
        data = CoverageData(basename=str(tmp_path / f".coverage.{number}"))
        data.add_arcs({})
        data.close(force=True)
    command = [sys.executable, "-m", "covey", "merge", ".coverage.0", ".coverage.1", "-o", "ours.coverage"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert content(tmp_path / "ours.coverage")[0] == {}
