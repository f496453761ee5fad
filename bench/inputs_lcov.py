"""LCOV tracefiles of a model program, with the records that geninfo writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from bench.inputs import File, Program, Ran, lines_of


def write(_: Program, run: Iterator[tuple[File, Ran]], out: IO[str]) -> None:
    for file, ran in run:
        out.write("\n".join(_records(file, ran)) + "\n")


def _records(file: File, ran: Ran) -> Iterator[str]:
    yield "TN:"
    yield f"SF:/srv/build/{file.path}"
    for function, _ in ran:
        yield f"FN:{function.first},{function.name}"
    for function, hits in ran:
        yield f"FNDA:{hits[0] if hits else 0},{function.name}"
    yield f"FNF:{len(ran)}"
    yield f"FNH:{sum(hits is not None for _, hits in ran)}"
    arms = [
        (function.lines[fork], arm, hits and (hits[fork + 1] if arm == 0 else hits[fork] - hits[fork + 1]))
        for function, hits in ran
        for fork in function.forks
        for arm in (0, 1)
    ]
    for line, arm, count in arms:
        yield f"BRDA:{line},0,{arm},{'-' if count is None else count}"
    yield f"BRF:{len(arms)}"
    yield f"BRH:{sum(bool(count) for _, _, count in arms)}"
    lines = list(lines_of(ran))
    for number, count in lines:
        yield f"DA:{number},{count}"
    yield f"LF:{len(lines)}"
    yield f"LH:{sum(count > 0 for _, count in lines)}"
    yield "end_of_record"
