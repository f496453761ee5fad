"""How Go names files: by import path. To places in the repository when read, and back when written."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import replace

from covey.formats.base import Sources
from covey.formats.intake import clean
from covey.model.report import Report

MIXED = "data of mode set and of mode count are one: the result tells what ran, not how often"


@functools.lru_cache(maxsize=50_000)
def named(raw: bytes) -> str:
    """A name as Go wrote it, fit to be shown."""
    return clean(raw.decode("utf-8", "surrogateescape"))


def with_import_paths(report: Report, sources: Sources) -> Report:
    """The report with each file of a Go module called as Go calls it; others stay, as do two that would be one."""
    names = {
        key: sources.import_path(key[1]) or key[1] if key[0] is None and key[1].endswith(".go") else key[1]
        for key in report.files
    }
    count = Counter((key[0], name) for key, name in names.items())
    files = [
        file if names[key] == key[1] or count[key[0], names[key]] > 1 else replace(file, path=names[key])
        for key, file in report.files.items()
    ]
    return Report.of(files, report.sources, notes=report.notes)
