"""JaCoCo's XML of a report."""

from __future__ import annotations

import posixpath
import re
from array import array
from collections.abc import Iterator
from itertools import chain, repeat
from operator import not_, sub

from covey.formats.intake import clean, flat_paths
from covey.formats.xmltext import quoteattr
from covey.model.counted import Function, Functions
from covey.model.ratio import Ratio, Totals
from covey.model.report import FileCoverage, Report

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">\n'
    '<report name="covey">\n'
)
_ROW = '<line nr="%d" mi="%d" ci="%d" mb="%d" cb="%d"/>\n'
_TYPE = r"\[*(?:[BCDFIJSZ]|L[^;()]+;)"
_JVM = re.compile(rf"([^.;\[/()]+)\.([^.;\[/()]+)(\((?:{_TYPE})*\)(?:V|{_TYPE}))")


def pieces(report: Report) -> Iterator[str]:
    """The document in pieces of a file each."""
    packages: dict[str, list[tuple[str, FileCoverage]]] = {}
    for key, name in flat_paths(report).items():
        packages.setdefault(posixpath.dirname(name), []).append((posixpath.basename(name), report.files[key]))
    yield _HEAD
    for package, files in sorted(packages.items()):
        yield f"<package name={quoteattr(package)}>\n"
        for name, file in files:
            yield "".join(_classes(package, name, file.functions))
            yield f"<sourcefile name={quoteattr(name)}>\n{_lines(file)}{_counters(file.totals)}</sourcefile>\n"
        yield _counters(sum((file.totals for _, file in files), Totals()))
        yield "</package>\n"
    yield _counters(report.totals)
    yield "</report>\n"


def _classes(package: str, source: str, functions: Functions) -> Iterator[str]:
    classes: dict[str, list[str]] = {}
    for function in functions:
        found = _JVM.fullmatch(function.name)
        name, method, descriptor = found.groups() if found else (source.partition(".")[0], function.name, "")
        classes.setdefault(name, []).append(_method(function, method, descriptor))
    for name, methods in classes.items():
        whole = f"{package}/{name}" if package else name
        yield f"<class name={quoteattr(clean(whole))} sourcefilename={quoteattr(source)}>\n{''.join(methods)}</class>\n"


def _method(function: Function, name: str, descriptor: str) -> str:
    ran = int(function.hits > 0)
    return (
        f'<method name={quoteattr(clean(name))} desc={quoteattr(clean(descriptor))} line="{function.first}">'
        f'<counter type="METHOD" missed="{1 - ran}" covered="{ran}"/></method>\n'
    )


def _lines(file: FileCoverage) -> str:
    """A row for each executable line, and for each other that has branches, which then is without instructions."""
    lines, hits = file.lines.numbers, file.lines.hits
    ran = list(map(bool, hits))
    missed = list(map(not_, hits))
    forks = file.branches.forks()
    if not forks:
        nothing = [0] * len(lines)
        return _ROW * len(lines) % tuple(chain.from_iterable(zip(lines, missed, ran, nothing, nothing, strict=True)))
    if not forks.keys() <= set(lines):
        counts = dict(zip(lines, zip(missed, ran, strict=True), strict=True))
        lines = array("i", sorted(counts.keys() | forks.keys()))
        missed, ran = map(list, zip(*(counts.get(line, (0, 0)) for line in lines), strict=True))
    covered, arms = zip(*map(forks.get, lines, repeat((0, 0))), strict=True)
    left = map(sub, arms, covered)
    return _ROW * len(lines) % tuple(chain.from_iterable(zip(lines, missed, ran, left, covered, strict=True)))


def _counters(totals: Totals) -> str:
    """In JaCoCo's order; a kind of which there is nothing is left out, as there. Each line is one instruction."""
    kinds = {"INSTRUCTION": totals.lines, "BRANCH": totals.branches, "LINE": totals.lines, "METHOD": totals.functions}
    return "".join(_counter(kind, ratio) for kind, ratio in kinds.items() if ratio.total)


def _counter(kind: str, ratio: Ratio) -> str:
    return f'<counter type="{kind}" missed="{ratio.total - ratio.covered}" covered="{ratio.covered}"/>\n'
