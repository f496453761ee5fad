"""The demo is right: the union of its four workers, one of them killed, is what coverage.py's tracer records of the
same requests in one process, and its totals are `coverage report`'s."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest

from covey import api
from covey.cli import demo
from covey.model.report import lines_of

REFERENCE = """
import json, sys
import coverage
orders = json.loads(sys.argv[2])
measured = coverage.Coverage(data_file=sys.argv[1])
measured.start()
sys.path.insert(0, ".")
from app import app
client = app.test_client()
for path in ("/status", "/", "/parcels/047003124554", "/parcels/12"):
    client.get(path)
for order in orders:
    client.post("/quote", json=order)
measured.stop()
measured.save()
measured.json_report(outfile=sys.argv[1] + ".json")
"""


def plain():
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("COVEY_", "COVERAGE_", "PYTHONPATH"))
    }


@pytest.fixture(scope="module", params=["3.11", "3.13"])
def shown(request, tmp_path_factory):
    """The folder of a demo whose service ran on that Python."""
    python = interpreters.with_packages(request.param)
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "covey", "demo", "-o", folder, "--python", python],
        capture_output=True,
        text=True,
        timeout=300,
        env=plain(),
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return python, folder, done


def executed(report):
    return {path: [n for n, hits in file.lines.items() if hits] for (_, path), file in report.files.items()}


def test_four_workers_and_a_killed_one_equal_one_traced_process(shown):
    python, folder, _ = shown
    orders = json.dumps([*demo.QUOTES, demo.ABROAD])
    data = str(folder / "reference")
    env = plain() | {"COVERAGE_CORE": "ctrace"}
    subprocess.run([python, "-c", REFERENCE, data, orders], cwd=folder / "service", env=env, check=True)
    told = json.loads(Path(data + ".json").read_text())
    ours = api.load(folder / "bundle", checkout=folder / "service")
    assert executed(ours) == {path: file["executed_lines"] for path, file in told["files"].items()}
    assert {path: file.lines.missing for (_, path), file in ours.files.items()} == {
        path: file["missing_lines"] for path, file in told["files"].items()
    }
    assert executed(ours)["parcels/ledger.py"] == []  # nothing imports it, and it counts
    totals = told["totals"]
    assert (ours.totals.lines.covered, ours.totals.lines.total) == (totals["covered_lines"], totals["num_statements"])


def test_the_killed_workers_lines_are_its_own_and_there(shown):
    _, folder, _ = shown
    manifest = json.loads((folder / "bundle" / "metadata.json").read_text())
    capture = json.loads(next((folder / "bundle").rglob("capture.json")).read_text())
    assert len(manifest["components"][0]["processes"]) >= demo.WORKERS + 1
    dead = [process for process in capture["processes"] if not process["alive"]]
    assert len(dead) == 1
    alive = [process for process in capture["processes"] if process["alive"]]
    [customs] = [path for path in dead[0]["files"] if path.endswith("parcels/customs.py")]
    body = "9,11,13-14,16-17"  # only a call runs these
    assert body in dead[0]["files"][customs]["lines"]
    assert not any(body in process["files"].get(customs, {"lines": ""})["lines"] for process in alive)


def test_the_unit_tests_figures_are_coverages_own(shown):
    python, folder, _ = shown
    told = subprocess.run(
        [python, "-m", "coverage", "json", "-o", "-"],
        cwd=folder / "service",
        env=plain(),
        capture_output=True,
        check=True,
    )
    totals = json.loads(told.stdout)["totals"]
    ours = api.load(folder / "service" / ".coverage", checkout=folder / "service").totals.lines
    assert (ours.covered, ours.total) == (totals["covered_lines"], totals["num_statements"])


def test_what_only_the_traffic_reached_is_told(shown):
    _, folder, done = shown
    report = api.load(
        checkout=folder / "service", parts={"unit": folder / "service" / ".coverage", "e2e": folder / "bundle"}
    )
    only = report.slices["part:e2e"][None, "parcels/customs.py"] & ~report.slices["part:unit"].get(
        (None, "parcels/customs.py"), 0
    )
    assert lines_of(only)
    line = next(line for line in done.stderr.splitlines() if line.strip().startswith("parcels/customs.py"))
    assert line.split()[1].rstrip(",").partition("-")[0] == str(lines_of(only)[0])
    assert (folder / "html" / "index.html").exists()


def test_nothing_of_the_demo_is_left_running(shown):
    _, folder, _ = shown
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "cmdline").read_bytes():
                left.append(process.name)
        except OSError:
            continue
    assert left == []
    assert not (folder / "spool").exists()
