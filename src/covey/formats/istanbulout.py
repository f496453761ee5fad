"""Writing Istanbul's coverage JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

import msgspec

from covey.formats.intake import clean, flat_paths
from covey.formats.istanbulmaps import OPEN_END, RANGE
from covey.loops import istanbul as loops
from covey.loops.bounds import LAST_LINE
from covey.model.blocks import Blocks
from covey.model.counted import Branches, Functions
from covey.model.report import FileCoverage, Report

_KEY = re.compile(r"@?([0-9]{1,9}),[0-9]{1,9}")
_text = msgspec.json.Encoder().encode


def write(report: Report, out: BinaryIO) -> None:
    """One line a file, so that two reports can be compared with the usual tools."""
    separator = b"{\n"
    for key, name in flat_paths(report).items():
        path = _text(name)
        out.write(separator + path + b': {"path":' + path + b"," + ",".join(_parts(report.files[key])).encode() + b"}")
        separator = b",\n"
    out.write(b"\n}\n" if report.files else b"{}\n")


def _parts(file: FileCoverage) -> Iterator[str]:
    places, hits = _statements(file)
    yield '"statementMap":' + loops.statement_map(places, OPEN_END)
    yield '"fnMap":{' + ",".join(_functions(file.functions)) + "}"
    branches = _branches(file.branches)
    kind = RANGE if "branches" in file.inexact else "switch"
    yield '"branchMap":{' + ",".join(_branch_map(branches, kind)) + "}"
    yield '"s":' + loops.counts(hits)
    yield '"f":' + loops.counts(file.functions.hits)
    yield '"b":{' + ",".join(f'"{at}":{counts}' for at, counts in enumerate(branches.values())) + "}"


def _statements(file: FileCoverage) -> tuple[list[loops.Place], Iterable[int]]:
    """Places and hits. A block of several statements is as many statements in one place."""
    blocks = file.blocks
    if not isinstance(blocks, Blocks) or blocks.lines_by != "start":
        numbers = file.lines.numbers
        return [(line, 1, min(line + 1, LAST_LINE), 1) for line in numbers], file.lines.hits
    layout, often = blocks.layout, blocks.layout[4::5]
    places = list(zip(layout[0::5], layout[1::5], layout[2::5], layout[3::5], strict=True))
    if often.count(1) == len(often):
        return places, blocks.hits
    again = [number for number, times in enumerate(often) for _ in range(times)]
    return [places[number] for number in again], [blocks.hits[number] for number in again]


def _functions(functions: Functions) -> Iterator[str]:
    """Columns are not known: functions of one line get 0, 1, 2, ... so that tools do not take them for one."""
    before, column = 0, 0
    for number, one in enumerate(functions):
        column = column + 1 if one.first == before else 0
        before = one.first
        begin = f'"start":{{"line":{one.first},"column":{column}}}'
        last = f'"end":{{"line":{one.last or one.first},"column":{column}}}'
        declared = f'"end":{{"line":{one.first},"column":{column}}}'
        name = _text(clean(one.name)).decode()
        yield (
            f'"{number}":{{"name":{name},"decl":{{{begin},{declared}}},"loc":{{{begin},{last}}},"line":{one.first}}}'
        )


def _branches(branches: Branches) -> Mapping[tuple[int, int], list[int]]:
    """(line, column) -> hits of its arms. A key that Istanbul's reader gave begins with the column; other arms of a
    line are one branch at column 0."""
    found: dict[tuple[int, int], list[int]] = {}
    for line, key, hits in zip(branches.lines, branches.keys, branches.hits, strict=True):
        named = _KEY.fullmatch(key)
        found.setdefault((line, int(named[1]) if named else 0), []).append(hits)
    return dict(sorted(found.items()))


def _branch_map(branches: Mapping[tuple[int, int], list[int]], kind: str) -> Iterator[str]:
    for number, ((line, column), hits) in enumerate(branches.items()):
        spot = f'{{"start":{{"line":{line},"column":{column}}},"end":{{"line":{line},"column":{column}}}}}'
        spots = ",".join([spot] * len(hits))
        yield f'"{number}":{{"loc":{spot},"type":"{kind}","locations":[{spots}],"line":{line}}}'
