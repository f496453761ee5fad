"""Makes the golden files of GCC's and LLVM's tools anew: `PYTHONPATH=tests python tests/oracle/make_c_golden.py`.

Needs g++, gcov, lcov, clang and llvm. Builds in /srv/till, the path that the files name, and removes it again.
"""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

from oracle.c_programs import copy, run, summed, version, with_clang, with_gcc

GOLDEN = Path(__file__).parent.parent / "golden"
TILL = Path("/srv/till")


def keep(room: str, case: str, made_by: str, tracefile: str, files: dict[str, str]) -> None:
    """The files, and beside them what the tracefile that the tool's own reader made of the same data tells."""
    target = GOLDEN / room / case
    target.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (target / name).write_text(text)
    told = {
        Path(path).name: {
            "executed": [line for line, hits in sorted(kinds["lines"].items()) if hits],
            "missing": [line for line, hits in sorted(kinds["lines"].items()) if not hits],
            "hits": [hits for _, hits in sorted(kinds["lines"].items())],
            "branches": [sum(hits > 0 for hits in kinds["arms"].values()), len(kinds["arms"])],
            "functions": [sum(hits > 0 for hits in kinds["functions"].values()), len(kinds["functions"])],
        }
        for path, kinds in summed(tracefile).items()
    }
    expected = {"made_by": made_by, "files": told}
    (target / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


def gcc() -> None:
    with_gcc(TILL)
    capture = ("lcov", "--quiet", "--capture", "--directory", ".", "--rc", "lcov_branch_coverage=1", "--no-external")
    run(*capture, "-o", "plain.info", folder=TILL)
    run(*capture, "--checksum", "-o", "sums.info", folder=TILL)
    run("lcov", "--quiet", "-a", "plain.info", "-a", "plain.info", "--rc", "lcov_branch_coverage=1", "-o", "twice.info",
        folder=TILL)  # fmt: skip
    plain, sums, twice = ((TILL / f"{name}.info").read_text() for name in ("plain", "sums", "twice"))
    made_by = f"lcov {version('lcov')}, GCC {version('gcov')}"
    keep("lcov", f"lcov-{version('lcov')}", made_by, plain, {"capture.info": plain})
    keep("lcov", f"lcov-{version('lcov')}-checksum", made_by, sums, {"capture.info": sums})
    keep("lcov", f"lcov-{version('lcov')}-added", made_by, twice, {"added.info": twice})
    run("gcov", "--json-format", "--branch-probabilities", "fare.gcda", folder=TILL)
    told = json.loads(gzip.decompress((TILL / "fare.gcov.json.gz").read_bytes()))
    told["files"] = [file for file in told["files"] if not file["file"].startswith("/usr")]
    made_by = f"GCC {version('gcov')}; expected by lcov {version('lcov')}"
    keep("gcov", f"gcc-{version('gcov')}", made_by, plain, {"fare.gcov.json": json.dumps(told)})
    run("gcov", "--branch-probabilities", "--branch-counts", "fare.gcda", folder=TILL)
    texts = "".join((TILL / f"{name}.gcov").read_text() for name in ("fare.cc", "fare.h"))
    keep("gcov", f"gcc-{version('gcov')}-text", made_by, plain, {"fare.gcov": texts})
    shutil.rmtree(TILL)


def llvm() -> None:
    told = with_clang(TILL)
    info = (TILL / "fare.info").read_text()
    made_by = f"LLVM {version('llvm-cov')}"
    keep("llvm", f"llvm-{version('llvm-cov')}", made_by, info, {"fare.json": json.dumps(told)})
    keep("lcov", f"llvm-{version('llvm-cov')}", made_by, info, {"fare.info": info})
    expected = GOLDEN / "llvm" / f"llvm-{version('llvm-cov')}" / "expected.json"
    entries = json.loads(expected.read_text())
    for file in told["data"][0]["files"]:
        entry, summary = entries["files"][Path(file["filename"]).name], file["summary"]
        entry["functions"] = [summary["functions"]["covered"], summary["functions"]["count"]]
        entry["branches"] = [summary["branches"]["covered"], summary["branches"]["count"]]
    expected.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n")
    shutil.rmtree(TILL)


if __name__ == "__main__":
    copy(TILL)
    gcc()
    llvm()
