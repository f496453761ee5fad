"""Make tests/golden/gocover and tests/golden/gocovdata anew: PYTHONPATH=tests python tests/oracle/make_golden_go.py"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from oracle import go_program

GOLDEN = Path(__file__).parent.parent / "golden"
RUNS = (("1", "b", "a"), ("3",))


def main() -> None:
    for format_ in ("gocover", "gocovdata"):
        shutil.rmtree(GOLDEN / format_, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "depot"
        go_program.write(root, 2)
        version = go_program.run(["go", "env", "GOVERSION"], root).strip().removeprefix("go")
        for mode in ("set", "count", "atomic"):
            _recorded(root, mode, version)
        _tested(root, version)


def _recorded(root: Path, mode: str, version: str) -> None:
    go_program.build(root, mode, root / "depot")
    folder = GOLDEN / "gocovdata" / f"go-{version}-{mode}"
    for arguments in RUNS:
        go_program.record(root / "depot", folder, *arguments)
    profile = go_program.covdata(root, "textfmt", folder)
    percents = go_program.percents(go_program.covdata(root, "percent", folder))
    total = go_program.total(go_program.covdata(root, "func", folder))
    functions = re.findall(r"^\S+/(\S+):\d+:\s+(\S+)\s+([\d.]+)%$", go_program.covdata(root, "func", folder), re.M)
    expected = {"go": version, "total": total, "percents": percents, "functions": functions, "textfmt": profile}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    _profile(f"go-{version}-{mode}", profile.encode(), total, version)


def _tested(root: Path, version: str) -> None:
    """`go test` of several packages with -coverpkg, which tells every block once a test binary; its like put together
    with another profile, and with line ends of another system."""
    out = root / "test.out"
    go_program.run(["go", "test", "-coverpkg=./...", "-covermode=count", f"-coverprofile={out}", "./..."], root)
    total = go_program.total(go_program.run(["go", "tool", "cover", f"-func={out}"], root))
    without = go_program.OUTSIDE
    _profile(f"go-{version}-coverpkg", out.read_bytes(), total, version, without)
    _profile(f"go-{version}-coverpkg-crlf", out.read_bytes().replace(b"\n", b"\r\n"), total, version, without)
    counted = GOLDEN / "gocover" / f"go-{version}-count"
    both = json.loads((counted / "expected.json").read_text())
    _profile(f"go-{version}-twice", (counted / "profile.out").read_bytes() * 2, both["total"], version)


def _profile(case: str, content: bytes, total: str, version: str, without: int = 0) -> None:
    """without: a line whose blocks are not in the total."""
    folder = GOLDEN / "gocover" / case
    folder.mkdir(parents=True)
    (folder / "profile.out").write_bytes(content)
    (folder / "expected.json").write_text(
        json.dumps({"go": version, "total": total, "without": without}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
