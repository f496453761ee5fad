"""Go's binary coverage data as text, beside `go tool covdata textfmt`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.commands import CACHE, Candidate, absent, keep, side_by_side, table

BIN = Path(sys.executable).parent
PACKAGES = 400
CASES = {"6 runs": 6, "100 runs": 100}


def main(options: argparse.Namespace) -> None:
    from oracle import go_program

    if go_program.go() is None:
        print(f"\ngocovdata: {go_program.ABSENT}")
        return
    results = {}
    for case, runs in CASES.items():
        folders = _recorded(runs)
        packages = len(go_program.covdata(folders[0].parent, "pkglist", *folders).splitlines())
        with tempfile.TemporaryDirectory() as scratch:
            rows = side_by_side(_candidates(folders, Path(scratch)), options.rounds)
            ours, theirs = ((Path(scratch) / name).read_text() for name in ("covey.out", "go.out"))
            same = ours.partition("\n")[2] == theirs.partition("\n")[2]
            print("byte by byte the same" if same else "covey and go tool covdata DISAGREE")
        blocks = ours.count("\n") - 1
        title = f"covdata of {packages} packages, {blocks} blocks, {case}"
        results[title] = rows
        print(table(title, rows), flush=True)
    keep("gocovdata", results)


def _candidates(folders: list[Path], scratch: Path) -> list[Candidate]:
    go = shutil.which("go")
    told = "-i=" + ",".join(map(str, folders))
    name = "go tool covdata textfmt"
    return [
        Candidate("covey merge", [BIN / "covey", "merge", *folders, "-o", scratch / "covey.out"]),
        Candidate(name, [go, "tool", "covdata", "textfmt", told, f"-o={scratch / 'go.out'}"])
        if go
        else absent(name, ""),
    ]


def _recorded(runs: int) -> list[Path]:
    """A folder a run of a program with the standard library instrumented too, made once."""
    from oracle import go_program

    home = CACHE / "inputs" / f"gocovdata-{PACKAGES}"
    if not (home / "depot").exists():
        shutil.rmtree(home, ignore_errors=True)
        go_program.write(home / "source", PACKAGES)
        go_program.build(home / "source", "atomic", home / "depot", everything=True)
    folders = [home / f"{number:03}" for number in range(runs)]
    for number, folder in enumerate(folders):
        if not folder.exists():
            go_program.record(home / "depot", folder, str(number % 5), "b", "a")
    return folders
