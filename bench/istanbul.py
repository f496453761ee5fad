"""20 shards of Istanbul's JSON into one, beside nyc merge."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import inputs_istanbul
from bench.commands import Candidate, absent, keep, side_by_side, table
from bench.inputs import Program, shards

HERE = Path(__file__).parent
COVEY = Path(sys.executable).parent / "covey"
NYC = HERE.parent / ".cache" / "bench-node" / "node_modules" / ".bin" / "nyc"
SHARDS = 20
FILES = {False: 100, True: 400}  # about 55 MB and 220 MB
CASES = {
    "every file touched": {"touch": 1.0},
    "10 % touched": {"touch": 0.1},
    "keys differ": {"touch": 1.0, "differ": 0.1},
}


def main(options: argparse.Namespace) -> None:
    program = Program(FILES[options.full], suffix=".js")
    results = {}
    for case, how in CASES.items():
        paths = shards("istanbul", inputs_istanbul.write, program, SHARDS, suffix=".json", **how)
        size = sum(path.stat().st_size for path in paths) / 1e6
        with tempfile.TemporaryDirectory() as folder:
            rows = side_by_side(_candidates(paths, Path(folder), "differ" in how), options.rounds)
        title = f"{SHARDS} Istanbul shards, {size:.0f} MB, {case}"
        results[title] = rows
        print(table(title, rows), flush=True)
    keep("istanbul", results)


def _candidates(paths: list[Path], folder: Path, differ: bool) -> list[Candidate]:
    """nyc takes a folder, of shards only; statements of two builds are no error to it, so ours is told not to mind."""
    ours = [
        COVEY,
        "merge",
        *paths,
        "--format",
        "istanbul",
        "-o",
        folder / "out.json",
        *(["--relaxed"] if differ else []),
    ]
    inputs = folder / "shards"
    inputs.mkdir()
    for path in paths:
        (inputs / path.name).symlink_to(path)
    return [
        Candidate("covey merge", ours, cwd=folder),
        Candidate("nyc merge", [NYC, "merge", inputs, folder / "nyc.json"], cwd=folder)
        if NYC.exists()
        else absent("nyc merge", "`make bench` installs it where there is npm"),
    ]
