"""Fuzz one format for as long as you like, or make a finding a golden case.

PYTHONPATH=tests python -m fuzz FORMAT --seconds 600
PYTHONPATH=tests python -m fuzz FORMAT --keep NAME=FILE
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from fuzz import cases
from fuzz.campaign import Campaign, number_of, tried

CACHE = Path(__file__).parents[2] / ".cache" / "fuzz"


def main() -> int:
    parser = argparse.ArgumentParser("fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format")
    parser.add_argument("--seconds", type=float, default=60, help="how long; it goes on where the last run ended")
    parser.add_argument(
        "--keep", metavar="NAME=FILE", help="store a finding, once it is mended, under tests/golden/found"
    )
    asked = parser.parse_args()
    if asked.keep:
        name, _, path = asked.keep.partition("=")
        return keep(asked.format, name, Path(path))
    result = Campaign(asked.format, CACHE / asked.format, seconds=asked.seconds).run()
    sys.stdout.write(", ".join(f"{name} {value}" for name, value in result.figures.items()) + "\n")
    for path in result.found:
        sys.stdout.write(f"\n{path}\n{path.with_name(f'{path.stem}.txt').read_text()[-1500:]}\n")
    return 1 if result.found else 0


def keep(name: str, called: str, path: Path) -> int:
    """1 where it is a finding still."""
    case = cases.load(path)
    number = number_of(path)
    _, wrong, outcome = tried(name, case, CACHE / name, number)
    if wrong:
        sys.stderr.write(f"{wrong}\nMend it first.\n")
        return 1
    folder = cases.FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    cases.save(case, folder / called)
    record = folder / "expected.json"
    expected = json.loads(record.read_text()) if record.exists() else {}
    expected[called] = {"input": number, "outcome": outcome}
    record.write_text(json.dumps(dict(sorted(expected.items())), indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
