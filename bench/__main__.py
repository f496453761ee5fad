"""python -m bench [agent|collect] [--pairs N]: prints tables of ratios and writes them to .cache/bench/NAME.json."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the interpreters and the cluster are found as tests do

from bench import agent, collect

BENCHES = {"agent": agent.main, "collect": collect.main}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []], help="which; all by default")
    parser.add_argument("--pairs", type=int, default=30, help="interleaved pairs a comparison")
    parser.add_argument("--pythons", default="", help="as 3.11,3.13; all that are found by default")
    options = parser.parse_args()
    for name in options.bench or BENCHES:
        BENCHES[name](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
