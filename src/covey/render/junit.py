"""JUnit XML as TestGrid reads it: a row for the whole, for each file and for each folder, with its figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from covey.model.ratio import Ratio, Totals
from covey.model.report import Report
from covey.render.base import Options, as_range, put, ranges_of_missing
from covey.render.chosen import Row, rows_of
from covey.render.counting import below, label, measured

PROPERTY = "coverage"  # what TestGrid's short_text_metric names
SUITE = "coverage"
RUNS_LIMIT = 12  # runs of lines in a failure; TestGrid shows 140 characters of it
MOST_FOLDERS = 100  # of one file, from the top: a name of thousands of folders would be a row for each
_SLASHES = re.compile("/+")  # two are between a repository and a path
_REFUSED = re.compile("[\ufffe\uffff]")  # no characters of XML; `visible` has taken the others


@dataclass(frozen=True)
class _Case:
    """`name` of the row; `missing`: runs of lines that did not run, where the case is a file's."""

    name: str
    ratio: Ratio
    missing: str = ""


class JUnit:
    """One suite: OVERALL first, then files, then folders, each with a property "coverage" of its percentage.

    A case fails where it is below the threshold. What holds nothing to cover is left out; when that is everything,
    OVERALL is skipped. A folder is the sum of all below it, and its name ends in "/".
    """

    name = "junit"
    folder = False

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> list[Path]:
        return put(document(report, options), out)


def document(report: Report, options: Options) -> str:
    cases = [case for case in _cases(report, options) if case.ratio.total]
    of = label(report, options.metric)
    failed = sum(options.threshold is not None and case.ratio.below(options.threshold) for case in cases)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    lines.append(f'  <testsuite name="{SUITE}" tests="{len(cases) or 1}" failures="{failed}" time="0">')
    for case in cases:
        lines += _testcase(case, of, options)
    if not cases:
        lines.append(f'    <testcase classname="{SUITE}" name="OVERALL" time="0">')
        lines += [f'      <skipped message="no {of} were measured"/>', "    </testcase>"]
    return "\n".join([*lines, "  </testsuite>", "</testsuites>"]) + "\n"


def _cases(report: Report, options: Options) -> Iterator[_Case]:
    yield _Case("OVERALL", measured(report.totals, options.metric))
    rows = rows_of(report)
    for row in rows:
        yield _Case(row.name, measured(row.totals, options.metric), _missing(row, options))
    for folder, totals in sorted(_folders(rows).items()):
        yield _Case(folder, measured(totals, options.metric))


def _folders(rows: list[Row]) -> dict[str, Totals]:
    """Each folder that has files below it, its name with "/" at the end: "pkg/foo/" holds nothing of "pkg/foobar"."""
    found: dict[str, Totals] = {}
    for row in rows:
        for slashes in islice(_SLASHES.finditer(row.name), MOST_FOLDERS):
            folder = row.name[: slashes.end()]
            found[folder] = found.get(folder, Totals()) + row.totals
    return found


def _missing(row: Row, options: Options) -> str:
    if options.threshold is None or not measured(row.totals, options.metric).below(options.threshold):
        return ""
    runs = [as_range(*run) for run in ranges_of_missing(row.file)]
    return ", ".join(runs[:RUNS_LIMIT]) + (", …" if len(runs) > RUNS_LIMIT else "")


def _testcase(case: _Case, of: str, options: Options) -> Iterator[str]:
    ratio, wanted = case.ratio, options.threshold
    yield f'    <testcase classname="{SUITE}" name="{_attribute(case.name)}" time="0">'
    if wanted is not None and ratio.below(wanted):
        message = f"{below(ratio, wanted)} of {of}, {wanted}% wanted"
        body = f"{ratio.covered} of {ratio.total} {of} ran{_told(case.missing)}"
        yield f'      <failure message="{message}">{body}</failure>'
    figure = ratio.shown(max(options.digits, 1))
    yield f'      <properties><property name="{PROPERTY}" value="{figure}"/></properties>'
    yield "    </testcase>"


def _told(missing: str) -> str:
    """The end of a sentence on the lines that did not run."""
    if not missing:
        return ""
    return f"; {'line' if missing.isdecimal() else 'lines'} {missing} did not run"


def _attribute(name: str) -> str:
    """Names in a row were made visible already."""
    text = _REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", name)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


RENDERER = JUnit()
