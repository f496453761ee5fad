"""What the inputs that no --part names reach together: without it what a part alone reached would seem to be more than
it is."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import compress

from covey.model.report import Key, Report, bits
from covey.model.sheet import InputFiles, Ledger


def with_other(reports: Iterable[Report], parts: Container[str]) -> Iterator[Report]:
    """The reports as they come, one at a time, then one without files whose slice "part:other" is what they covered.

    parts: names that are taken. Reports that tell their own parts are in none besides. Sheets are added up before their
    lines are looked at: hundreds of Go's profiles take twice the time of merging them, not ten times.
    """
    ledger = Ledger()
    covered: dict[Key, int] = {}
    for report in reports:
        yield report
        if not any(name.startswith("part:") for name in report.slices):
            _reach(covered, ledger.add("", report.files))
    _reach(covered, ledger.close())
    name = "other"
    while name in parts:
        name += " inputs"
    if covered:
        yield Report(slices={f"part:{name}": covered})


def _reach(covered: dict[Key, int], added: Iterable[InputFiles]) -> None:
    for _, files in added:
        for key, file in files.items():
            ran = bits(compress(file.lines.numbers, file.lines.hits))
            if ran:
                covered[key] = covered.get(key, 0) | ran
