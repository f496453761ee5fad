"""Makes the golden files anew, with the real tools: `python tests/oracle/make_golden.py PYTHON... GCOVR`.

Needs `PYTHONPATH=tests`. PYTHON: interpreters that have coverage.py, one a version. GCOVR: that program; gcc has to be
on the PATH.
The projects are copied to /srv/shop and /srv/till, the paths that the files name, and removed again.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen
from xml.etree import ElementTree as ET

from agent_runs import environment

from covey import instrumentation

HERE = Path(__file__).parent.parent / "golden"
SHOP, TILL = Path("/srv/shop"), Path("/srv/till")
WATCHED = "import try_it\nprint(flush=True)\ninput()\ntry_it.test_total()\nprint(flush=True)\ninput()\n"
DUMP = "import coverage, sys; d = coverage.CoverageData('.coverage'); d.read(); sys.stdout.buffer.write(d.dumps())"


def run(*command: str, folder: Path) -> bytes:
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout


def expected(made_by: str, files: dict[str, dict[str, object]]) -> str:
    return json.dumps({"made_by": made_by, "files": files}, indent=1, sort_keys=True) + "\n"


def python(interpreter: str) -> None:
    question = "import coverage, sys; print(coverage.__version__, sys.version.split()[0])"
    tool, language = run(interpreter, "-c", question, folder=HERE).decode().split()
    for branch in (True, False):
        shutil.copytree(HERE / "coveragepy/source", SHOP)
        if not branch:
            config = SHOP / ".coveragerc"
            config.write_text(config.read_text().replace("branch = true", "branch = false"))
        run(interpreter, "-m", "coverage", "run", "try_it.py", folder=SHOP)
        for kind in ("json", "xml", *(["lcov"] if tool >= "6.3" else [])):
            run(interpreter, "-m", "coverage", kind, "-o", f"report.{kind}", folder=SHOP)
        told = json.loads((SHOP / "report.json").read_text())["files"]
        made_by = f"coverage.py {tool} on Python {language}"
        name = f"coveragepy-{tool}" + ("-branch" if branch else "")
        keep("coveragepy", name, made_by, told, {".coverage": "data.sqlite", "report.json": "report.json"})
        keep("cobertura", name, made_by, told, {"report.xml": "report.xml"})
        if tool >= "6.3":
            keep("lcov", name, made_by, told, {"report.lcov": "report.lcov"})  # up to 7.6 with lines of docstrings
        (HERE / "coveragepy" / name / "data.dump").write_bytes(run(interpreter, "-c", DUMP, folder=SHOP))
        shutil.rmtree(SHOP)


def keep(room: str, name: str, made_by: str, told: dict, files: dict[str, str]) -> None:
    target = HERE / room / name
    target.mkdir(parents=True, exist_ok=True)
    for file, kept in files.items():
        shutil.copy(SHOP / file, target / kept)
    lines = statements(SHOP / "report.xml")
    entries = {path: wanted(entry, lines[path]) for path, entry in told.items()}
    (target / "expected.json").write_text(expected(made_by, entries))


def statements(report: Path) -> dict[str, dict[int, bool]]:
    """Path -> line -> whether it ran, from the XML: up to 6.x, the JSON has lines that are no statements."""
    return {
        entry.get("filename", ""): {int(line.get("number")): line.get("hits") != "0" for line in entry.iter("line")}
        for entry in ET.parse(report).iter("class")
    }


def wanted(entry: dict, lines: dict[int, bool]) -> dict[str, object]:
    summary = entry["summary"]
    assert (sum(lines.values()), len(lines)) == (summary["covered_lines"], summary["num_statements"])
    return {
        "executed": sorted(line for line, ran in lines.items() if ran),
        "missing": sorted(line for line, ran in lines.items() if not ran),
        "branches": [summary.get("covered_branches", 0), summary.get("num_branches", 0)],
    }


def segments(interpreter: str) -> None:
    """What the agent answers of a live process with one window closed. The machine's boot id is left out."""
    version = run(interpreter, "-c", "import sys; print(sys.version.split()[0])", folder=HERE).decode().strip()
    shutil.copytree(HERE / "coveragepy/source", SHOP)
    (SHOP / "watched.py").write_text(WATCHED)
    with tempfile.TemporaryDirectory() as spool, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        environ = environment(spool, COVERAGE_PORT=port, COVEY_AGENT_SOURCE=str(SHOP))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([interpreter, "watched.py"], cwd=SHOP, env=environ, **pipes) as program:
            program.stdout.readline()
            url = f"http://127.0.0.1:{port}/covey/1"
            urlopen(f"{url}/epoch", b'{"name": "at start"}').read()
            program.stdin.write(b"\n")
            program.stdin.flush()
            program.stdout.readline()
            urlopen(f"{url}/epoch", b'{"name": "test_total"}').read()
            answer = urlopen(f"{url}/capture").read()
            program.communicate(b"\n")
        instrumentation.stop_helper(next(Path(spool).iterdir()))
    target = HERE / "segments" / f"python-{version}"
    target.mkdir(parents=True, exist_ok=True)
    boot = json.loads(answer)["boot_id"].encode()
    (target / "capture.json").write_bytes(answer.replace(boot, b"00000000-0000-0000-0000-000000000000"))
    shutil.rmtree(SHOP)


def c(gcovr: str) -> None:
    shutil.copytree(HERE / "c", TILL)
    run("gcc", "--coverage", "-O0", "-o", "till", "till.c", folder=TILL)
    run("./till", folder=TILL)
    version = run(gcovr, "--version", folder=TILL).decode().split("\n")[0]
    gcc = run("gcc", "-dumpfullversion", folder=TILL).decode().strip()
    run(gcovr, "--json", "told.json", "--cobertura", "report.xml", "--lcov", "report.lcov", folder=TILL)
    lines = json.loads((TILL / "told.json").read_text())["files"][0]["lines"]
    arms = [arm["count"] for line in lines for arm in line["branches"]]
    wanted = expected(
        f"{version}, gcc {gcc}",
        {
            "till.c": {
                "executed": [line["line_number"] for line in lines if line["count"]],
                "missing": [line["line_number"] for line in lines if not line["count"]],
                "hits": [line["count"] for line in lines],
                "branches": [sum(count > 0 for count in arms), len(arms)],
            }
        },
    )
    for room, file in {"cobertura": "report.xml", "lcov": "report.lcov"}.items():
        target = HERE / room / version.replace(" ", "-")
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(TILL / file, target / file)
        (target / "expected.json").write_text(wanted)
    shutil.rmtree(TILL)


if __name__ == "__main__":
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    for interpreter in sys.argv[1:-1]:
        python(interpreter)
        segments(interpreter)
    c(sys.argv[-1])
