"""Java, JaCoCo and OpenClover (versions: java/pom.xml), and the program of tests/oracle/java under them."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
JARS = ROOT / ".cache" / "oracle-java"
PROGRAM = Path(__file__).parent / "java"
JACOCO, OPENCLOVER = "0.8.13", "4.5.2"
AGENT = JARS / f"org.jacoco.agent-{JACOCO}-runtime.jar"
CLI = JARS / f"org.jacoco.cli-{JACOCO}-nodeps.jar"
CLOVER = JARS / f"clover-{OPENCLOVER}.jar"
RUNS = ("one", "two")


def need():
    """Skips where Java or the jars are not there."""
    if not shutil.which("javac"):
        pytest.skip("there is no Java compiler (Debian: default-jdk-headless)")
    if not (AGENT.exists() and CLI.exists() and CLOVER.exists()):
        pytest.skip("JaCoCo and OpenClover are not installed: `make test` does it where there is Maven")


def run(*command, cwd):
    """What a command prints; AssertionError with all of it when it fails."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, text=True
    )
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def record(folder):
    """The program compiled in `folder` (till/classes, stock/classes) and run twice under JaCoCo; both.exec is both."""
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
    for module in ("stock", "till"):
        sources = sorted((folder / module).rglob("*.java"))
        run("javac", "-g", "-cp", "stock/classes", "-d", f"{module}/classes", *sources, cwd=folder)
    for name in RUNS:
        agent = f"-javaagent:{AGENT}=destfile={name}.exec,sessionid={name}"
        run("java", agent, "-cp", "till/classes:stock/classes", "Main", name, cwd=folder)
    run(
        "java",
        "-jar",
        CLI,
        "merge",
        *(f"{name}.exec" for name in RUNS),
        "--destfile",
        "both.exec",
        "--quiet",
        cwd=folder,
    )
    return folder


def report(folder, name):
    """JaCoCo's reports of NAME.exec for the module till: the XML file, and the rows of the CSV."""
    options = ["--classfiles", "till/classes", "--xml", f"{name}.xml", "--csv", f"{name}.csv", "--quiet"]
    if not (folder / f"{name}.csv").exists():
        run("java", "-jar", CLI, "report", f"{name}.exec", *options, cwd=folder)
    with (folder / f"{name}.csv").open() as rows:
        return folder / f"{name}.xml", list(csv.DictReader(rows))


def grouped(folder):
    """A report of both modules as groups, made by JaCoCo's own classes."""
    modules = [f"{module}={module}/classes" for module in ("till", "stock")]
    if not (folder / "grouped.xml").exists():
        run("java", "-cp", CLI, "Grouped.java", "both.exec", "grouped.xml", *modules, cwd=folder)
    return folder / "grouped.xml"


def openclover(folder):
    """OpenClover's XML of the same program run twice. It compares by name, so only till's Version is compiled."""
    shutil.copytree(PROGRAM, folder, dirs_exist_ok=True)
    sources = [
        path for path in sorted(folder.rglob("src/**/*.java")) if "stock" not in str(path) or path.stem == "Stock"
    ]
    clover = ("java", "-cp", CLOVER)
    run(*clover, "com.atlassian.clover.CloverInstr", "-i", "clover.db", "-d", "instrumented", *sources, cwd=folder)
    run("javac", "-cp", CLOVER, "-d", "classes", *sorted((folder / "instrumented").rglob("*.java")), cwd=folder)
    for name in RUNS:
        run("java", "-cp", f"classes:{CLOVER}", "Main", name, cwd=folder)
    reporter = "com.atlassian.clover.reporters.xml.XMLReporter"
    run(*clover, reporter, "-i", "clover.db", "-o", "clover.xml", "-l", cwd=folder)
    return folder / "clover.xml"


def counters(path):
    """What the report itself counts in all: type -> (covered, total)."""
    return {
        one.get("type"): (int(one.get("covered")), int(one.get("covered")) + int(one.get("missed")))
        for one in ET.parse(path).getroot().findall("counter")
    }


def summed(rows, kind):
    """(covered, total) over the rows of JaCoCo's CSV, which are one a class."""
    covered, missed = (sum(int(row[f"{kind}_{part}"]) for row in rows) for part in ("COVERED", "MISSED"))
    return covered, covered + missed
