"""Clover XML of a report."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from covey.formats.intake import clean, flat_paths
from covey.formats.xmltext import quoteattr
from covey.model.counted import Arm
from covey.model.ratio import Totals
from covey.model.report import FileCoverage, Report


def pieces(report: Report) -> Iterator[str]:
    """The document in pieces of a file each; a package a folder, as Istanbul has it."""
    packages: dict[str, list[tuple[str, FileCoverage]]] = {}
    for key, name in flat_paths(report).items():
        packages.setdefault(posixpath.dirname(name), []).append((name, report.files[key]))
    when = max((source.collected_at for source in report.sources if source.collected_at), default=None)
    stamp = int(when.timestamp() * 1000) if when else 0
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<coverage generated="{stamp}" clover="3.2.0">\n<project timestamp="{stamp}" name="All files">\n'
    yield _metrics(
        report.totals, f' packages="{len(packages)}" files="{len(report.files)}" classes="{len(report.files)}"'
    )
    for package, files in sorted(packages.items()):
        yield f"<package name={quoteattr(package.replace('/', '.') or '.')}>\n"
        yield _metrics(sum((file.totals for _, file in files), Totals()))
        for name, file in files:
            yield f"<file name={quoteattr(posixpath.basename(name))} path={quoteattr(name)}>\n"
            yield _metrics(file.totals)
            yield "".join(_rows(file))
            yield "</file>\n"
        yield "</package>\n"
    yield "</project>\n</coverage>\n"


def _metrics(totals: Totals, more: str = "") -> str:
    """Clover's elements are statements, conditionals and methods; a line is one statement."""
    lines, arms, methods = totals.lines, totals.branches, totals.functions
    return (
        f'<metrics statements="{lines.total}" coveredstatements="{lines.covered}" conditionals="{arms.total}"'
        f' coveredconditionals="{arms.covered}" methods="{methods.total}" coveredmethods="{methods.covered}"'
        f' elements="{lines.total + arms.total + methods.total}"'
        f' coveredelements="{lines.covered + arms.covered + methods.covered}" complexity="0"'
        f' loc="{lines.total}" ncloc="{lines.total}"{more}/>\n'
    )


def _rows(file: FileCoverage) -> Iterator[str]:
    for name, first, _, hits in file.functions:
        yield f'<line num="{first}" count="{hits}" type="method" name={quoteattr(clean(name))}/>\n'
    arms = file.branches.by_line()
    for line, hits in zip(file.lines.numbers, file.lines.hits, strict=True):
        yield _row(line, hits, arms[line]) if line in arms else f'<line num="{line}" count="{hits}" type="stmt"/>\n'


def _row(line: int, hits: int, arms: Sequence[Arm]) -> str:
    """Named arms in pairs as OpenClover has them, where how often each was taken is kept; else as Istanbul does."""
    if len(arms) % 2 or any(arm.key.startswith("?") for arm in arms):
        taken = sum(arm.hits > 0 for arm in arms)
        counts = f'truecount="{taken}" falsecount="{len(arms) - taken}"'
        return f'<line num="{line}" count="{hits}" type="cond" {counts}/>\n'
    pairs = zip(arms[::2], arms[1::2], strict=True)
    return f'<line num="{line}" count="{hits}" type="stmt"/>\n' + "".join(
        f'<line num="{line}" type="cond" truecount="{yes.hits}" falsecount="{no.hits}"/>\n' for yes, no in pairs
    )
