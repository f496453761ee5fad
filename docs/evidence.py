"""Writes a page under docs/reference/evidence from what `make prove` measured: when, of which commit, with what."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
LONGEST = 15
TOOLS = (("go", "version"), ("node", "--version"), ("javac", "--version"), ("chromium", "--version"))


@dataclass(frozen=True)
class Case:
    """One test case. `outcome`: passed, failed, error or skipped; `why`: the reason of the last. `figures`: what it
    recorded (pytest's record_property); one that records "table" and "row" gives a row of that table."""

    room: str
    name: str
    seconds: float
    outcome: str
    why: str
    figures: dict[str, str] = field(default_factory=dict)


def cases(results: Path) -> list[Case]:
    """Those of a file that pytest's --junitxml wrote."""
    found = []
    for case in ET.parse(results).iter("testcase"):  # noqa: S314 - pytest's own, written a moment ago
        told = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        outcome = {"failure": "failed", None: "passed"}.get(told.tag if told is not None else None, "")
        folders = case.get("classname", "").split(".")[1:] or ["-"]  # without "tests"; of a broken file there is none
        room = "/".join(folders[: 2 if folders[0] == "unit" and len(folders) > 2 else 1])
        found.append(
            Case(
                room,
                f"{folders[-1]}::{case.get('name', '')}",
                float(case.get("time", 0)),
                outcome or (told.tag if told is not None else ""),
                (told.get("message") or "") if told is not None else "",
                {one.get("name", ""): one.get("value", "") for one in case.iter("property")},
            )
        )
    return found


def page(found: list[Case], commit: str, now: datetime) -> str:
    by_room: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for case in found:
        by_room.setdefault(case.room, Counter())[case.outcome] += 1
        seconds[case.room] += case.seconds
    outcomes = ("passed", "failed", "error", "skipped")
    rows = [
        f"| {room} | " + " | ".join(str(by_room[room][outcome]) for outcome in outcomes) + f" | {seconds[room]:.0f} |"
        for room in sorted(by_room)
    ]
    total = Counter(case.outcome for case in found)
    skipped = Counter(case.why for case in found if case.outcome == "skipped")
    reasons = "; ".join(f"{count} x {why}" for why, count in skipped.items())
    longest = sorted(found, key=lambda case: -case.seconds)[:LONGEST]
    return "\n".join(
        [
            f"# `make prove`, {now:%Y-%m-%d}",
            "",
            f"Commit {commit}, {now:%Y-%m-%d %H:%M} UTC, {platform.system()} {platform.machine()}. " + tools(),
            looked(found) + " Cases marked `repeat` run 50 times; cases marked `long` run.",
            "",
            "| room | passed | failed | errors | skipped | seconds |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "| all | " + " | ".join(str(total[outcome]) for outcome in outcomes) + f" | {sum(seconds.values()):.0f} |",
            "",
            f"Skipped: {reasons or 'nothing'}.",
            "",
            "The longest cases:",
            "",
            "| case | seconds |",
            "| --- | --- |",
            *(f"| `{case.name}` | {case.seconds:.0f} |" for case in longest),
            "",
            *tables(found),
        ]
    )


def looked(found: list[Case]) -> str:
    """How many examples the property tests had; they record it."""
    examples = [int(case.figures["examples"]) for case in found if "examples" in case.figures]
    if not examples:
        return "No property test ran."
    several = f"{min(examples):,} to {max(examples):,} examples, {sum(examples):,} in all"
    return f"{len(examples)} property tests look at {several}."


def tables(found: list[Case]) -> list[str]:
    """Lines of the tables that cases recorded, the columns of each as its first case has them."""
    by_title: dict[str, list[dict[str, str]]] = {}
    for case in found:
        if "table" in case.figures and "row" in case.figures:
            by_title.setdefault(case.figures["table"], []).append(case.figures)
    lines = []
    for title, rows in sorted(by_title.items()):
        columns = [name for name in rows[0] if name != "table"]
        lines += [f"## {title}", "", "| " + " | ".join(["", *columns[1:]]) + " |", "| --- " * len(columns) + "|"]
        lines += ["| " + " | ".join(row.get(name, "") for name in columns) + " |" for row in rows]
        lines += [""]
    return lines


def tools() -> str:
    versions = [f"Python {platform.python_version()}"]
    for command in TOOLS:
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            versions.append(f"no {command[0]}")
        else:
            versions.append(ran.stdout.split("\n")[0].strip())
    return "; ".join(versions) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="what pytest's --junitxml wrote")
    results = cases(parser.parse_args().results)
    git = ("git", "-C", str(HERE), "rev-parse", "--short=12", "HEAD")
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    now = datetime.now(UTC)
    out = HERE / "reference" / "evidence" / f"{now:%Y-%m-%d}-{commit}.md"
    out.parent.mkdir(exist_ok=True)
    out.write_text(page(results, commit, now), encoding="utf-8")
    sys.stderr.write(f"wrote {out.relative_to(HERE.parent)}\n")


if __name__ == "__main__":
    main()
