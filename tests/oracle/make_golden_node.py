"""Make tests/golden/istanbul and tests/golden/v8 anew: PYTHONPATH=tests python tests/oracle/make_golden_node.py

The program of tests/golden/js is run as /srv/shop under nyc, under c8 and with NODE_V8_COVERAGE alone. Of Node's own
scripts, which are most of what V8 tells, two are kept.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from oracle import node_tools as node

GOLDEN = Path(__file__).parents[1] / "golden"
RAN_AS = "/srv/shop"


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "shop").resolve()
        node.lay_out(folder, compiled=True)
        _istanbul(folder)
        _v8(folder)


def _istanbul(folder):
    nyc, c8 = f"nyc-{node.version('nyc')}", f"c8-{node.version('c8')}"
    node.nyc(folder, "lib/till.js")
    (raw,) = (folder / ".nyc_output").glob("*.json")
    node.run(node.tool("nyc"), "report", "-r", "json", "-r", "lcovonly", cwd=folder)
    report = folder / "coverage" / "coverage-final.json"
    _keep(folder, "istanbul", nyc, {"coverage-final.json": report}, node.told(folder, report))
    _keep(folder, "istanbul", f"{nyc}-raw", {"raw.json": raw}, node.told(folder, report))
    _compiled(folder, nyc)
    node.record(folder, "dist/main.js", into="for-c8")
    told = node.c8(folder, "for-c8")
    _keep(folder, "istanbul", c8, {"coverage-final.json": folder / "for-c8-c8" / "coverage-final.json"}, told)


def _compiled(folder, nyc):
    """What nyc instruments is compiled: the raw file says what a map leads to the sources, which the report counts."""
    own = ["--extension=.ts", "--include=dist/**", "--include=src/**", "--temp-dir=raw"]
    node.run(node.tool("nyc"), "--silent", *own, "node", "dist/main.js", cwd=folder)
    (raw,) = (folder / "raw").glob("*.json")
    node.run(node.tool("nyc"), "report", *own, "-r", "json", "--report-dir=from-raw", cwd=folder)
    told = node.told(folder, folder / "from-raw" / "coverage-final.json")
    _keep(folder, "istanbul", f"{nyc}-compiled", {"raw.json": raw}, told)


def _v8(folder):
    name = "node-" + node.run("node", "--version", cwd=folder).strip().lstrip("v")
    _inspector(folder, name)
    for case, command in {
        "typescript": ["dist/main.js"],
        "bundle": ["out/bundle.js"],
        "module": ["lib/module.mjs"],
        "test": ["--test", "lib/till.test.js"],
    }.items():
        files = node.record(folder, *command, into=case)
        told = node.c8(folder, case)
        names = ["coverage.json"] if len(files) == 1 else [f"coverage-{number}.json" for number in range(len(files))]
        _keep(folder, "v8", f"{name}-{case}", dict(zip(names, files, strict=True)), told)


INSPECTED = """
const { Session } = require('inspector')
const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
const { total } = require('./lib/till.js')
total([{ price: 1 }, { price: 2 }])
session.post('Profiler.takePreciseCoverage', (_, taken) => {
  const own = taken.result.filter(script => script.url.includes('/lib/'))
  require('fs').mkdirSync('inspector')
  require('fs').writeFileSync('inspector/all.json', JSON.stringify({ result: own }))
  require('fs').writeFileSync('taken.json', JSON.stringify(own))
})
"""


def _inspector(folder, name):
    """The inspector's result as it is, an array; c8 wants it in an object."""
    (folder / "inspect.js").write_text(INSPECTED)
    node.run("node", "inspect.js", cwd=folder)
    _keep(folder, "v8", f"{name}-inspector", {"coverage.json": folder / "taken.json"}, node.c8(folder, "inspector"))


def _keep(folder, room, case, files, told):
    target = GOLDEN / room / case
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, path in files.items():
        text = path.read_text().replace(str(folder), RAN_AS)
        (target / name).write_text(_without_internals(text) if room == "v8" else text)
    expected = {name: node.figures(one) | {"hits": node.hits(one)} for name, one in sorted(told.items())}
    (target / "expected.json").write_text(json.dumps({"tool": case, "files": expected}, indent=1) + "\n")


def _without_internals(text):
    process = json.loads(text)
    if isinstance(process, list):
        return text
    own = [one for one in process["result"] if one["url"].startswith("node:")]
    process["result"] = [one for one in process["result"] if one in own[:2] or one not in own]
    return json.dumps(process, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    main()
