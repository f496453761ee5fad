"""HTML of a project of 400 files (--full: 4,000 files, 1 M lines) beside the tools that write it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import inputs_coveragepy, inputs_lcov, inputs_sources
from bench.commands import Candidate, Row, absent, keep, side_by_side, table
from bench.inputs import CACHE, Program

BIN = Path(sys.executable).parent
FILES = {False: 400, True: 4000}
LINES = 275  # of a source, on average


def main(options: argparse.Namespace) -> None:
    program = Program(FILES[options.full], lines=LINES, suffix=".py")
    sources = inputs_sources.folder(program)
    profile = _tracefile(program, sources)
    (recorded,) = inputs_coveragepy.shards(program, 1, arcs=False, contexts=False, touch=1.0)
    lines = sum(file.length for file in program.files)
    results: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        (there / ".coveragerc").write_text(f"[paths]\nsource =\n    {sources}\n    /srv/build\n")
        data = there / ".coverage"
        shutil.copy(recorded, data)
        _move(data, sources)
        cases = {
            "from LCOV": [_covey(profile, sources, there), *_readers_of_lcov(profile, sources, there)],
            "from coverage.py's data, the sources judged": [_covey(data, sources, there), *_coverage(data, there)],
            "from LCOV beside coverage html from its data": [_covey(profile, sources, there), *_coverage(data, there)],
        }
        for case, candidates in cases.items():
            rounds = options.rounds if case == "from LCOV" else 1 if options.full else min(options.rounds, 2)
            title = f"HTML of {len(program.files):,} files, {lines / 1e6:.2f} M lines, {case}"
            results[title] = side_by_side(candidates, rounds)
            print(table(title, results[title]), flush=True)
    keep("html", results)


def _tracefile(program: Program, sources: Path) -> Path:
    """One run as LCOV, whose paths are those of the sources: genhtml looks nowhere else."""
    path = CACHE / f"html-{len(program.files)}x{program.executable}.info"
    if not path.exists():
        fresh = path.with_suffix(".fresh")
        with fresh.open("w", newline="\n") as out:
            inputs_lcov.write(program, program.run(0), out)
        fresh.write_text(fresh.read_text().replace("SF:/srv/build/", f"SF:{sources}/"))
        fresh.rename(path)
    return path


def _move(data: Path, sources: Path) -> None:
    """coverage.py's data with the paths of the sources, as its own combine maps them."""
    from coverage import CoverageData

    old, new = CoverageData(basename=str(data)), CoverageData(basename=f"{data}.new")
    old.read()
    new.add_lines({f"{sources}{path.removeprefix('/srv/build')}": old.lines(path) for path in old.measured_files()})
    for one in (old, new):
        one.close(force=True)
    Path(f"{data}.new").rename(data)


def _fresh(folder: Path, name: str) -> Callable[[], Path]:
    """A folder's name that no run has written to: replacing an old report is not what is measured."""

    def path() -> Path:
        out = folder / name
        shutil.rmtree(out, ignore_errors=True)
        return out

    return path


def _covey(profile: Path, sources: Path, there: Path) -> Candidate:
    return Candidate(
        "covey report",
        [BIN / "covey", "report", profile, "--checkout", sources, "--format", "html", "-o", there / "covey"],
        cwd=there,
        before=_fresh(there, "covey"),
    )


def _readers_of_lcov(profile: Path, sources: Path, there: Path) -> list[Candidate]:
    genhtml = shutil.which("genhtml")
    grcov = shutil.which("grcov") or str(Path.home() / ".cargo/bin/grcov")
    return [
        Candidate(
            "genhtml",
            [genhtml, "--quiet", "--branch-coverage", "--prefix", sources, "-o", there / "genhtml", profile],
            cwd=there,
            before=_fresh(there, "genhtml"),
        )
        if genhtml
        else absent("genhtml", "apt-get install lcov"),
        Candidate(
            "grcov -t html",
            [grcov, profile, "-t", "html", "--branch", "-s", sources, "-o", there / "grcov"],
            cwd=there,
            before=_fresh(there, "grcov"),
        )
        if Path(grcov).exists()
        else absent("grcov -t html", "cargo install grcov"),
    ]


def _coverage(data: Path, there: Path) -> list[Candidate]:
    command = [BIN / "coverage", "html", "-q", f"--data-file={data}", "-d", there / "coverage"]
    return [Candidate("coverage html", command, cwd=there, before=_fresh(there, "coverage"))]
