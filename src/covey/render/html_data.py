"""What a source page tells its script, as JSON in columns: short, and quick to write for thousands of files."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from operator import not_

import msgspec

from covey.model.report import FileCoverage
from covey.render.base import leads_to, visible

_DIGITS = bytes.maketrans(b"\0\1", b"01")


def as_json(data: object) -> str:
    """Without spaces; several times quicker on long lists of numbers than the json module."""
    return msgspec.json.encode(data).decode()


def page_data(
    file: FileCoverage, count: int, slices: list[tuple[str, str, int]], kind: str | None, gaps: tuple[str, str]
) -> str:
    """JSON for the script; each key only where there is something.

    hits: of the lines that hold code, in order, where they are not only 0 and 1. arms: the line of each arm; took: as
    many digits, 1 for an arm that was taken; leads: line -> where its arms that were not taken lead. functions: [name,
    first line, hits]. parts, others: [name, bit set in hexadecimal] of the slices that are compared and of the rest.
    before, after: pages of the nearest files with gaps.
    """
    data: dict[str, object] = {}
    hits = file.lines.hits
    if file.mode == "count" and len(hits) and max(hits) > 1:
        data["hits"] = hits.tolist()
    if file.branches:
        data["arms"] = file.branches.lines.tolist()
        data["took"] = bytes(map(bool, file.branches.hits)).translate(_DIGITS).decode()
        leads = _leads(file)
        if leads:
            data["leads"] = leads
    if file.functions:
        named: Iterable[str] = file.functions.names
        if not all(map(str.isprintable, named)):
            named = map(visible, named)
        data["functions"] = list(zip(named, file.functions.firsts, file.functions.hits, strict=True))
    if slices:
        mask = (1 << (count + 1)) - 1
        data["parts"] = [[visible(name), f"{bits & mask:x}"] for at, name, bits in slices if at == kind]
        data["others"] = [
            [visible(f"{at} {name}".strip()), f"{bits & mask:x}"] for at, name, bits in slices if at != kind
        ]
    data |= {name: page for name, page in zip(("before", "after"), gaps, strict=True) if page}
    return as_json(data)


def _leads(file: FileCoverage) -> dict[int, list[str]]:
    """Line -> where its arms that were not taken lead, as far as their keys tell."""
    found: dict[int, list[str]] = {}
    for line, key in compress(zip(file.branches.lines, file.branches.keys, strict=True), map(not_, file.branches.hits)):
        lead = leads_to(key)
        if lead:
            found.setdefault(line, []).append(lead)
    return found
