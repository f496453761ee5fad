"""Cobertura XML of a report."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import chain

from covey._version import VERSION
from covey.formats.intake import clean, flat_paths
from covey.formats.xmltext import quoteattr
from covey.model.counted import Functions
from covey.model.ratio import Ratio, Totals
from covey.model.report import FileCoverage, Report

_METHOD = (
    '<method name=%s signature="" line-rate="%s" branch-rate="1"><lines>'
    '<line number="%d" hits="%d"/></lines></method>\n'
)


def pieces(report: Report) -> Iterator[str]:
    """The document in pieces of a file each."""
    names = flat_paths(report)
    packages: dict[str, list[tuple[str, FileCoverage]]] = {}
    for key, name in names.items():
        packages.setdefault(posixpath.dirname(name) or ".", []).append((name, report.files[key]))
    when = max((source.collected_at for source in report.sources if source.collected_at), default=None)
    stamp = int(when.timestamp() * 1000) if when else 0
    totals = {name: file.totals for files in packages.values() for name, file in files}
    lines, branches = _summed(totals.values())
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield (
        f'<coverage version="covey {VERSION}" timestamp="{stamp}" lines-valid="{lines.total}"'
        f' lines-covered="{lines.covered}" branches-valid="{branches.total}"'
        f' branches-covered="{branches.covered}" {_rates(lines, branches)}>\n'
    )
    yield "<sources><source>.</source></sources>\n<packages>\n"
    for folder, files in sorted(packages.items()):
        rates = _rates(*_summed([totals[name] for name, _ in files]))
        package = folder.replace("/", ".") if folder != "." else "."
        yield f"<package name={quoteattr(package)} {rates}><classes>\n"
        for name, file in files:
            yield _class(name, file, totals[name])
        yield "</classes></package>\n"
    yield "</packages>\n</coverage>\n"


def _summed(some: Collection[Totals]) -> tuple[Ratio, Ratio]:
    """Lines and branches of several files together."""
    lines, branches = [one.lines for one in some], [one.branches for one in some]
    return (
        Ratio(sum([one.covered for one in lines]), sum([one.total for one in lines])),
        Ratio(sum([one.covered for one in branches]), sum([one.total for one in branches])),
    )


def _class(name: str, file: FileCoverage, totals: Totals) -> str:
    rates = _rates(totals.lines, totals.branches)
    # Without lines of its own, those of its methods would be taken for them.
    methods = _methods(file.functions) if file.lines else ""
    return (
        f"<class name={quoteattr(posixpath.basename(name))} filename={quoteattr(name)} {rates}><methods>{methods}"
        f"</methods><lines>\n{_lines(file)}</lines></class>\n"
    )


def _methods(functions: Functions) -> str:
    plain = _is_plain("".join(functions.names))
    names = [f'"{name}"' if plain else quoteattr(clean(name)) for name in functions.names]
    rates = ["1" if hits else "0" for hits in functions.hits]
    values = zip(names, rates, functions.firsts, functions.hits, strict=True)
    return "\n" * bool(functions) + _METHOD * len(functions) % tuple(chain.from_iterable(values))


def _is_plain(text: str) -> bool:
    """Whether text can stand in an attribute as it is."""
    return text.isprintable() and not ("&" in text or "<" in text or ">" in text or '"' in text)


def _lines(file: FileCoverage) -> str:
    """A row a line, of two pieces that are made once: of the number, and of the hits with what ends it."""
    numbers, hits = file.lines.numbers, file.lines.hits
    ends = list(map(_ENDS.__getitem__, hits))
    at = 0
    for line, arms in file.branches.forks().items():
        at = bisect_left(numbers, line, at)
        if at < len(numbers) and numbers[at] == line:
            ends[at] = _fork(hits[at], *arms)
    pieces = [""] * (2 * len(numbers))
    pieces[0::2] = list(map(_STARTS.__getitem__, numbers))
    pieces[1::2] = ends
    return "".join(pieces)


class _Made(dict[int, str]):
    """Number -> text, made when it is first asked for; forgotten when it has become many."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def __missing__(self, number: int) -> str:
        if len(self) > _MOST_MADE:
            self.clear()
        made = self[number] = self._text % number
        return made


_MOST_MADE = 20_000
_STARTS, _ENDS = _Made('<line number="%d" hits="'), _Made('%d"/>\n')


@lru_cache(maxsize=_MOST_MADE)
def _fork(hits: int, covered: int, total: int) -> str:
    """How the row of a line with branches ends."""
    return f'{hits}" branch="true" condition-coverage="{100 * covered // total}% ({covered}/{total})"/>\n'


def _rates(lines: Ratio, branches: Ratio) -> str:
    return f'line-rate="{_rate(lines)}" branch-rate="{_rate(branches)}" complexity="0"'


def _rate(ratio: Ratio) -> str:
    """From 0 to 1, four digits, never a false 0 or 1; without code 1, as coverage.py has it."""
    if ratio.covered in (0, ratio.total):
        return "0" if ratio.total and not ratio.covered else "1"
    return f"{min(max(ratio.covered / ratio.total, 0.0001), 0.9999):.4g}"
