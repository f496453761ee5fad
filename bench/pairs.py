"""Interleaved pairs: each candidate is run right beside the baseline, so that what else the machine does hits both."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Student's t, two-sided 95 %, by degrees of freedom; beyond the last the normal distribution's 1.96.
_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 7: 2.36, 9: 2.26, 11: 2.20, 14: 2.14, 19: 2.09, 24: 2.06, 29: 2.05}


@dataclass(frozen=True)
class Ratios:
    """The ratio of CPU time to the baseline's: geometric mean and its 95 % interval."""

    name: str
    mean: float
    low: float
    high: float
    pairs: int
    seconds: float  # of CPU, the candidate's median

    def row(self) -> str:
        interval = f"{self.low:.3f} .. {self.high:.3f}"
        return f"  {self.name:34} {self.mean:7.3f}   {interval:18} {self.seconds:8.3f} s   {self.pairs} pairs"


def cpu_seconds(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> float:
    """User and system time of a command and all it waits for; RuntimeError when it fails."""
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    here = Path.cwd()
    os.chdir(cwd)
    try:
        pid = os.posix_spawn(command[0], list(command), dict(env), file_actions=quiet)
    finally:
        os.chdir(here)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def compare(
    baseline: Callable[[], float], candidates: Mapping[str, Callable[[], float]], pairs: Mapping[str, int]
) -> list[Ratios]:
    """Run the baseline and each candidate in turn, `pairs[name]` times, after one round that does not count."""
    for run in (baseline, *candidates.values()):
        run()
    logs: dict[str, list[float]] = {name: [] for name in candidates}
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(max(pairs.values())):
        for name, run in candidates.items():
            if number >= pairs[name]:
                continue
            base, cost = baseline(), run()
            logs[name].append(math.log(cost / base))
            seconds[name].append(cost)
    return [_ratios(name, logs[name], seconds[name]) for name in candidates]


def _ratios(name: str, logs: Sequence[float], seconds: Sequence[float]) -> Ratios:
    mean = statistics.fmean(logs)
    half = 0.0
    if len(logs) > 1:
        t = next((value for freedom, value in sorted(_T.items()) if freedom >= len(logs) - 1), 1.96)
        half = t * statistics.stdev(logs) / math.sqrt(len(logs))
    middle = statistics.median(seconds)
    return Ratios(name, math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(logs), middle)
