"""A Go program of many packages, to be built with `go build -cover` and run: what the oracles of Go read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

MODULE = "example.com/depot"
OUTSIDE = 14  # the line of parcel.go with a literal outside of functions, which `go tool cover -func` does not count
ABSENT = "Go is not on the PATH; install it (go.dev, or apt-get install golang)"
_MEMBER = """package {name}

import (
\t"errors"
\t"sort"
)

// Parcel goes from depot to depot.
type Parcel[W int | float64] struct {{
\tWeight W
\tstops  []string
}}

var limit = func() int {{ return {limit} }}()

func init() {{
\tif limit > 5 {{
\t\tlimit--
\t}}
}}

func Empty() {{}}

// Route visits the stops; a literal within it is of its own.
func (p *Parcel[W]) Route(
\tstops ...string,
) (int, error) {{
\tif len(stops) == 0 {{ return 0, errors.New("no stops") }}
\tfor _, stop := range stops {{
\t\tp.stops = append(p.stops, stop)
\t}}
\tless := func(one, two int) bool {{ return p.stops[one] < p.stops[two] }}
\tsort.Slice(p.stops, less)
\tdone := make(chan int)
\tgo func() {{
\t\tsum := 0
\t\tfor at := range p.stops {{
\t\t\tif at%{step} == 0 {{
\t\t\t\tsum += at
\t\t\t}}
\t\t}}
\t\tdone <- sum
\t}}()
\treturn <-done, nil
}}

func Price(weight int) (price int) {{
\tdefer func() {{
\t\tif price < 0 {{
\t\t\tprice = 0
\t\t}}
\t}}()
\tswitch {{
\tcase weight > {limit}:
\t\treturn weight * 2
\tcase weight == 0: return 0
\tdefault:
\t\tfor weight > 0 {{
\t\t\tprice++
\t\t\tweight--
\t\t}}
\t}}
\treturn
}}

func Never(a, b bool) string {{
\tif a && b {{
\t\treturn "both"
\t}} else if a {{
\t\treturn "one"
\t}}
\treturn "none"
}}
"""


_TEST = """package {name}

import "testing"

func TestPrice(t *testing.T) {{
\tif Price({weight}) < 0 {{
\t\tt.Fatal("negative")
\t}}
}}
"""


def write(root: Path, packages: int) -> None:
    """The module of main and `packages` others in folders of three levels, one without any statement."""
    (root / "go.mod").parent.mkdir(parents=True, exist_ok=True)
    (root / "go.mod").write_text(f"module {MODULE}\n\ngo 1.21\n")
    imports, calls = [], []
    for number in range(packages):
        name = f"leg{number}"
        folder = root / f"zone{number % 7}" / f"row{number // 7 % 5}" / name
        folder.mkdir(parents=True)
        text = _MEMBER.format(name=name, limit=number % 9, step=number % 3 + 1)
        (folder / "parcel.go").write_text(text)
        if not number % 3:
            (folder / "parcel_test.go").write_text(_TEST.format(name=name, weight=number % 4))
        if number % 2:
            (folder / "a-b.go").write_text(f"package {name}\n\nfunc Double(n int) int {{\n\treturn n * 2\n}}\n")
        imports.append(f'\t{name} "{MODULE}/{folder.relative_to(root).as_posix()}"')
        calls.append(f"\tif count > {number % 4} {{\n\t\tparcel := {name}.Parcel[int]{{}}\n\t\tparcel.Route(stops...)")
        calls.append(
            f"\t\tfor at := 0; at < count; at++ {{\n\t\t\ttotal += {name}.Price(at * {number % 5})\n\t\t}}\n\t}}"
        )
    (root / "words").mkdir()
    (root / "words" / "words.go").write_text('package words\n\nconst Hello = "hello"\n')
    imports.append(f'\t"{MODULE}/words"')
    (root / "main.go").write_text(
        'package main\n\nimport (\n\t"fmt"\n\t"os"\n\t"strconv"\n' + "\n".join(imports) + "\n)\n\n"
        "func main() {\n\tcount, _ := strconv.Atoi(os.Args[1])\n\tstops := os.Args[2:]\n\ttotal := 0\n"
        + "\n".join(calls) + "\n\tfmt.Println(words.Hello, total)\n\tif total > 100 {\n\t\tos.Exit(0)\n\t}\n}\n"
    )  # fmt: skip


def go() -> str | None:
    return shutil.which("go")


def build(root: Path, mode: str, out: Path, *, everything: bool = False) -> None:
    """The program, instrumented; with `everything` also the standard library (-coverpkg=all)."""
    wide = ["-coverpkg=all"] if everything else []
    run(["go", "build", "-o", str(out), "-cover", f"-covermode={mode}", *wide, "."], root)


def record(program: Path, folder: Path, *arguments: str) -> None:
    """One run of the program, called as ./NAME so that its data tells no path."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"GOCOVERDIR": str(folder.resolve())}
    command = [f"./{program.name}", *arguments]
    subprocess.run(command, cwd=program.parent, env=environment, check=True, stdout=subprocess.DEVNULL)


def covdata(root: Path, verb: str, *folders: Path) -> str:
    """What `go tool covdata VERB` tells of some folders."""
    if verb != "textfmt":
        return run(["go", "tool", "covdata", verb, "-i=" + ",".join(map(str, folders))], root)
    out = root / "textfmt.out"
    run(["go", "tool", "covdata", verb, "-i=" + ",".join(map(str, folders)), f"-o={out}"], root)
    return out.read_text()


def percents(told: str) -> dict[str, str]:
    """Import path -> percentage of `covdata percent`; a package without statements has no line end of its own."""
    return dict(re.findall(r"\t([^\t]+)\t\tcoverage: ([\d.]+)% of statements", told))


def total(told: str) -> str:
    """The percentage in the last line of `covdata func` and `cover -func`."""
    return re.findall(r"^total:?\s+\(statements\)\s+([\d.]+)%$", told, re.MULTILINE)[-1]


def run(command: list[str], root: Path) -> str:
    environment = os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout
