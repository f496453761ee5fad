"""What covey says of Istanbul's JSON against nyc on the same data, and what nyc says of what covey wrote."""

from __future__ import annotations

import itertools
import json
import os

import pytest
from conftest import PROVE
from oracle import node_programs
from oracle import node_tools as node

from covey.formats.base import Input
from covey.formats.clover import FORMAT as CLOVER
from covey.formats.cobertura import FORMAT as COBERTURA
from covey.formats.istanbul import FORMAT as ISTANBUL
from covey.formats.lcov import FORMAT as LCOV
from covey.formats.sources import CheckoutSources
from covey.model.merge import merge

SEEDS = range(30 if PROVE else 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    node.need()
    return node.lay_out(tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    node.need()
    return node.lay_out(tmp_path_factory.mktemp("node"), compiled=True)


@pytest.fixture(scope="module", params=SEEDS)
def recorded(request, folder):
    """The raw files of four runs of a program, and what `nyc merge` and `nyc report` say of them."""
    seed = request.param
    name = f"lib/made{seed}.js"
    (folder / name).write_text(node_programs.made(seed))
    raw = folder / f"raw{seed}"
    for start in range(4):
        node.run(
            node.tool("nyc"), "--silent", "--no-clean", f"--temp-dir={raw}", f"--include={name}", "node", name, start,
            cwd=folder,
        )  # fmt: skip
    merged = folder / f"merged{seed}.json"
    node.run(node.tool("nyc"), "merge", raw, merged, cwd=folder)
    return sorted(raw.glob("*.json")), node.told(folder, merged), summary(folder, raw)


def summary(folder, raw):
    """`nyc report -r json-summary`: path -> kind -> covered and total."""
    out = f"{raw}-summary"
    node.run(node.tool("nyc"), "report", f"--temp-dir={raw}", "-r", "json-summary", f"--report-dir={out}", cwd=folder)
    with open(f"{out}/coverage-summary.json", encoding="utf-8") as file:
        found = json.load(file)
    return {
        os.path.relpath(path, folder): {
            kind: [figures[kind]["covered"], figures[kind]["total"]]
            for kind in ("lines", "statements", "branches", "functions")
        }
        for path, figures in found.items()
        if path != "total"
    }


def read(folder, *paths):
    return ISTANBUL.read([Input.of_path(path) for path in paths], CheckoutSources(folder))


def test_figures_are_those_of_nyc(folder, recorded):
    files, told, figures = recorded
    report = read(folder, *files)
    assert len(files) == 4
    for (_, path), file in report.files.items():
        assert dict(file.lines.items()) == node.hits(told[path])
        assert node.ours(file) == node.figures(told[path]) == figures[path]
        assert sorted(one.hits for one in file.functions) == sorted(told[path]["f"].values())
        assert sorted(arm.hits for arm in file.branches) == sorted(
            hits for arms in told[path]["b"].values() for hits in arms
        )
    assert merge([read(folder, path) for path in files]).files == report.files


def test_nyc_reads_what_covey_wrote(folder, recorded, tmp_path):
    files, _, figures = recorded
    (tmp_path / "raw").mkdir()
    with open(tmp_path / "raw" / "ours.json", "wb") as out:
        ISTANBUL.write(read(folder, *files), out)
    (tmp_path / "raw" / "again.json").write_bytes((tmp_path / "raw" / "ours.json").read_bytes())
    assert list(summary(tmp_path, tmp_path / "raw").values()) == list(figures.values())


def test_all_reports_of_one_run_cover_what_each_does(folder, recorded, tmp_path):
    """jest writes its JSON, LCOV and Clover into one folder by default; each names arms in its own way."""
    (first, *_), told, _ = recorded
    raw = first.parent
    kinds = ("json", "lcovonly", "clover", "cobertura")
    wanted = [part for kind in kinds for part in ("-r", kind)]
    node.run(node.tool("nyc"), "report", f"--temp-dir={raw}", *wanted, f"--report-dir={tmp_path}", cwd=folder)
    files = ("coverage-final.json", "lcov.info", "clover.xml", "cobertura-coverage.xml")
    reports = [
        one.read([Input.of_path(tmp_path / file)], CheckoutSources(folder))
        for one, file in zip((ISTANBUL, LCOV, CLOVER, COBERTURA), files, strict=True)
    ]
    for number in range(2, 1 + len(reports)):
        for some in itertools.permutations(reports, number):
            for (_, path), file in merge(some, relaxed=True).files.items():
                for kind in ("lines", "branches"):
                    assert node.ours(file)[kind] == node.figures(told[path])[kind]


@pytest.mark.parametrize("script", ["dist/main.js", "out/bundle.js", "out/mini.js"])
def test_raw_data_of_compiled_code_counts_as_its_source(compiled, script):
    inside = [f"--include={folder}/**" for folder in ("dist", "out", "src")]
    raw, out = compiled / f"raw-{script[4:8]}", compiled / f"told-{script[4:8]}"
    own = ["--extension=.ts", *inside, f"--temp-dir={raw}"]
    node.run(node.tool("nyc"), "--silent", *own, "node", script, cwd=compiled)
    node.run(node.tool("nyc"), "report", *own, "-r", "json", f"--report-dir={out}", cwd=compiled)
    told = node.told(compiled, out / "coverage-final.json")
    report = read(compiled, *sorted(raw.glob("*.json")))
    assert {path for _, path in report.files} == set(told)
    for (_, path), file in report.files.items():
        assert dict(file.lines.items()) == node.hits(told[path])
        assert node.ours(file) == node.figures(told[path])


def test_what_c8_reported_of_several_runs(folder):
    """c8's branches are V8's ranges, which depend on the run: nyc guesses where one of them stands in another run,
    covey says that their figure is a lower bound. Lines and functions are the same."""
    name = "lib/several.js"
    (folder / name).write_text(node_programs.made(99))
    paths = []
    for start in range(3):
        node.record(folder, name, str(start), into=f"raw-c8-{start}")
        node.c8(folder, f"raw-c8-{start}")
        paths.append(folder / f"raw-c8-{start}-c8" / "coverage-final.json")
    together = folder / "several"
    together.mkdir()
    for number, path in enumerate(paths):
        path.rename(together / f"{number}.json")
    node.run(node.tool("nyc"), "merge", together, folder / "several.json", cwd=folder)
    told = node.told(folder, folder / "several.json")[name]
    file = read(folder, *sorted(together.glob("*.json"))).files[None, name]
    assert dict(file.lines.items()) == node.hits(told)
    assert node.ours(file)["functions"] == node.figures(told)["functions"]
    assert file.inexact == {"branches"}
