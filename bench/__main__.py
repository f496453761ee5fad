"""python -m bench [NAME...]: prints tables of ratios and writes them to .cache/bench/NAME.json."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the interpreters and the cluster are found as tests do

# Each is a module here with `main(options)`.
BENCHES = ("agent", "cobertura", "collect", "coveragepy", "gocovdata", "gocover", "html", "istanbul", "lcov")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []], help="which; all by default")
    parser.add_argument("--pairs", type=int, default=30, help="interleaved pairs a comparison of the agent")
    parser.add_argument("--pythons", default="", help="as 3.11,3.13; all that are found by default")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds a comparison of formats")
    parser.add_argument("--full", action="store_true", help="formats on inputs of the size that the page tells")
    options = parser.parse_args()
    for name in options.bench or BENCHES:
        importlib.import_module(f"bench.{name}").main(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
