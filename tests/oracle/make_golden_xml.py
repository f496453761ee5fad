"""Make tests/golden/{jacoco,clover,sonar} and some of cobertura anew:
PYTHONPATH=tests python tests/oracle/make_golden_xml.py GCOVR

Needs what `make test` installs (Java with JaCoCo and OpenClover, Node with nyc), PHPUnit with pcov (Debian: phpunit
php-pcov), gcc, and GCOVR, that program. Each program is run in a folder under /srv, which the files name, and removed.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from oracle import java_tools as java
from oracle import node_tools as node

GOLDEN = Path(__file__).parents[1] / "golden"
SRV = Path("/srv")


def keep(room, case, file, made_by, totals, files):
    """totals: kind -> (covered, total) as the tool itself counts; files: path -> lines that ran and that did not."""
    target = GOLDEN / room / case
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target / "report.xml")
    told = {"made_by": made_by, "totals": totals, "files": files}
    (target / "expected.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


def lines(rows):
    """Of (line, hits), where a line that is there twice has the most."""
    most = {}
    for line, hits in rows:
        most[line] = max(hits, most.get(line, 0))
    ran = sorted(line for line, hits in most.items() if hits)
    hits = [most[line] for line in sorted(most)]
    return {"executed": ran, "missing": sorted(most.keys() - set(ran)), "hits": hits}


def jacoco():
    folder = java.record(SRV / "shop")
    version = re.search(r'"([^"]+)"', java.run("java", "-version", cwd=folder))[1]
    single, _ = java.report(folder, "both")
    for case, path in {f"jacoco-{java.JACOCO}": single, f"jacoco-{java.JACOCO}-groups": java.grouped(folder)}.items():
        counted = java.counters(path)
        totals = {"lines": counted["LINE"], "branches": counted["BRANCH"], "functions": counted["METHOD"]}
        files = {}
        for group in [*ET.parse(path).getroot().findall("group"), ET.parse(path).getroot()]:
            for package in group.findall("package"):
                for source in package.findall("sourcefile"):
                    rows = ((int(row.get("nr")), int(row.get("ci")) > 0) for row in source.findall("line"))
                    name = "/".join(part for part in (package.get("name"), source.get("name")) if part)
                    files[f"{group.get('name')}/{name}" if group.tag == "group" else name] = lines(rows)
        keep("jacoco", case, path, f"JaCoCo {java.JACOCO} on Java {version}", totals, files)
    shutil.rmtree(folder)


def openclover():
    path = java.openclover(SRV / "shop")
    keep("clover", f"openclover-{java.OPENCLOVER}", path, f"OpenClover {java.OPENCLOVER}", *clover(path))
    shutil.rmtree(SRV / "shop")


def clover(path):
    """Clover's own totals, and the lines of its rows; a condition alone on its line ran when it was asked."""
    project = ET.parse(path).getroot().find("project")
    counted = project.find("metrics")
    kinds = {"lines": "statements", "branches": "conditionals", "functions": "methods"}
    totals = {kind: (int(counted.get(f"covered{name}")), int(counted.get(name))) for kind, name in kinds.items()}
    files = {}
    for file in project.iter("file"):
        rows = [row for row in file.findall("line") if row.get("type") != "method"]
        told = [(int(row.get("num")), int(row.get("count"))) for row in rows if row.get("count")]
        alone = {int(row.get("num")): row for row in rows} if len(told) < len(rows) else {}
        asked = {line: row for line, row in alone.items() if line not in dict(told)}
        told += [(line, int(row.get("truecount")) + int(row.get("falsecount"))) for line, row in asked.items()]
        files[file.get("path") or file.get("name")] = lines(told)
    return totals, files


def phpunit():
    folder = SRV / "php-shop"
    shutil.copytree(GOLDEN / "php", folder)
    version = java.run("phpunit", "--version", cwd=folder).split()[1]
    options = ["--no-configuration", "--coverage-filter", "src", "--coverage-clover", "clover.xml"]
    php = ("php", "-d", "pcov.enabled=1", "-d", "pcov.directory=.", shutil.which("phpunit"))
    java.run(*php, *options, "--coverage-cobertura", "cobertura.xml", "tests", cwd=folder)
    keep(
        "clover",
        f"phpunit-{version}",
        folder / "clover.xml",
        f"PHPUnit {version} with pcov",
        *clover(folder / "clover.xml"),
    )
    keep(
        "cobertura", f"phpunit-{version}", folder / "cobertura.xml", f"PHPUnit {version} with pcov", *cobertura(folder)
    )
    shutil.rmtree(folder)


def cobertura(folder):
    root = ET.parse(folder / "cobertura.xml").getroot()
    kinds = {"lines": "lines", "branches": "branches"}
    totals = {kind: (int(root.get(f"{name}-covered")), int(root.get(f"{name}-valid"))) for kind, name in kinds.items()}
    files = {}
    for one in root.iter("class"):
        rows = [(int(row.get("number")), int(row.get("hits"))) for row in one.find("lines")]
        files.setdefault(one.get("filename"), []).extend(rows)
    forks = re.findall(r"\((\d+)/(\d+)\)", (folder / "cobertura.xml").read_text())
    arms = [sum(int(one) for one, _ in forks), sum(int(two) for _, two in forks)] if len(files) == 1 else [0, 0]
    return totals, {path: lines(rows) | {"branches": arms} for path, rows in files.items()}


def nyc():
    folder = node.lay_out(SRV / "shop")
    node.nyc(folder, "lib/till.js")
    node.run(node.tool("nyc"), "report", "-r", "clover", "-r", "cobertura", cwd=folder)
    case = f"nyc-{node.version('nyc')}"
    shutil.copy(folder / "coverage" / "cobertura-coverage.xml", folder / "cobertura.xml")
    keep("clover", case, folder / "coverage" / "clover.xml", case, *clover(folder / "coverage" / "clover.xml"))
    keep("cobertura", case, folder / "cobertura.xml", case, *cobertura(folder))
    shutil.rmtree(folder)


def gcovr(program):
    folder = SRV / "till"
    shutil.copytree(GOLDEN / "c", folder)
    java.run("gcc", "--coverage", "-O0", "-o", "till", "till.c", cwd=folder)
    java.run("./till", cwd=folder)
    case = java.run(program, "--version", cwd=folder).split("\n")[0].replace(" ", "-")
    java.run(
        "env",
        "SOURCE_DATE_EPOCH=0",
        program,
        "--json",
        "told.json",
        "--sonarqube",
        "sonar.xml",
        "--clover",
        "clover.xml",
        cwd=folder,
    )
    told = json.loads((folder / "told.json").read_text())["files"][0]["lines"]
    arms = [arm["count"] for line in told for arm in line["branches"]]
    rows = lines((line["line_number"], line["count"]) for line in told)
    totals = {"lines": (len(rows["executed"]), len(told)), "branches": (sum(count > 0 for count in arms), len(arms))}
    keep(
        "sonar",
        case,
        folder / "sonar.xml",
        case,
        totals,
        {"till.c": rows | {"hits": [int(count > 0) for count in rows["hits"]]}},
    )
    keep("clover", case, folder / "clover.xml", case, *clover(folder / "clover.xml"))
    shutil.rmtree(folder)


if __name__ == "__main__":
    jacoco()
    openclover()
    phpunit()
    nyc()
    gcovr(sys.argv[1])
