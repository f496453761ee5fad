"""JaCoCo XML of a model program, on one line, as JaCoCo writes it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import IO

from bench.inputs import File, Function, Program, Ran

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd"><report name="bench">'
    '<sessioninfo id="bench" start="1700000000000" dump="1700000001000"/>'
)


def write(_: Program, run: Iterator[tuple[File, Ran]], out: IO[str]) -> None:
    out.write(_HEAD)
    rows = sorted(run, key=lambda row: row[0].path)
    for folder, inside in groupby(rows, lambda row: posixpath.dirname(row[0].path)):
        out.write(f'<package name="{folder}">')
        for file, ran in inside:
            base = posixpath.basename(file.path)
            out.write(f'<class name="{folder}/{base.partition(".")[0]}" sourcefilename="{base}">')
            out.writelines(_method(function, hits) for function, hits in ran)
            out.write(f'</class><sourcefile name="{base}">')
            out.writelines(_lines(function, hits or [0] * len(function.lines)) for function, hits in ran)
            out.write("</sourcefile>")
        out.write("</package>")
    out.write("</report>")


def _method(function: Function, hits: Sequence[int] | None) -> str:
    covered = sum(count > 0 for count in hits or ())
    missed = len(function.lines) - covered
    counts = {"INSTRUCTION": (4 * missed, 4 * covered), "LINE": (missed, covered), "METHOD": (not hits, bool(hits))}
    told = "".join(f'<counter type="{kind}" missed="{a:d}" covered="{b:d}"/>' for kind, (a, b) in counts.items())
    return f'<method name="{function.name}" desc="(ILjava/lang/String;)I" line="{function.lines[0]}">{told}</method>'


def _lines(function: Function, hits: Sequence[int]) -> str:
    rows = []
    for at, (number, count) in enumerate(zip(function.lines, hits, strict=True)):
        taken = (hits[at + 1] > 0) + (count > hits[at + 1]) if at in function.forks else 0
        open_arms = 2 - taken if at in function.forks else 0
        missed, covered = (0, 4) if count else (4, 0)
        rows.append(f'<line nr="{number}" mi="{missed}" ci="{covered}" mb="{open_arms}" cb="{taken}"/>')
    return "".join(rows)
