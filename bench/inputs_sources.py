"""The Python sources of a model program: where its model has a statement, a condition or a comment, they have one."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.inputs import CACHE, File, Function, Program


def folder(program: Program) -> Path:
    """A folder with all sources, made once and kept under .cache/bench/inputs."""
    place = CACHE / f"sources-{len(program.files)}x{program.executable}"
    if not (place / "done").exists():
        shutil.rmtree(place, ignore_errors=True)
        for file in program.files:
            path = place / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(file), newline="\n")
        (place / "done").touch()
    return place


def text(file: File) -> str:
    lines = [""] * file.length
    lines[0] = f'"""{file.path}."""'
    for function in file.functions:
        _put(lines, function)
    return "\n".join(lines) + "\n"


def _put(lines: list[str], function: Function) -> None:
    lines[function.first - 1] = f"def {function.name}(weight, name, stops):"
    at = function.first + 1
    for number, kind in enumerate(function.layout[:-1]):
        key = (at * 7919 + number * 31) % 1000
        if kind == "i":
            lines[at - 1] = f'    if weight > {key} and name != "<depot {key}>":'
            lines[at] = f"        weight -= {key} + len(stops)"
            lines[at + 1] = "    # as the customs want it"
        elif kind == "s":
            lines[at - 1] = f"    weight = (weight * {key} + {key % 97}) - len(name) & 0xFFFF"
        elif kind == "c":
            lines[at - 1] = f"    # keep {function.name} in step with what the depot saw last ({key})"
        at += 3 if kind == "i" else 1
    lines[at - 1] = "    return weight, name"
