"""Whole commands beside each other: CPU time as a ratio, in interleaved rounds, and peak memory.

    rows = side_by_side([Candidate("covey", [...]), Candidate("peer", [...])], rounds=3)
    print(table("100 LCOV shards, 31 MB", rows))

The first candidate is ours; each other row shows ours divided by it. A peer that is not on this machine is
`absent(name, how_to_get_it)`, and stands in the table as such.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache" / "bench"
# The peak of a process counts what its parent held when it was started, so a small process starts it.
_SMALL = """
import os, sys
answer = int(sys.argv[1])
os.set_inheritable(answer, False)
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
os.write(answer, f"{os.waitstatus_to_exitcode(status)} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
"""


@dataclass(frozen=True)
class Candidate:
    """`command`: an absolute path and its arguments. `cwd`: an empty folder unless one is named; covey takes it for the
    checkout. `without`: how to get the peer, when it is absent. `note`: what it does not do that the others do."""

    name: str
    command: Sequence[str | Path] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    note: str = ""
    without: str = ""
    before: Callable[[], object] | None = None  # run before each round, not measured


def absent(name: str, without: str) -> Candidate:
    return Candidate(name, without=without)


@dataclass(frozen=True)
class Row:
    """seconds: of CPU, the least of all rounds. megabytes: the most of any process of the command, median of rounds.
    ratio, low, high: our CPU time to this one's, the geometric mean of the rounds, the lowest and the highest."""

    name: str
    seconds: float = 0.0
    megabytes: float = 0.0
    ratio: float = 1.0
    low: float = 1.0
    high: float = 1.0
    note: str = ""


def measure(candidate: Candidate) -> tuple[float, float]:
    """CPU seconds (user and system, with all that the command waits for) and peak memory in MB of one run; RuntimeError
    with what it said when it fails."""
    if candidate.before:
        candidate.before()
    read, write = os.pipe()
    inherited = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", os.sep)}
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [sys.executable, "-ISc", _SMALL, str(write), *map(str, candidate.command)],
            env=inherited | dict(candidate.env),
            cwd=candidate.cwd or empty,
            pass_fds=[write],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    os.close(write)
    with os.fdopen(read) as answer:
        code, seconds, kilobytes = answer.read().split() or ("?", "0", "0")
    if code != "0":
        raise RuntimeError(f"{candidate.name} ended with {code}: {done.stdout.decode(errors='replace')[-2000:]}")
    return float(seconds), int(kilobytes) / 1024


def side_by_side(candidates: Sequence[Candidate], rounds: int = 3) -> list[Row]:
    """Run each in turn, `rounds` times, so that what else the machine does hits all of them."""
    present = [one for one in candidates if not one.without]
    runs: dict[str, list[tuple[float, float]]] = {one.name: [] for one in present}
    for _ in range(rounds):
        for one in present:
            runs[one.name].append(measure(one))
    ours = [seconds for seconds, _ in runs[present[0].name]]
    rows = []
    for one in candidates:
        if one.without:
            rows.append(Row(one.name, note=f"absent: {one.without}"))
            continue
        rows.append(_row(one, runs[one.name], ours))
    return rows


def _row(one: Candidate, runs: Sequence[tuple[float, float]], ours: Sequence[float]) -> Row:
    ratios = [mine / theirs for mine, (theirs, _) in zip(ours, runs, strict=True)]
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    least, most = min(seconds for seconds, _ in runs), statistics.median(megabytes for _, megabytes in runs)
    return Row(one.name, least, most, mean, min(ratios), max(ratios), one.note)


def table(title: str, rows: Sequence[Row]) -> str:
    told = [f"\n{title}: CPU seconds, peak MB, our CPU time to theirs (lowest, highest round)"]
    for row in rows:
        figures = f"{row.seconds:8.2f} s {row.megabytes:7.0f} MB {row.ratio:7.2f}  ({row.low:.2f} .. {row.high:.2f})"
        told.append(f"  {row.name:28} {figures if row.seconds else ' ' * 42} {row.note}".rstrip())
    return "\n".join(told)


def keep(name: str, results: Mapping[str, Sequence[Row]]) -> None:
    """Into .cache/bench/NAME.json."""
    CACHE.mkdir(parents=True, exist_ok=True)
    rows = {title: [asdict(row) for row in found] for title, found in results.items()}
    (CACHE / f"{name}.json").write_text(json.dumps(rows, indent=1))
