"""Cobertura XML of a model program, as coverage.py lays it out, with a method for each function."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from itertools import groupby
from typing import IO

from bench.inputs import File, Program, Ran

_HEAD = """<?xml version="1.0" ?>
<coverage version="7.10.7" timestamp="1700000000000" lines-valid="0" lines-covered="0" line-rate="0.5" complexity="0">
	<!-- Generated for covey's bench -->
	<sources>
		<source>/srv/build</source>
	</sources>
	<packages>
"""


def write(_: Program, run: Iterator[tuple[File, Ran]], out: IO[str]) -> None:
    out.write(_HEAD)
    rows = sorted(run, key=lambda row: row[0].path)
    for folder, inside in groupby(rows, lambda row: posixpath.dirname(row[0].path)):
        name = folder.replace("/", ".")
        out.write(f'\t\t<package name="{name}" line-rate="0.5" branch-rate="0.5" complexity="0">\n\t\t\t<classes>\n')
        for file, ran in inside:
            out.write("\n".join(_class(file, ran)) + "\n")
        out.write("\t\t\t</classes>\n\t\t</package>\n")
    out.write("\t</packages>\n</coverage>\n")


def _class(file: File, ran: Ran) -> Iterator[str]:
    base, rates = posixpath.basename(file.path), 'complexity="0" line-rate="0.5" branch-rate="0.5"'
    yield f'\t\t\t\t<class name="{base}" filename="{file.path}" {rates}>\n\t\t\t\t\t<methods>'
    for function, hits in ran:
        line = f'<line number="{function.lines[0]}" hits="{hits[0] if hits else 0}"/>'
        named = f'name="{function.name}" signature="()" line-rate="0.5" branch-rate="0.5"'
        yield f"\t\t\t\t\t\t<method {named}><lines>{line}</lines></method>"
    yield "\t\t\t\t\t</methods>\n\t\t\t\t\t<lines>"
    for function, hits in ran:
        counts = hits or [0] * len(function.lines)
        for at, (number, count) in enumerate(zip(function.lines, counts, strict=True)):
            more = ""
            if at in function.forks:
                taken = (counts[at + 1] > 0) + (count > counts[at + 1])
                more = f' branch="true" condition-coverage="{50 * taken}% ({taken}/2)"'
            yield f'\t\t\t\t\t\t<line number="{number}" hits="{count}"{more}/>'
    yield "\t\t\t\t\t</lines>\n\t\t\t\t</class>"
