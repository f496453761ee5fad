"""The process in which inputs of one format are tried, one after another: `python -m fuzz.runner PLAN`.

It may crash, hang or be ended by its bounds: what is being tried lies on disk before it is tried, so whoever started
it (`campaign.py`) can tell which input did it and go on after it.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz import cases
from fuzz.cases import GOLDEN, Case
from fuzz.judging import BrokenLawError, Judge
from fuzz.making import Maker
from fuzz.reached import Reached
from fuzz.reducing import reduced

from covey import plugins
from covey.formats.base import Sources
from covey.formats.sources import CheckoutSources, NoSources

MEMORY = 512 << 20  # bytes of address space that trying may take, beyond what the process has when it begins
SECONDS = 20.0  # of processor time that one input may take
MOST_KEPT = 1500  # inputs
MOST_KEPT_BYTES = 48 << 20
_REDUCING = 3  # seconds for making a finding small
_CHECKOUTS = ("coveragepy/source", "js", "c", "php")


@dataclass
class Plan:
    """folder: where state, kept inputs and findings lie. first: the first N. count or seconds: when to stop. only: a
    case to try, and nothing else, as input `first` would be. limit: seconds of processor time
    that one input may take."""

    format: str
    folder: str
    first: int = 0
    count: int | None = None
    seconds: float | None = None
    only: str = ""
    limit: float = SECONDS


@dataclass
class State:
    """What a runner has done; written each second and at the end."""

    next: int = 0
    kept: int = 0
    memory: int = 0  # bytes, the most that the process had
    slowest: float = 0.0  # seconds of processor time that one input took
    outcomes: int = 0
    lines: int = 0  # of the parsers reached, where Python tells


def found_as(error: BaseException) -> tuple[str, str]:
    """A finding's kind, the same for the same cause, and where it happened."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/covey/" in frame.filename]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "-"
    if isinstance(error, BrokenLawError):
        return str(error.args[0]), place
    return type(error).__name__, place


@dataclass
class Runner:
    plan: Plan
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.folder = Path(self.plan.folder)
        self.fmt = plugins.load("formats", self.plan.format)
        self.judge = Judge(self.fmt)
        self.reached = Reached()
        self.seen: set[Any] = set()
        self.kinds: set[str] = set()
        self._trying = os.open(self.folder / "trying", os.O_RDWR | os.O_CREAT, 0o644)
        self._checkouts: list[Sources] = []

    def sources(self, number: int) -> Sources:
        """None for half of the inputs. They remember what they were asked, so they are made anew now and then."""
        if number % 1000 == 0 or not self._checkouts:
            self._checkouts = [CheckoutSources(GOLDEN / name) for name in _CHECKOUTS]
        return NoSources() if number % 2 else self._checkouts[number // 2 % len(self._checkouts)]

    def attempt(self, case: Case, number: int) -> tuple[str, frozenset[Any]]:
        """As `Judge.judge`, with the input on disk and the clock running."""
        head = json.dumps([number, [[name, len(data)] for name, data in case]]).encode() + b"\n"
        os.ftruncate(self._trying, 0)
        os.pwritev(self._trying, [head, *(data for _, data in case)], 0)
        signal.setitimer(signal.ITIMER_PROF, self.plan.limit)
        began = time.process_time()
        try:
            return self.judge.judge(case, self.sources(number), number)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.state.slowest = max(self.state.slowest, time.process_time() - began)

    def tried(self, case: Case, number: int) -> bool:
        """Whether the outcome was new; a finding is made small and stored."""
        try:
            _, told = self.attempt(case, number)
        except Exception as error:
            self.found(case, number, error)
            return False
        new = bool(told - self.seen) or self.reached.new > 0
        self.seen |= told
        self.reached.new = 0
        return new

    def found(self, case: Case, number: int, error: Exception) -> None:
        kind, place = found_as(error)
        stage, text = self.judge.stage, "".join(traceback.format_exception(error))
        if (stage, kind, place) in self.kinds:
            return
        self.kinds.add((stage, kind, place))

        def same(candidate: Case) -> bool:
            try:
                self.attempt(candidate, number)
            except Exception as other:
                return found_as(other) == (kind, place)
            return False

        until = time.monotonic() + _REDUCING
        small = reduced(case, same, lambda: time.monotonic() < until) if same(case) else case
        store(self.folder, small, f"{kind} in {place}, to {stage}, input {number}\n\n{text}", number)

    def run(self) -> None:
        seeds = cases.seeds(self.plan.format, self.fmt)
        if not seeds:
            raise SystemExit(f"no files to begin with: put some of the real tool into {GOLDEN / self.plan.format}")
        kept = [cases.load(path) for path in self._paths()]
        bounds()
        for number, case in enumerate([*seeds, *kept], -len(seeds) - len(kept)):
            self.tried(case, number)
        self.state.next, self.state.kept = self.plan.first, len(kept)
        maker = Maker(self.plan.format, seeds, kept)
        for number in self._numbers():
            case = maker.make(number)
            if self.tried(case, number):
                self._keep(kept, case, number)
            self.state.next = number + 1
        self._write()

    def _paths(self) -> list[Path]:
        folder = self.folder / "corpus"
        folder.mkdir(exist_ok=True)
        return cases.stored(folder)

    def _keep(self, kept: list[Case], case: Case, number: int) -> None:
        """In the order of arrival; once it is full a new one takes the place of another of any age."""
        folder = self.folder / "corpus"
        if len(kept) >= MOST_KEPT or sum(map(cases.size, kept)) + cases.size(case) > MOST_KEPT_BYTES:
            paths = self._paths()
            at = number % len(paths)
            remove(paths[at])
            del kept[at]
        kept.append(case)
        cases.save(case, folder / f"{number:010}")
        self.state.kept = len(kept)

    def _numbers(self) -> Iterator[int]:
        number, began = self.plan.first, time.monotonic()
        told = began
        while True:
            now = time.monotonic()
            if now - told > 1:
                self._write()
                told = now
            if self.plan.seconds is not None and now - began > self.plan.seconds:
                return
            if self.plan.count is not None and number >= self.plan.first + self.plan.count:
                return
            yield number
            number += 1

    def _write(self) -> None:
        self.state.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        self.state.outcomes, self.state.lines = len(self.seen), self.reached.all
        new = self.folder / "state.new"
        new.write_text(json.dumps(dataclasses.asdict(self.state)))
        new.replace(self.folder / "state.json")


def store(folder: Path, case: Case, text: str, number: int) -> None:
    """A finding, beside a text of what happened; named by its content and number."""
    name = hashlib.sha256(b"\0".join(part for name, data in case for part in (name.encode(), data))).hexdigest()[:12]
    name = f"{name}-{number}"
    place = folder / "found"
    place.mkdir(exist_ok=True)
    cases.save(case, place / name)
    (place / f"{name}.txt").write_text(text, encoding="utf-8", errors="backslashreplace")


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def bounds() -> None:
    """From here on: so much memory, no core files; what takes too long ends the process and leaves its stack."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    most = pages * resource.getpagesize() + MEMORY
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    runner = Runner(plan)
    if plan.only:
        bounds()
        outcome, _ = runner.attempt(cases.load(Path(plan.only)), plan.first)
        print(json.dumps(outcome))  # noqa: T201 - the answer to whoever started this process
        return
    runner.reached.watch()
    runner.run()


if __name__ == "__main__":
    main()
