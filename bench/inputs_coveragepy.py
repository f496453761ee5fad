"""Data files of a model program as coverage.py itself writes them: lines or arcs, with or without contexts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from coverage import CoverageData

from bench.inputs import CACHE, Program, Ran, lines_of

TESTS = 3  # contexts of a shard


def shards(program: Program, count: int, *, arcs: bool, contexts: bool, touch: float) -> Sequence[Path]:
    """`.coverage.NNN` of `count` runs, made once and kept under .cache/bench/inputs."""
    kind = f"{'arcs' if arcs else 'lines'}{'-contexts' if contexts else ''}"
    folder = CACHE / f"coveragepy-{kind}-{len(program.files)}x{program.executable}-{count}-{touch:g}"
    paths = [folder / f".coverage.{number:03}" for number in range(count)]
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, path in enumerate(paths):
            _write(program, number, path, arcs, contexts, touch)
        (folder / "done").touch()
    return paths


def _write(program: Program, number: int, path: Path, arcs: bool, contexts: bool, touch: float) -> None:
    data = CoverageData(basename=str(path))
    (data.add_arcs if arcs else data.add_lines)({})
    by_test: list[dict[str, list[int]]] = [{} for _ in range(TESTS if contexts else 1)]
    for file, ran in program.run(number, touch=touch):
        for test, some in enumerate(by_test):
            lines = _ran(ran, test, len(by_test))
            if lines:
                some[f"/srv/build/{file.path}"] = lines
    for test, some in enumerate(by_test):
        if contexts:
            data.set_context(f"tests/test_{number:03}.py::test_{test}")
        if arcs:
            data.add_arcs({path: list(zip([-1, *lines], [*lines, -1], strict=True)) for path, lines in some.items()})
        else:
            data.add_lines(some)
    data.close(force=True)


def _ran(ran: Ran, test: int, tests: int) -> list[int]:
    """Of several tests each ran a share of the functions."""
    mine = [one for number, one in enumerate(ran) if number % tests == test]
    return [line for line, hits in lines_of(mine) if hits]
