"""100 LCOV shards into one tracefile, beside the tools that do the same."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench import inputs_lcov
from bench.commands import Candidate, absent, keep, side_by_side, table
from bench.inputs import Program, shards

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NODE = HERE.parent / ".cache" / "bench-node" / "node_modules" / ".bin"
SHARDS = 100
FILES = {False: 90, True: 1000}  # about 31 MB and 350 MB
CASES = {
    "every file touched": {"touch": 1.0},
    "10 % touched": {"touch": 0.1},
    "keys differ": {"touch": 1.0, "differ": 0.1},
}


def main(options: argparse.Namespace) -> None:
    program = Program(FILES[options.full], suffix=".c")
    results = {}
    for case, how in CASES.items():
        paths = shards("lcov", inputs_lcov.write, program, SHARDS, suffix=".info", **how)
        size = sum(path.stat().st_size for path in paths) / 1e6
        with tempfile.TemporaryDirectory() as folder:
            rows = side_by_side(_candidates(paths, Path(folder)), options.rounds)
        title = f"{SHARDS} LCOV shards, {size:.0f} MB, {case}"
        results[title] = rows
        print(table(title, rows), flush=True)
    keep("lcov", results)


def _candidates(paths: list[Path], folder: Path) -> list[Candidate]:
    out = folder / "out.info"
    found = [Candidate("covey merge", [BIN / "covey", "merge", *paths, "-o", out])]
    fastcov = BIN / "fastcov"
    found.append(
        Candidate("fastcov -C", [fastcov, "-C", *paths, "--lcov", "-o", folder / "fastcov.info"])
        if fastcov.exists()
        else absent("fastcov -C", "`make bench` installs it")
    )
    merger = NODE / "lcov-result-merger"
    merged = folder / "merged.info"
    found.append(
        Candidate("lcov-result-merger", [merger, paths[0].parent / "*.info", merged])
        if merger.exists()
        else absent("lcov-result-merger", "`make bench` installs it where there is npm")
    )
    grcov = Path(shutil.which("grcov") or Path.home() / ".cargo" / "bin" / "grcov")
    found.append(
        Candidate(
            "grcov",
            [grcov, paths[0].parent, "-t", "lcov", "--branch", "-o", folder / "grcov.info"],
            note="counts of branches and functions become 0 or 1",
        )
        if grcov.exists()
        else absent("grcov", "cargo install --locked grcov")
    )
    return found
