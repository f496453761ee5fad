"""One large Cobertura and one large JaCoCo report, read with all fields and written, beside what reads them."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import inputs_cobertura, inputs_jacoco
from bench.commands import Candidate, absent, keep, side_by_side, table
from bench.inputs import Program, shards

BIN = Path(sys.executable).parent
PEERS = Path(__file__).parent / "xml_peers.py"
FILES = {False: 2000, True: 10_000}  # of Cobertura about 22 and 113 MB
READS = "reads only"


def main(options: argparse.Namespace) -> None:
    results = {}
    for name, write, suffix in (("cobertura", inputs_cobertura.write, ".py"), ("jacoco", inputs_jacoco.write, ".java")):
        (path,) = shards(name, write, Program(FILES[options.full], suffix=suffix), 1, suffix=".xml")
        title = f"{name}, {path.stat().st_size / 1e6:.0f} MB"
        with tempfile.TemporaryDirectory() as folder:
            results[title] = side_by_side(_candidates(name, path, Path(folder)), options.rounds)
        print(table(title, results[title]), flush=True)
    keep("cobertura", results)


def _candidates(name: str, path: Path, folder: Path) -> Sequence[Candidate]:
    merge = [BIN / "covey", "merge", path, "--format", name, "-o", folder / "out.xml"]
    found = [Candidate("covey merge", merge)]
    if importlib.util.find_spec("lxml"):
        found.append(Candidate("lxml iterparse", [sys.executable, PEERS, "lxml", name, path], note=READS))
    else:
        found.append(absent("lxml iterparse", "pip install lxml (requirements/peers.txt)"))
    found.append(Candidate("expat", [sys.executable, PEERS, "expat", name, path], note=READS))
    if name == "cobertura":
        pycobertura = BIN / "pycobertura"
        show = [pycobertura, "show", "--format", "json", "--output", folder / "shown.json", path]
        missing = absent("pycobertura show", "pip install pycobertura (requirements/peers.txt)")
        found.append(Candidate("pycobertura show", show) if pycobertura.exists() else missing)
    return found
