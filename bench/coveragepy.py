"""100 data files of coverage.py into one, beside `coverage combine`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import inputs_coveragepy
from bench.commands import Candidate, keep, side_by_side, table
from bench.inputs import Program

BIN = Path(sys.executable).parent
SHARDS = 100
FILES = {False: 300, True: 1000}
CASES = {
    "lines": {"arcs": False, "contexts": False, "touch": 1.0},
    "lines, three contexts a shard": {"arcs": False, "contexts": True, "touch": 1.0},
    "lines, 10 % touched": {"arcs": False, "contexts": False, "touch": 0.1},
    "arcs": {"arcs": True, "contexts": False, "touch": 1.0},
    "arcs, three contexts a shard": {"arcs": True, "contexts": True, "touch": 1.0},
}


def main(options: argparse.Namespace) -> None:
    program = Program(FILES[options.full], suffix=".py")
    results = {}
    for case, how in CASES.items():
        paths = inputs_coveragepy.shards(program, SHARDS, **how)
        size = sum(path.stat().st_size for path in paths) / 1e6
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            ours = [BIN / "covey", "merge", *paths, "-o", here / "ours.coverage"]
            theirs = [BIN / "coverage", "combine", "--keep", "-q", f"--data-file={here / 'theirs'}", *paths]
            rows = side_by_side(
                [Candidate("covey merge", ours, cwd=here), Candidate("coverage combine", theirs, cwd=here)],
                options.rounds,
            )
        title = f"{SHARDS} data files of {len(program.files)} files, {size:.0f} MB, {case}"
        results[title] = rows
        print(table(title, rows), flush=True)
    keep("coveragepy", results)
