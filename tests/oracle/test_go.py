"""What covey says of Go's data against `go tool covdata` and `go tool cover` on the same data."""

from __future__ import annotations

import io
import re

import pytest
from conftest import PROVE
from oracle import go_program

from covey.flows import merge as flow
from covey.formats.gocover import FORMAT as PROFILES
from covey.formats.sources import CheckoutSources, NoSources

pytestmark = pytest.mark.skipif(go_program.go() is None, reason=go_program.ABSENT)
PACKAGES = 300 if PROVE else 20
RUNS = (("1", "b", "a"), ("3",), ("0", "x"))
MODES = ("set", "count", "atomic")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("go") / "depot"
    go_program.write(root, PACKAGES)
    return root


@pytest.fixture(scope="module", params=[(mode, False) for mode in MODES] + [("atomic", True)] * PROVE, ids=str)
def program(request, root):
    mode, everything = request.param
    program = root.parent / f"{mode}-{everything}"
    go_program.build(root, mode, program, everything=everything)
    return program, mode


@pytest.fixture(scope="module", params=[1, len(RUNS)], ids="{} runs".format)
def recorded(request, program, root):
    """Folders of one run each, what covey reads of them, and their mode."""
    path, mode = program
    folders = [root.parent / f"{path.name}-{request.param}" / str(number) for number in range(request.param)]
    for folder, arguments in zip(folders, RUNS, strict=False):
        go_program.record(path, folder, *arguments)
    return folders, flow.load([str(folders[0].parent)], flow.Reading(NoSources())), mode


def profile(report):
    out = io.BytesIO()
    PROFILES.write(report, out)
    return out.getvalue().decode()


def shown(report, name=None):
    """The percentage as Go shows it, of all, or of one package; None without statements."""
    files = [file for (_, path), file in report.files.items() if name in (None, path.rpartition("/")[0])]
    ratios = [file.totals.statements for file in files]
    total = sum(ratio.total for ratio in ratios)
    return f"{100 * sum(ratio.covered for ratio in ratios) / total:.1f}" if total else None


def test_text_is_that_of_covdata(recorded, root):
    folders, report, mode = recorded
    told = go_program.covdata(root, "textfmt", *folders)
    assert profile(report) == told.replace("mode: atomic\n", "mode: count\n")
    assert {file.mode for file in report.files.values()} == {"set" if mode == "set" else "count"}


def test_percentages_are_those_of_covdata(recorded, root):
    folders, report, _ = recorded
    told = go_program.percents(go_program.covdata(root, "percent", *folders))
    packages = {path.rpartition("/")[0] for _, path in report.files}
    assert {name: percent for name in packages if (percent := shown(report, name))} == told
    assert shown(report) == go_program.total(go_program.covdata(root, "func", *folders))


def test_functions_are_those_of_covdata(recorded, root):
    """Names and lines of all; a function without literals has the same percentage (see docs/reference/formats.md)."""
    folders, report, _ = recorded
    rows = re.findall(r"^(\S+):(\d+):\s+(\S+)\s+([\d.]+)%$", go_program.covdata(root, "func", *folders), re.MULTILINE)
    told = {(path, int(line), name): percent for path, line, name, percent in rows}
    ours = {(path, one.first, one.name): one for (_, path), file in report.files.items() for one in file.functions}
    assert {key[::2] for key in ours} == {key[::2] for key in told}
    compared = 0
    for key in ours.keys() & told.keys():
        if [name for path, _, name in told if (path, name) == key[::2]] == [key[2]]:
            percent = of_lines(report.files[None, key[0]].blocks, ours[key].first, ours[key].last)
            compared += percent == told[key]
            assert percent == told[key] or has_literal(root, key, ours[key])
            assert (ours[key].hits > 0) >= (told[key] != "0.0")
    assert compared > 2 * PACKAGES


def of_lines(blocks, first, last):
    inside = [block for block in blocks if first <= block.first_line and block.last_line <= last]
    covered = sum(block.statements for block in inside if block.hits)
    return f"{100 * covered / (sum(block.statements for block in inside) or 1):.1f}"


def has_literal(root, key, function):
    """Whether `func` is within the function's lines; of the standard library, that cannot be told."""
    path = key[0].removeprefix(f"{go_program.MODULE}/")
    if path == key[0]:
        return True
    return any("func" in line for line in (root / path).read_text().splitlines()[function.first : function.last])


def test_cover_func_of_what_covey_wrote(recorded, root, tmp_path):
    """Mapped to the checkout, merged, and written with import paths again: Go's own tool finds every function in it."""
    folders, _, _ = recorded
    if "True" in folders[0].parent.name:
        pytest.skip("`go tool cover` looks for the sources of every package of the standard library")
    sources = CheckoutSources(root)
    report = flow.load([str(folder) for folder in folders], flow.Reading(sources))
    assert {path for _, path in report.files} == {path for path in sources.files if is_counted(path)}
    (tmp_path / "covey.out").write_text(profile(PROFILES.named(report, sources)))
    told = go_program.run(["go", "tool", "cover", f"-func={tmp_path / 'covey.out'}"], root)
    statements = [block for file in report.files.values() for block in file.blocks if not outside(file, block)]
    covered = sum(block.statements for block in statements if block.hits)
    assert f"{100 * covered / sum(block.statements for block in statements):.1f}" == go_program.total(told)
    assert told.count("\tNever") == PACKAGES


def is_counted(path):
    return path.endswith(".go") and not path.endswith("_test.go") and not path.startswith("words/")


def outside(file, block):
    return file.path.endswith("parcel.go") and block.first_line == go_program.OUTSIDE


@pytest.mark.parametrize("mode", MODES if PROVE else ["count"])
def test_tests_of_several_packages(root, mode, tmp_path):
    """With -coverpkg each block is there once a test binary; the total is that of `go tool cover -func`."""
    out = tmp_path / "test.out"
    go_program.run(["go", "test", "-coverpkg=./...", f"-covermode={mode}", f"-coverprofile={out}", "./zone0/..."], root)
    report = flow.load([str(out)], flow.Reading(NoSources()))
    lines = out.read_text().splitlines()[1:]
    assert len(lines) > len({line.rpartition(" ")[0] for line in lines})
    statements = [block for file in report.files.values() for block in file.blocks if not outside(file, block)]
    covered = sum(block.statements for block in statements if block.hits)
    told = go_program.total(go_program.run(["go", "tool", "cover", f"-func={out}"], root))
    assert f"{100 * covered / sum(block.statements for block in statements):.1f}" == told
