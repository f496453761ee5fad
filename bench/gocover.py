"""100 Go text profiles into one, beside a merge on the parser of golang.org/x/tools/cover."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import inputs_gocover
from bench.commands import CACHE, Candidate, absent, keep, side_by_side, table
from bench.inputs import Program, shards

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
SHARDS = 100
FILES = {False: 60, True: 400}  # about 45 MB and 300 MB
CASES = {
    "every file touched": {"write": inputs_gocover.write, "touch": 1.0},
    "10 % touched": {"write": inputs_gocover.write, "touch": 0.1},
    "keys differ, half of the files each": {"write": inputs_gocover.write_entered, "touch": 0.5},
    "mode set, half of the files each, in any order": {"write": inputs_gocover.write_sets, "touch": 0.5},
}


def main(options: argparse.Namespace) -> None:
    program = Program(FILES[options.full])
    results = {}
    for case, how in CASES.items():
        name = f"gocover-{how['write'].__name__}"
        paths = shards(name, how["write"], program, SHARDS, suffix=".out", touch=how["touch"])
        size = sum(path.stat().st_size for path in paths) / 1e6
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "covey.out"
            ours = Candidate("covey merge", [BIN / "covey", "merge", *paths, "-o", out])
            rows = side_by_side([ours, _peer(paths, Path(folder) / "peer.out")], options.rounds)
            if (Path(folder) / "peer.out").exists():
                same = sorted(out.open()) == sorted((Path(folder) / "peer.out").open())
                print("the same blocks and counts" if same else "covey and the peer DISAGREE")
        title = f"{SHARDS} Go profiles, {size:.0f} MB, {case}"
        results[title] = rows
        print(table(title, rows), flush=True)
    keep("gocover", results)


def _peer(paths: list[Path], out: Path) -> Candidate:
    name = "x/tools/cover merge"
    program = CACHE / "go-merge"
    go = shutil.which("go")
    if go is None:
        return absent(name, "it is built with Go, which is not on the PATH")
    CACHE.mkdir(parents=True, exist_ok=True)
    build = [go, "build", "-o", str(program), "."]
    done = subprocess.run(build, cwd=HERE / "peers" / "go", env=os.environ | {"GOWORK": "off"}, capture_output=True)
    if done.returncode:
        return absent(name, f"go build of bench/peers/go: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return Candidate(name, [program, out, *paths])
