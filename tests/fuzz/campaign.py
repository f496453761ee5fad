"""Fuzzing one format: runners are started, watched, and started again where an input ended one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz import cases
from fuzz.cases import Case
from fuzz.reducing import reduced
from fuzz.runner import SECONDS, Plan, remove, store

TESTS = Path(__file__).parent.parent
STANDSTILL = 180  # seconds of the clock in which a runner tries nothing new, though it uses no processor
MOST_DEATHS = 5  # runners that an input ended, until it is enough
REDUCING = 12  # processes for making such an input small
_HANGS = -signal.SIGPROF


@dataclass(frozen=True)
class Result:
    """What one campaign came to. inputs: tried by it; all: by it and those before it whose state it went on with."""

    inputs: int
    all: int
    seconds: float
    kept: int
    outcomes: int
    lines: int
    memory: int  # bytes, the most
    slowest: float  # seconds of processor time, of one input
    found: tuple[Path, ...]

    @property
    def figures(self) -> dict[str, int]:
        rate = round(self.inputs / self.seconds) if self.seconds else 0
        return {
            "inputs": self.inputs, "inputs before": self.all - self.inputs, "inputs a second": rate,
            "seconds": round(self.seconds), "kept": self.kept, "outcomes": self.outcomes,
            "peak MiB": self.memory >> 20, "slowest ms": round(self.slowest * 1000), "findings": len(self.found),
        }  # fmt: skip


@dataclass
class Campaign:
    """`folder` holds what it goes on from, and gets its findings."""

    format: str
    folder: Path
    count: int | None = None
    seconds: float | None = None
    limit: float = SECONDS
    standstill: float = STANDSTILL
    most_deaths: int = MOST_DEATHS
    reducing: int = REDUCING
    stopped: threading.Event = field(default_factory=threading.Event)  # ends it soon, whatever is left to do

    def run(self) -> Result:
        (self.folder / "found").mkdir(parents=True, exist_ok=True)
        for path in cases.stored(self.folder / "found"):
            self._again(path)
        first, began = self._state().get("next", 0), time.monotonic()
        states = list(self._stints(first, began))
        seconds, end = time.monotonic() - began, max(state.get("next", 0) for state in states)
        memory, slowest = (max(state.get(name, 0) for state in states) for name in ("memory", "slowest"))
        kept, outcomes, lines = (states[-1].get(name, 0) for name in ("kept", "outcomes", "lines"))
        found = tuple(cases.stored(self.folder / "found"))
        return Result(end - first, end, seconds, kept, outcomes, lines, memory, slowest, found)

    def _stints(self, first: int, began: float) -> Iterator[dict[str, Any]]:
        """Runner after runner until all is done, too many died, or it is stopped; what each came to."""
        begin = first
        for _ in range(self.most_deaths):
            left = None if self.seconds is None else max(0.0, self.seconds - (time.monotonic() - began))
            count = None if self.count is None else first + self.count - begin
            code = self._runner(Plan(self.format, str(self.folder), begin, count, left, limit=self.limit))
            state = self._state()
            if not code or self.stopped.is_set():
                yield state
                return
            begin = max(begin, self._died(code) + 1)
            yield {**state, "next": begin}
            if left == 0:
                return

    def _state(self) -> dict[str, Any]:
        path = self.folder / "state.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _again(self, path: Path) -> None:
        """A finding of before that has been mended goes aside, from where it can be made a golden case."""
        if not tried(self.format, cases.load(path), self.folder, number_of(path), self.limit)[1]:
            aside = self.folder / "mended"
            aside.mkdir(exist_ok=True)
            for one in (path, path.with_name(f"{path.stem}.txt")):
                shutil.move(one, aside / one.name)

    def _runner(self, plan: Plan) -> int:
        """0, or how an input ended the process. RuntimeError where it was not an input."""
        with (self.folder / "log").open("w") as log:
            process = start(plan, log)
            self._watch(process)
        if process.returncode > 0:
            raise RuntimeError(f"the runner of {plan.format} broke: {(self.folder / 'log').read_text()[-3000:]}")
        return process.returncode

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Waits; ends a process that stands still."""
        trying, seen, since = self.folder / "trying", 0, time.monotonic()
        while True:
            try:
                process.wait(0.2 if self.count else 1)
            except subprocess.TimeoutExpired:
                changed = trying.stat().st_mtime_ns if trying.exists() else 0
                if self.stopped.is_set():
                    process.terminate()
                elif changed != seen:
                    seen, since = changed, time.monotonic()
                elif time.monotonic() - since > self.standstill:
                    process.kill()
            else:
                return

    def _died(self, code: int) -> int:
        number, case = trying(self.folder)
        log = (self.folder / "log").read_text()
        left = iter(range(self.reducing))

        def same(candidate: Case) -> bool:
            return tried(self.format, candidate, self.folder, number, self.limit)[0] == code

        if code != -signal.SIGKILL:
            case = reduced(case, same, lambda: next(left, None) is not None)
        text = f"{told(code)}, input {number}\n\n{log[-6000:]}"
        store(self.folder, case, text, number)
        return number


def number_of(path: Path) -> int:
    """Of a stored finding, the number of the input that it was made of; 1 for other files."""
    found = re.fullmatch(r"[0-9a-f]{12}-(-?\d+)", path.stem)
    return int(found[1]) if found else 1


def told(code: int) -> str:
    if code == _HANGS:
        return "takes too long"
    return "stands still" if code == -signal.SIGKILL else f"ends the process by {signal.Signals(-code).name}"


def start(plan: Plan, log: Any, out: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVEY_")}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TESTS), environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "fuzz.runner", json.dumps(vars(plan))]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=environ)


def trying(folder: Path) -> tuple[int, Case]:
    """What a runner tried last: N and the input."""
    head, _, rest = (folder / "trying").read_bytes().partition(b"\n")
    number, files = json.loads(head)
    found = []
    for name, length in files:
        found.append((name, rest[:length]))
        rest = rest[length:]
    return number, tuple(found)


def tried(name: str, case: Case, folder: Path, number: int = 1, limit: float = SECONDS) -> tuple[int, str, str]:
    """One input in a process of its own: how that ended, what is wrong ("" where nothing is), and the outcome. By its
    number it is known in which checkout sources are looked up, and which other format is written; 1: in none."""
    place = folder / "alone"
    place.mkdir(parents=True, exist_ok=True)
    path = cases.save(case, place / "case")
    with (place / "log").open("w+") as log:
        plan = Plan(name, str(place), number, only=str(path), limit=limit)
        process = start(plan, log, subprocess.PIPE)
        try:
            out, _ = process.communicate(timeout=STANDSTILL)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
        log.seek(0)
        said = log.read()
    remove(path)
    code = process.returncode
    wrong = said if code > 0 else told(code) if code else ""
    return code, wrong, json.loads(out) if not code else ""
