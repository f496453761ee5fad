"""Many files of counted blocks in one column: how hundreds of Go profiles of one build are added up."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import replace

from covey.loops import columns
from covey.model.counted import Blocks
from covey.model.report import FileCoverage, Key, Report

# A file's layout, and from where to where its hits stand in the column.
Shape = Mapping[Key, tuple["array[int]", int, int]]


class Sheet(Mapping[Key, FileCoverage]):
    """Files of mode "count" with nothing but blocks whose lines are touched; reads as a report's files, each made when
    it is looked at.

    shape: ascending by key; sheets of one and the same object can be added. hits: array('q'), of all files.
    """

    __slots__ = ("hits", "shape")

    def __init__(self, shape: Shape, hits: array[int]) -> None:
        self.shape = shape
        self.hits = hits

    def __getitem__(self, key: Key) -> FileCoverage:
        layout, begin, end = self.shape[key]
        return FileCoverage(key[1], blocks=Blocks(layout, self.hits[begin:end], "touch"), repository=key[0])

    def __iter__(self) -> Iterator[Key]:
        return iter(self.shape)

    def __len__(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"Sheet of {len(self.shape)} files"

    def added(self, other: Sheet) -> Sheet | None:
        """The sum of two sheets of one shape; None for others."""
        if self.shape is not other.shape:
            return None
        return Sheet(self.shape, columns.combined(self.hits, other.hits, columns.saturating_add))


def on_sheet(sheet: Report | None, report: Report) -> tuple[Report | None, Report | None]:
    """The report added to what is on the sheet, and what has to be merged file by file instead."""
    if not isinstance(report.files, Sheet):
        return sheet, report
    if sheet is None or not isinstance(sheet.files, Sheet):
        return report, None
    added = sheet.files.added(report.files)
    return (report, sheet) if added is None else (replace(sheet, files=added), None)
