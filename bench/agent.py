"""What the Python agent costs a program: beside nothing, coverage.py's cores and slipcover, on each Python."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import interpreters

from bench.pairs import Ratios, compare, cpu_seconds
from covey import instrumentation

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"
UV = HERE.parent / ".cache" / "uv" / "bin" / "uv"
MODULES = 1_000
SETTLED = 2.2  # seconds after which the agent believes that a file's time tells its changes: an image's files are older


def main(options: argparse.Namespace) -> None:
    wanted = options.pythons.split(",") if options.pythons else ["3.9", "3.11", "3.12", "3.13"]
    results = {}
    for version in wanted:
        python = _environment(version)
        if python is None:
            print(f"\nPython {version}: not on this machine")
            continue
        print(f"\nPython {version}: CPU time, ratio to the same program without a recorder (mean, 95 % interval)")
        results[version] = {job: _job(python, version, job, options.pairs) for job in ("web", "loops", "startup")}
    CACHE.mkdir(parents=True, exist_ok=True)
    rows = {v: {j: [dataclasses.asdict(r) for r in rs] for j, rs in jobs.items()} for v, jobs in results.items()}
    (CACHE / "agent.json").write_text(json.dumps(rows, indent=1))


def _environment(version: str) -> Path | None:
    """A virtual environment of that Python with the peers in it; None when the interpreter is absent."""
    folder = CACHE / f"venv-{version}"
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        found = interpreters.locate(version)
        if found is None:
            return None
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([UV, "venv", "--quiet", "--python", found, folder], check=True)
        requirements = HERE.parent / "requirements" / "bench.txt"
        env = os.environ | {"VIRTUAL_ENV": str(folder)}
        subprocess.run([UV, "pip", "install", "--quiet", "--require-hashes", "-r", requirements], env=env, check=True)
        (folder / "done").touch()
    return python


def _job(python: Path, version: str, job: str, pairs: int) -> list[Ratios]:
    folder = CACHE / f"work-{version}-{job}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    script = _modules(folder) if job == "startup" else HERE / "workloads" / f"{job}.py"
    spool = folder / "spool"
    plain = {"PATH": os.defpath, "HOME": str(folder), "PYTHONHASHSEED": "0"}
    agent = instrumentation.environment(plain) | {
        "COVEY_AGENT_SPOOL": str(spool),
        "COVEY_AGENT_SOURCE": str(script.parent),
        "COVERAGE_PORT": "39095",
    }
    source = f"--source={script.parent}"

    def run(env: dict[str, str], *command: str) -> Callable[[], float]:
        def once() -> float:
            for segment in spool.glob("*/*.seg"):
                segment.unlink()  # a machine is not restarted 30 times; what stays is the cache of rewritten code
            return cpu_seconds([str(python), *command], env, folder)

        return once

    data = ("-m", "coverage", "run", "--data-file=.coverage", source)
    candidates = {"covey": run(agent, str(script))}
    if job != "startup":
        candidates["coverage, C tracer"] = run(plain | {"COVERAGE_CORE": "ctrace"}, *data, str(script))
        if version in interpreters.MONITORING:
            candidates["coverage, sysmon"] = run(plain | {"COVERAGE_CORE": "sysmon"}, *data, str(script))
        candidates["slipcover"] = run(plain, "-m", "slipcover", source, "--out", "slip.json", str(script))
    often = {name: pairs if name == "covey" else max(2, pairs // 3) for name in candidates}
    found = compare(run(plain, str(script)), candidates, often)
    for ratios in found:
        print(f"{job:8}{ratios.row()}", flush=True)
    for folder_ in spool.glob("*"):
        instrumentation.stop_helper(folder_)
    return found


def _modules(folder: Path) -> Path:
    """A program that imports 1,000 modules of 60 lines and does little else."""
    package = folder / "app" / "many"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for number in range(MODULES):
        functions = "\n".join(
            f"def f{at}(a, b={at}):\n    if a > b:\n        return a - b\n    total = 0\n"
            f"    for x in range(a):\n        total += x * b\n    return total\n\n"
            for at in range(7)
        )
        (package / f"m{number}.py").write_text(f'"""Module {number}."""\n\nNAME = "m{number}"\n\n{functions}')
    script = folder / "app" / "main.py"
    script.write_text(
        f"import importlib\nfor number in range({MODULES}):\n    importlib.import_module(f'many.m{{number}}')\n"
    )
    time.sleep(SETTLED)
    return script


if __name__ == "__main__":
    main(argparse.Namespace(pairs=30, pythons=""))
