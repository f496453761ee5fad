"""The seam of the render room: a report made into something people read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import compress
from operator import not_
from pathlib import Path
from typing import BinaryIO, Protocol

from covey.model.ratio import Ratio
from covey.model.report import FileCoverage, Report
from covey.render.whole import whole


class Texts(Protocol):
    """Where renderers get the text of source files."""

    def text(self, file: FileCoverage) -> bytes | None:
        """The source of `file` as it lies on the disk, or None when it cannot be had."""


class NoTexts:
    """No sources at all: pages show line numbers only."""

    def text(self, file: FileCoverage) -> bytes | None:  # noqa: ARG002
        return None


@dataclass(frozen=True, slots=True)
class Options:
    """How a report is shown; each renderer uses what concerns it.

    texts: the source files. title: a heading of the user's; "" for the renderer's own. show_missing: name the lines
    and branches that did not run. digits: of percentages, after the point. metric: the figure that is judged and shown
    first, one of counting.METRICS. threshold: the percentage it has to reach, None for none.
    Of tables: skip_covered, skip_empty: leave out files in which everything ran, that hold no code. below: show only
    files whose metric is below that percentage. sort: a column of chosen.SORTS, with "-" before it downwards; "" as the
    report has them. limit: the most files in a table, 0 for all.
    """

    texts: Texts = field(default_factory=NoTexts)
    title: str = ""
    show_missing: bool = False
    skip_covered: bool = False
    digits: int = 0
    metric: str = "cover"
    threshold: Decimal | None = None
    skip_empty: bool = False
    below: Decimal | None = None
    sort: str = ""
    limit: int = 1000


class Renderer(Protocol):
    """One way to show a report. `name` is what --format takes; `folder` says whether it fills a folder."""

    name: str
    folder: bool

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> list[Path]:
        """Write to a folder (`folder`), or to a file or an open binary stream. Equal reports give equal bytes. What was
        written, by path, as people are told of it; nothing for a stream."""


def put(text: str, out: Path | BinaryIO) -> list[Path]:
    """Write a whole text as UTF-8; the path, if it has one. UsageError when that cannot be written."""
    data = text.encode("utf-8", "backslashreplace")
    if not isinstance(out, Path):
        out.write(data)
        return []
    with whole(out) as stream:
        stream.write(data)
    return [out]


_LEAD = re.compile("->(-?[1-9][0-9]{0,9})")
# C0 and C1 controls, marks that turn or hide text, lone surrogates: in a name they can rewrite what is around it.
_HIDDEN = re.compile("[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def visible(name: str) -> str:
    """`name` with every character that acts on a terminal or on text direction written out, as \\u202e."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", name)


def shown_name(file: FileCoverage, several: bool) -> str:
    """What a file is called: its path, behind its repository where the report has `several`."""
    return visible(f"{file.repository}//{file.path}" if several and file.repository else file.path)


def several_repositories(report: Report) -> bool:
    return len({repository for repository, _ in report.files}) > 1


def percent(ratio: Ratio, digits: int) -> str:
    """ "87%", never a false 0% or 100%; a dash where there is nothing to cover."""
    return f"{ratio.shown(digits)}%" if ratio.total else "–"


def ranges_of_missing(file: FileCoverage) -> list[tuple[int, int]]:
    """Runs of lines that did not run, as (first, last); lines that hold no code do not break a run."""
    return runs(file.lines.numbers, map(not_, file.lines.hits))


def runs(numbers: Iterable[int], wanted: Iterable[object]) -> list[tuple[int, int]]:
    """Of ascending numbers the first and last of each run of those that are `wanted`."""
    found: list[tuple[int, int]] = []
    first = last = 0
    for number, is_wanted in zip(numbers, wanted, strict=True):
        if is_wanted:
            first, last = first or number, number
        elif first:
            found.append((first, last))
            first = 0
    if first:
        found.append((first, last))
    return found


def as_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def leads_to(key: str) -> str:
    """Where an arm leads: a line, or "exit" out of the function; "" where its key does not tell."""
    lead = _LEAD.fullmatch(key)
    return "" if not lead else "exit" if lead[1][0] == "-" else lead[1]


def untaken(file: FileCoverage) -> list[tuple[int, str]]:
    """(line, arm) of each arm that was never taken though its line ran; coverage.py counts these as BrPart."""
    if not file.branches:
        return []
    ran = set(compress(file.lines.numbers, file.lines.hits))
    never = zip(file.branches.lines, file.branches.keys, strict=True)
    return [(line, key) for line, key in compress(never, map(not_, file.branches.hits)) if line in ran]
