"""Runs covey as its user does, and compares what it says with coverage.py."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COVEY = Path(sys.executable).with_name("covey")


@dataclass(frozen=True)
class Covey:
    """The command line, in a checkout, with a cluster's environment."""

    checkout: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str | Path, exit_code: int = 0, timeout: float = 120) -> subprocess.CompletedProcess:
        command = [COVEY, *arguments]
        environment = self.environment
        done = subprocess.run(
            command, cwd=self.checkout, env=environment, capture_output=True, text=True, timeout=timeout
        )
        what = f"covey {' '.join(map(str, arguments))}"
        shown = f"{what}: exit code {done.returncode}\n{done.stderr}\n{done.stdout[:3000]}"
        assert done.returncode == exit_code, shown
        return done

    def collect(self, *arguments: str | Path, out: Path, exit_code: int = 0) -> dict[str, Any]:
        """The `covey.collect/1` answer; the bundle is in `out`."""
        done = self("collect", *arguments, "-o", out, "--json", exit_code=exit_code)
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["schema"] == "covey.collect/1"
        return answer

    def report(self, *bundles: Path, arguments: tuple[str, ...] = ()) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self("report", *bundles, *arguments, "--format", "json").stdout)
        assert answer["schema"] == "covey.report/1"
        return answer

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """A run that goes on, in a session of its own."""
        return subprocess.Popen(
            [COVEY, *arguments],
            cwd=self.checkout,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def manifest(bundle: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((bundle / "metadata.json").read_text())
    return read


def ran(report: dict[str, Any]) -> dict[str, set[int]]:
    """path -> the lines that ran."""
    files = report["files"].items()
    return {path: {int(line) for line, hits in file.get("lines", {}).items() if hits} for path, file in files}


def assert_exact(report: dict[str, Any], reference: dict[str, Any]) -> None:
    """The same files, lines that ran, lines that did not, and totals as coverage.py."""
    files = reference["files"]
    assert ran(report) == {path: set(file["executed_lines"]) for path, file in files.items()}
    executable = {path: {int(line) for line in file.get("lines", {})} for path, file in report["files"].items()}
    assert executable == {path: {*file["executed_lines"], *file["missing_lines"]} for path, file in files.items()}
    totals = report["totals"]["lines"]
    wanted = reference["totals"]
    assert (totals["covered"], totals["total"]) == (wanted["covered_lines"], wanted["num_statements"])
