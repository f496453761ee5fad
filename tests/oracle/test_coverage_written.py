"""What `coverage report` says of the data that covey writes, against what it says of what `coverage combine` writes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from coverage import CoverageData

SETTINGS = {
    "nothing": "",
    "absolute": "[run]\nrelative_files = false\n",
    "relative": "[run]\nrelative_files = true\n",
    "container": "[paths]\nall =\n    .\n    /srv/app\n",
    "container, relative": "[run]\nrelative_files = true\n[paths]\nall =\n    .\n    /srv/app\n",
}
GOODS = "def pay(euros):\n    if euros > 3:\n        return 1\n    return 2\n\n\npay(2)\n"
FILES = {
    "shop/__init__.py": "from shop import goods\n",
    "shop/goods.py": GOODS,
    "shop/inner/__init__.py": "",
    "shop/inner/goods.py": GOODS,
    "shop/idle.py": GOODS,
    "first.py": "import shop\n",
    "second.py": "import shop.inner.goods\nif not shop:\n    shop.never()\n",
}


def run(folder, *arguments):
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def shown(folder, data):
    return run(folder, "coverage", "report", "-m", f"--data-file={data}").stdout


def paths(file):
    data = CoverageData(basename=str(file))
    data.read()
    found = data.measured_files()
    data.close(force=True)
    return found


def moved(root, name, prefix):
    """The data as if it had been recorded where the checkout lies at `prefix`."""
    data, there = CoverageData(basename=str(root / name)), CoverageData(basename=str(root / "there"))
    data.read()
    lines = {os.path.relpath(root / path, root): data.lines(path) for path in data.measured_files()}
    there.add_lines({f"{prefix}/{path}": ran for path, ran in lines.items()})
    there.touch_files([f"{prefix}/{path}" for path in lines])
    data.close(force=True)
    there.close(force=True)
    (root / "there").replace(root / name)


@pytest.fixture
def measured(tmp_path):
    """Makes a project of several folders, of which coverage.py measured two runs; its root."""

    def make(settings, prefix=""):
        root = tmp_path / "project"
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        if settings != "nothing":
            (root / ".coveragerc").write_text(SETTINGS[settings])
        for number, script in enumerate(("first.py", "second.py")):
            run(root, "coverage", "run", "--source=.", f"--data-file=.coverage.{number}", script)
            if prefix:
                moved(root, f".coverage.{number}", prefix)
        run(root, "coverage", "combine", "--keep", "-q", "--data-file=theirs", ".coverage.0", ".coverage.1")
        return root

    return make


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [*((name, "") for name in SETTINGS), ("container", "/srv/app"), ("container, relative", "/srv/app")],
)
def test_coverage_reports_of_a_union_what_it_reports_of_combine(measured, settings, prefix):
    root = measured(settings, prefix)
    told = run(root, "covey", "merge", ".coverage.*", "-o", "ours.coverage").stderr
    assert "relative_files" not in told
    assert paths(root / "ours.coverage") == paths(root / "theirs")
    assert shown(root, "ours.coverage") == shown(root, "theirs")
    assert "TOTAL" in shown(root, "ours.coverage")


@pytest.mark.parametrize("settings", ["nothing", "relative", "container"])
def test_coverage_reports_of_a_written_report_what_it_reports_of_combine(measured, settings):
    root = measured(settings)
    run(root, "covey", "merge", ".coverage.*", "-o", "merged.json")
    for verb in ("merge", "report"):
        told = run(root, "covey", verb, "merged.json", "-o", "ours.coverage").stderr
        assert "relative_files" not in told
        assert paths(root / "ours.coverage") == paths(root / "theirs")
        assert shown(root, "ours.coverage") == shown(root, "theirs")
        (root / "ours.coverage").unlink()


def test_what_has_no_place_stays_as_recorded_and_what_is_relative_there_is_told(measured):
    root = measured("nothing")
    moved(root, ".coverage.0", "/nowhere/else")
    data = CoverageData(basename=str(root / ".coverage.2"))
    data.add_lines({"gone/a.py": [1], "D:\\build\\b.py": [1], "/usr/lib/c.py": [2], "shop/goods.py": [7]})
    data.close(force=True)
    told = run(root, "covey", "merge", ".coverage.2", "-o", "ours.coverage").stderr
    assert paths(root / "ours.coverage") == {"gone/a.py", "D:/build/b.py", "/usr/lib/c.py", str(root / "shop/goods.py")}
    assert "relative_files = true, and to run in its root: D:/build/b.py, gone/a.py" in told
    (root / ".coveragerc").write_text(SETTINGS["relative"])
    told = run(root, "covey", "merge", ".coverage.2", "-o", "ours.coverage").stderr
    assert paths(root / "ours.coverage") == {"gone/a.py", "D:/build/b.py", "/usr/lib/c.py", "shop/goods.py"}
    assert "relative_files" not in told


def test_a_link_is_called_by_the_file_that_it_leads_to(measured):
    root = measured("nothing")
    (root / "link.py").symlink_to("shop/goods.py")
    data = CoverageData(basename=str(root / ".coverage.2"))
    data.add_lines({"link.py": [1], str(root / "shop/goods.py"): [7]})
    data.close(force=True)
    run(root, "covey", "merge", ".coverage.2", "-o", "ours.coverage")
    assert paths(root / "ours.coverage") == {str(root / "shop/goods.py")}


def test_bytes_are_the_same_wherever_it_is_called(measured, tmp_path):
    root = measured("nothing")
    run(root, "covey", "merge", ".coverage.0", ".coverage.1", "-o", "ours.coverage")
    (tmp_path / "link").symlink_to(root)
    run(tmp_path, "covey", "merge", "link/.coverage.1", "link/.coverage.0", "--checkout", "link", "-o", "o.coverage")
    assert (tmp_path / "o.coverage").read_bytes() == (root / "ours.coverage").read_bytes()
