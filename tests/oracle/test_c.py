"""The formats of C, C++ and Rust against lcov, gcov and llvm-cov themselves, on programs built here."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from oracle import c_programs as c

from covey import plugins
from covey.formats.base import Input
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.counted import Branches
from covey.model.merge import merge
from covey.model.ratio import Ratio
from covey.model.report import Report

sys.path.insert(0, str(Path(__file__).parents[2]))  # bench makes the big inputs

from bench import inputs_lcov
from bench.inputs import Program

LCOV = [*c.GCC_TOOLS, "lcov"]
BRANCHES = ("--rc", "lcov_branch_coverage=1")
gcc = pytest.mark.skipif(bool(c.missing(tuple(LCOV))), reason=c.missing(tuple(LCOV)))
GOLDEN = Path(__file__).parents[1] / "golden"
WITH_FUNCTIONS = [  # one of each tool whose functions are known without its sources
    "clover/openclover-4.5.2", "clover/phpunit-9.6.7", "cobertura/gcovr-8.8", "cobertura/nyc-18.0.0",
    "coveragepy/coveragepy-7.17.3-branch", "gcov/gcc-12.2.0", "gocovdata/go-1.26.8-count", "istanbul/c8-12.0.0",
    "istanbul/nyc-18.0.0", "istanbul/nyc-18.0.0-compiled", "jacoco/jacoco-0.8.13-groups", "lcov/coveragepy-7.17.3",
    "lcov/llvm-14.0.6", "llvm/llvm-14.0.6", "v8/node-20.20.2-bundle",
]  # fmt: skip
MIXED = ("coveragepy/coveragepy-7.17.3-branch", "gocovdata/go-1.26.8-count", "istanbul/nyc-18.0.0",
         "jacoco/jacoco-0.8.13-groups", "llvm/llvm-14.0.6")  # fmt: skip
llvm = pytest.mark.skipif(bool(c.missing(c.LLVM_TOOLS)), reason=c.missing(c.LLVM_TOOLS))


def read(name, *paths, root=None):
    sources = CheckoutSources(root) if root else NoSources()
    return plugins.load("formats", name).read([Input.of_path(path) for path in paths], sources)


def summary(path, folder):
    """What `lcov --summary` says: of lines, functions and branches, how many ran of how many."""
    told = c.run("lcov", "--summary", path, *BRANCHES, folder=folder)
    found = dict(re.findall(r"(lines|functions|branches)\.*: (?:[\d.]+% )?\(([^)]*)\)|$", told))
    return {kind: Ratio(*map(int, re.findall(r"\d+", found[kind]))) for kind in found if kind}


def shown(report):
    totals = report.totals
    return {"lines": totals.lines, "functions": totals.functions, "branches": totals.branches}


def as_summed(report):
    """A report as c_programs.summed tells of a tracefile."""
    return {
        "/" + file.path: {
            "lines": dict(file.lines),
            "arms": {(arm.line, *_block(arm.key)): arm.hits for arm in file.branches},
            "functions": {one.name: one.hits for one in file.functions},
        }
        for file in report.files.values()
    }


def _block(key):
    block, comma, arm = key.partition(",")
    return (block, arm) if comma else ("0", key)


def golden(case):
    """The report of a folder of tests/golden."""
    room, folder = case.partition("/")[0], GOLDEN / case
    paths = [
        path for path in sorted(folder.iterdir()) if path.name not in ("expected.json", "data.dump", "data.sqlite")
    ]
    return read(room, *paths)


def written(report, folder):
    out = folder / "ours.info"
    with out.open("wb") as stream:
        plugins.load("formats", "lcov").write(report, stream)
    return out


def as_lcov_has_it(report):
    """What is shown of the report without the files of which no line is told, and without arms whose names are no
    numbers, for lcov 1.16 drops both (docs/reference/formats.md), and without the kinds of which there are none."""
    kept = []
    for file in report.files.values():
        arms = [arm for arm in file.branches if re.fullmatch(r"(\?|->|@?[0-9]+,)?[0-9]+", arm.key)]
        if file.lines:
            kept.append(replace(file, branches=Branches.of(arms)))
    return {kind: ratio for kind, ratio in shown(Report.of(kept)).items() if ratio.total}


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """Two captures, of one run and of four, of two programs; and the gcov JSON of the second."""
    folder = tmp_path_factory.mktemp("gcc")
    for name, runs in (("one", 1), ("four", 4)):
        for program in ("fare", "till"):
            if program == "fare":
                c.with_gcc(folder / name, runs)
            else:
                c.copy(folder / name)
                c.run("gcc", "--coverage", "-O0", "-c", "till.c", folder=folder / name)
                c.run("gcc", "--coverage", "-o", "till", "till.o", folder=folder / name)
                c.run("./till", folder=folder / name)
        c.run(
            "lcov", "--quiet", "--capture", "-d", ".", "-o", "x.info", "--no-external", *BRANCHES, folder=folder / name
        )
        text = (folder / name / "x.info").read_text().replace(f"/{name}/", "/same/")
        (folder / f"{name}.info").write_text(text)
    c.run("gcov", "-j", "-b", "fare.gcda", "till.gcda", folder=folder / "four")
    return folder


@gcc
def test_totals_are_those_of_lcov_summary(captured):
    for name in ("one.info", "four.info"):
        assert shown(read("lcov", captured / name)) == summary(captured / name, captured)


@gcc
def test_a_merge_is_what_lcov_adds_up(captured):
    paths = [captured / "one.info", captured / "four.info"]
    added = captured / "added.info"
    c.run("lcov", "--quiet", "-a", paths[0], "-a", paths[1], "-o", added, *BRANCHES, folder=captured)
    merged = merge(read("lcov", path) for path in paths)
    assert as_summed(merged) == c.summed(added.read_text())
    assert shown(merged) == summary(added, captured)


@gcc
def test_lcov_reads_what_is_written(captured):
    report = read("lcov", captured / "four.info")
    out = io.BytesIO()
    plugins.load("formats", "lcov").write(report, out)
    (captured / "ours.info").write_bytes(out.getvalue())
    assert summary(captured / "ours.info", captured) == shown(report)
    c.run("lcov", "--quiet", "-a", "ours.info", "-o", "theirs.info", *BRANCHES, folder=captured)
    assert read("lcov", captured / "theirs.info").files == report.files


@gcc
@pytest.mark.parametrize("case", WITH_FUNCTIONS)
def test_lcov_counts_what_is_written_of_any_format_as_covey_does(case, tmp_path):
    report = golden(case)
    assert report.totals.functions.total
    assert summary(written(report, tmp_path), tmp_path) == as_lcov_has_it(report)


@gcc
def test_lcov_counts_several_formats_in_one_as_covey_does(tmp_path):
    report = merge(map(golden, MIXED))
    ours = written(report, tmp_path)
    assert summary(ours, tmp_path) == as_lcov_has_it(report)
    c.run("lcov", "--quiet", "-a", ours, "-o", "theirs.info", *BRANCHES, folder=tmp_path)
    assert summary(tmp_path / "theirs.info", tmp_path) == as_lcov_has_it(report)


@gcc
def test_shards_of_a_model_program_add_up_as_lcov_has_it(tmp_path):
    program = Program(12, suffix=".c")
    paths = [tmp_path / f"{number}.info" for number in range(3)]
    for number, path in enumerate(paths):
        with path.open("w") as out:
            inputs_lcov.write(program, program.run(number, touch=0.7, differ=0.3), out)
    options = [part for path in paths for part in ("-a", path)]
    c.run("lcov", "--quiet", *options, "-o", tmp_path / "added.info", *BRANCHES, folder=tmp_path)
    merged = merge(read("lcov", path) for path in paths)
    assert as_summed(merged) == c.summed((tmp_path / "added.info").read_text())


@gcc
def test_gcovs_json_is_what_lcov_captures(captured):
    folder = captured / "four"
    report = read("gcov", *sorted(folder.glob("*.gcov.json.gz")), root=folder)
    own = {key: file for key, file in report.files.items() if not key[1].startswith("usr/")}
    wanted = read("lcov", folder / "x.info", root=folder)
    assert set(own) == set(wanted.files)
    for key, file in own.items():
        assert file.lines == wanted.files[key].lines
        assert file.branches == wanted.files[key].branches
        assert [one[::3] for one in file.functions] == [one[::3] for one in wanted.files[key].functions]


@gcc
def test_gcovs_text_is_its_json(captured):
    folder = captured / "four"
    json = read("gcov", folder / "fare.gcov.json.gz", root=folder)
    c.run("gcov", "-b", "-c", "fare.gcda", folder=folder)
    text = read("gcov", folder / "fare.h.gcov", folder / "fare.cc.gcov", root=folder)
    for key, file in text.files.items():
        assert file.lines == json.files[key].lines
        assert file.branches == json.files[key].branches
        assert [one[::3] for one in file.functions] == [one[::3] for one in json.files[key].functions]


PLAIN = """#include <stdio.h>
static int grade(int n) {
    if (n > 90 || n == 42) /* two ways */
        return 1;
    for (int i = 0; i < n; i++) {
        if (i % 3 == 0)
            continue;
        n -= i > 7 ? 2 : 1;
    }
    return n < 0 ? -n : n;
}

static void never(void) { puts("never"); }

int main(int argc, char **argv) {
    int sum = 0;
    do {
        sum += grade(argc * 10);
    } while (argc++ < 3);
#if 0
    skipped();
#endif
    switch (sum) {
    case 1:
        never();
        break;
    default:
        printf("%d\\n", sum);
    }
    while (sum-- > 0)
        if (sum == 2) break;
    return 0;
}
"""


@llvm
def test_totals_are_those_of_llvm_cov_report(tmp_path):
    """Of a program without macros that hold branches, and without two functions on one line: lines, functions,
    branches, and regions as statements."""
    (tmp_path / "plain.cc").write_text(PLAIN)
    told = c.with_clang(tmp_path, "plain")["data"][0]["totals"]
    totals = read("llvm", tmp_path / "plain.json").totals
    for kind, ratio in (
        ("lines", totals.lines), ("functions", totals.functions), ("branches", totals.branches),
        ("regions", totals.statements),
    ):  # fmt: skip
        assert ratio == Ratio(told[kind]["covered"], told[kind]["count"]), kind


@llvm
def test_lines_and_arms_are_those_of_llvm_covs_own_tracefile(tmp_path):
    c.with_clang(tmp_path)
    ours, theirs = read("llvm", tmp_path / "fare.json"), read("lcov", tmp_path / "fare.info")
    assert set(ours.files) == set(theirs.files)
    for key, file in ours.files.items():
        assert file.lines == theirs.files[key].lines
    key = next(key for key in ours.files if key[1].endswith("fare.cc"))
    assert ours.files[key].branches == theirs.files[key].branches  # with those of a macro, where it is used


@llvm
def test_where_report_counts_otherwise(tmp_path):
    """A lambda's lines count twice there, once for each function; here a line is a line."""
    told = c.with_clang(tmp_path)["data"][0]["files"]
    of = {Path(file["filename"]).name: file["summary"] for file in told}
    report = read("llvm", tmp_path / "fare.json")
    lines = {Path(path).name: file.lines for (_, path), file in report.files.items()}
    assert of["fare.cc"]["lines"]["count"] == len(lines["fare.cc"]) + 3
    functions = {Path(path).name: file.functions.ratio for (_, path), file in report.files.items()}
    for name, summary_ in of.items():
        wanted = Ratio(summary_["functions"]["covered"], summary_["functions"]["count"])
        assert functions[name] == wanted


@llvm
def test_an_export_without_functions_has_the_same_lines_and_branches(tmp_path):
    c.with_clang(tmp_path)
    whole = read("llvm", tmp_path / "fare.json")
    c.with_clang(tmp_path, "fare", "-skip-functions")
    part = read("llvm", tmp_path / "fare.json")
    assert part.notes
    for key, file in part.files.items():
        assert file.lines == whole.files[key].lines
        assert file.branches == whole.files[key].branches
        assert file.blocks is None
