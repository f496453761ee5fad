"""Builds and runs the C++ program of tests/golden/c with coverage, by GCC or Clang, and lets the tools tell of it."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "golden" / "c"
GCC_TOOLS = ("g++", "gcov")
LLVM_TOOLS = ("clang++", "llvm-profdata", "llvm-cov")


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


@functools.cache
def missing(tools: tuple[str, ...]) -> str:
    """Which of the tools are not on this machine, and how to get them; "" when all are."""
    absent = [tool for tool in tools if not shutil.which(tool)]
    if "clang++" in tools and not absent:
        build = ["clang++", "-fprofile-instr-generate", "-x", "c++", "-", "-o", os.devnull]
        if subprocess.run(build, input=b"int main() {}", stderr=subprocess.DEVNULL).returncode:
            absent = ["profile runtime of clang++"]
    return f"no {', '.join(absent)}: apt-get install g++ lcov clang llvm libclang-rt-dev" if absent else ""


def with_gcc(folder: Path, runs: int = 1, program: str = "fare") -> None:
    """PROGRAM.gcda and .gcno in `folder`, of `runs` runs with more and more arguments, and the sources."""
    copy(folder)
    run("g++", "--coverage", "-O0", "-c", f"{program}.cc", folder=folder)
    run("g++", "--coverage", "-o", program, f"{program}.o", folder=folder)
    for number in range(runs):
        run(f"./{program}", *map(str, range(number)), folder=folder)


def with_clang(folder: Path, program: str = "fare", *options: str) -> dict:
    """Builds, runs, and exports: PROGRAM.json, PROGRAM.info. Returns the JSON."""
    copy(folder)
    run("clang++", "-fprofile-instr-generate", "-fcoverage-mapping", "-o", program, f"{program}.cc", folder=folder)
    run(f"./{program}", folder=folder)
    run("llvm-profdata", "merge", "default.profraw", "-o", "fare.profdata", folder=folder)
    export = ["llvm-cov", "export", f"./{program}", "-instr-profile=fare.profdata", *options]
    told = run(*export, folder=folder)
    (folder / f"{program}.json").write_text(told)
    (folder / f"{program}.info").write_text(run(*export, "-format=lcov", folder=folder))
    return json.loads(told)


def copy(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES.glob("*.*"):
        if not (folder / source.name).exists():
            shutil.copy(source, folder)


def summed(tracefile: str) -> dict[str, dict[str, object]]:
    """What a tracefile says, as lcov adds it up: by path, lines, arms as (line, block, branch), functions."""
    found: dict[str, dict[str, dict]] = {}
    for section in re.findall(r"^SF:.*?^end_of_record", tracefile, re.MULTILINE | re.DOTALL):
        path = section.partition("\n")[0][3:]
        kinds = found.setdefault(path, {"lines": {}, "arms": {}, "functions": {}})
        for line, hits in re.findall(r"^DA:(\d+),(\d+)", section, re.MULTILINE):
            kinds["lines"][int(line)] = kinds["lines"].get(int(line), 0) + int(hits)
        for line, block, arm, hits in re.findall(r"^BRDA:(\d+),(\w+),(\w+),(-|\d+)", section, re.MULTILINE):
            key = int(line), block, arm
            kinds["arms"][key] = kinds["arms"].get(key, 0) + (0 if hits == "-" else int(hits))
        for hits, name in re.findall(r"^FNDA:(\d+),(.*)", section, re.MULTILINE):
            kinds["functions"][name] = kinds["functions"].get(name, 0) + int(hits)
    return found


def version(tool: str) -> str:
    return re.search(r"\d+(?:\.\d+)+", run(tool, "--version", folder=SOURCES))[0]
