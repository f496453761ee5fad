"""Many files of counted blocks in one column: how hundreds of Go profiles are added up."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from covey.loops import lanes
from covey.model.blocks import Blocks
from covey.model.report import FileCoverage, Key, Mode

InputFiles = tuple[str, Mapping[Key, FileCoverage]]  # what an input is called, and files of it


Page = tuple["array[int]", int, int]  # a file's layout, where its hits begin in the column, how many they are


class Sheet(Mapping[Key, FileCoverage]):
    """Files of one mode with nothing but blocks whose lines are touched; reads as a report's files, each made when it
    is looked at.

    pages: ascending by key; sheets of the very same object are added with least work. hits: array('q'), of all files;
    in mode "set" all that are not 0 mean the same.
    """

    __slots__ = ("hits", "mode", "pages")

    def __init__(self, pages: Mapping[Key, Page], hits: array[int], mode: Mode = "count") -> None:
        self.pages = pages
        self.hits = hits
        self.mode = mode

    def __getitem__(self, key: Key) -> FileCoverage:
        return _file(key, self.pages[key], self.hits, self.mode)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.pages)

    def __len__(self) -> int:
        return len(self.pages)

    def __repr__(self) -> str:
        return f"Sheet of {len(self.pages)} files"


def _file(key: Key, page: Page, column: array[int], mode: Mode) -> FileCoverage:
    layout, begin, size = page
    hits = column[begin : begin + size]
    if mode == "set" and max(hits, default=0) > 1:
        hits = array("q", map(bool, hits))
    return FileCoverage(key[1], blocks=Blocks(layout, hits, "touch"), mode=mode, repository=key[0])


class _Entry(NamedTuple):
    page: Page
    mode: Mode
    name: str  # of the input that brought the file


class _Placed(NamedTuple):
    """Sheets of these very pages and of this mode: where their hits go, and which files are merged apart."""

    pages: Mapping[Key, Page]
    mode: Mode
    spots: list[lanes.Spot]
    apart: list[Key]


class Ledger:
    """The sum of sheets, whatever files each has: a file has one place in the column, whichever of them counts it.

    What cannot be added in columns is handed back, to be merged file by file in the order given: the sum is the same.
    """

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        self._total = lanes.Total()
        self._end = 0  # of the column
        self._apart: set[Key] = set()  # files whose layouts or modes differed
        self._last: _Placed | None = None

    def add(self, name: str, files: Mapping[Key, FileCoverage]) -> Sequence[InputFiles]:
        """Add the files of a report. Of a report that is no sheet all are handed back, after all of the ledger where it
        shares one; of a sheet those whose layout or mode is not what others had."""
        if not isinstance(files, Sheet):
            shared = not self._entries.keys().isdisjoint(files)
            return [*(self.close() if shared else ()), (name, files)]
        placed = self._last
        if placed is None or placed.pages is not files.pages or placed.mode != files.mode:
            placed = self._place(name, files)
        parts = self._taken(placed.apart)
        self._last = None if parts else placed
        self._total.add(lanes.laid_out(files.hits, placed.spots, 0))
        return [*parts, (name, {key: files[key] for key in placed.apart})] if placed.apart else []

    def close(self) -> Sequence[InputFiles]:
        """All that it holds, by the input that brought each file; from then on it is empty."""
        parts: dict[str, dict[Key, FileCoverage]] = {}
        hits = self._total.hits()
        for key, (page, mode, name) in self._entries.items():
            parts.setdefault(name, {})[key] = _file(key, page, hits, mode)
        self._entries.clear()
        self._total, self._end = lanes.Total(), 0
        self._last = None
        return list(parts.items())

    def _place(self, name: str, sheet: Sheet) -> _Placed:
        """Where each file of a sheet goes; those not met before get a place at the end of the column."""
        spots: list[lanes.Spot] = []
        apart: list[Key] = []
        get, mode = self._entries.get, sheet.mode
        for key, (layout, begin, size) in sheet.pages.items():
            entry = get(key)
            if entry is None:
                if key in self._apart:
                    apart.append(key)
                    continue
                entry = self._entries[key] = _Entry((layout, self._end, size), mode, name)
                self._end += size
            (known, place, _), like, _ = entry
            if like == mode and (known is layout or known == layout):
                spots.append((place, begin, size))
            else:
                apart.append(key)
        return _Placed(sheet.pages, mode, lanes.joined(spots), apart)

    def _taken(self, apart: Sequence[Key]) -> list[InputFiles]:
        """Those of some files that it holds, which it will never hold again; their places stay empty."""
        self._apart.update(apart)
        held = [(key, self._entries.pop(key)) for key in apart if key in self._entries]
        hits = self._total.hits() if held else array("q")
        return [(name, {key: _file(key, page, hits, mode)}) for key, (page, mode, name) in held]
