"""Node and the tools that own JavaScript's coverage: c8, nyc, tsc, esbuild (versions: tests/oracle/node)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".cache" / "oracle-node" / "node_modules"
PROGRAM = ROOT / "tests" / "golden" / "js"


def need():
    """Skips where the tools are not installed."""
    if not shutil.which("node") or not (INSTALLED / ".bin" / "c8").exists():
        pytest.skip("Node's coverage tools are not installed: `make test` does it where there is npm")


def run(*command, cwd, **environment):
    """What a command prints; CalledProcessError with all of it when it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NODE", "NYC", "npm_"))}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=clean | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=120, text=True,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def tool(name):
    return INSTALLED / ".bin" / name


def version(name):
    return json.loads((INSTALLED / name / "package.json").read_text())["version"]


def lay_out(folder, *, compiled=False):
    """The sample program in a folder; `compiled`: with dist/ of tsc and out/ of esbuild."""
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
    if compiled:
        run(tool("tsc"), "-p", ".", cwd=folder)
        bundle = (tool("esbuild"), "src/main.ts", "--bundle", "--platform=node", "--log-level=warning")
        run(*bundle, "--sourcemap", "--outfile=out/bundle.js", cwd=folder)
        run(*bundle, "--sourcemap=inline", "--minify", "--outfile=out/mini.js", cwd=folder)
    return folder


def record(folder, *command, into="raw"):
    """Runs node with NODE_V8_COVERAGE; the files it wrote."""
    run("node", *command, cwd=folder, NODE_V8_COVERAGE=str(folder / into))
    return sorted((folder / into).glob("*.json"))


def c8(folder, raw="raw"):
    """c8's Istanbul JSON of raw data: path in the folder -> entry."""
    out = f"{raw}-c8"
    run(
        tool("c8"), "report", "--temp-directory", raw, "--exclude=**/node_modules/**", "--exclude-after-remap=false",
        "-r", "json", "-r", "json-summary", "--reports-dir", out, cwd=folder,
    )  # fmt: skip
    return told(folder, folder / out / "coverage-final.json")


def nyc(folder, *command, shown=("lib/till.js",)):
    """Runs node under nyc; the Istanbul JSON it reports."""
    inside = [f"--include={one}" for one in shown]
    run(tool("nyc"), "--silent", *inside, "node", *command, cwd=folder)
    return folder / ".nyc_output"


def told(folder, path):
    """path in the folder -> entry of an Istanbul JSON."""
    return {os.path.relpath(name, folder): entry for name, entry in json.loads(Path(path).read_text()).items()}


def hits(entry):
    """Line -> hits, as Istanbul's FileCoverage.getLineCoverage() says."""
    found = {}
    for key, count in entry["s"].items():
        line = entry["statementMap"][key]["start"]["line"]
        found[line] = max(found.get(line, 0), count)
    return found


def figures(entry):
    """covered and total of lines, statements, branches, functions."""
    lines, arms = hits(entry), [count for one in entry["b"].values() for count in one]
    return {
        "lines": [sum(count > 0 for count in lines.values()), len(lines)],
        "statements": [sum(count > 0 for count in entry["s"].values()), len(entry["s"])],
        "branches": [sum(count > 0 for count in arms), len(arms)],
        "functions": [sum(count > 0 for count in entry["f"].values()), len(entry["f"])],
    }


def ours(file):
    """The same of a file of a report."""
    totals = file.totals
    return {
        name: [getattr(totals, name).covered, getattr(totals, name).total]
        for name in ("lines", "statements", "branches", "functions")
    }
