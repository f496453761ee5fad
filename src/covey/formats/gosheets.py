"""Go profiles whose files were met before, as sheets: all counts in one column."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from covey.formats.base import Sources
from covey.formats.gonames import named
from covey.loops import columns, lanes
from covey.loops.gocover import MOST_KNOWN, File, Run
from covey.model.report import Key, Mode
from covey.model.sheet import Page, Sheet

_MOST_AGAIN = 4  # how many times a profile's counts may be gone through, for files that are there several times


class _Layout(NamedTuple):
    """rounds: where the counts of files go that are there once, of those that are there again, and so on; none where
    all are there once, in the order of the column."""

    pages: dict[Key, Page]
    rounds: list[list[lanes.Spot]]
    size: int  # of the column


class Sheets:
    """What is kept between profiles only saves work: paths of names, and the layout of the profile before."""

    def __init__(self) -> None:
        self._sources: Sources | None = None
        self._keys: dict[bytes, Key] = {}
        self._files: list[File] = []
        self._layout: _Layout | None = None

    def of(self, runs: Sequence[tuple[Mode, Run]], sources: Sources) -> Sheet | None:
        """The sheet of a profile's runs; None for two modes, for a file with two layouts or a block twice in a row, and
        where no file was met twice before: then nothing is gained."""
        if len({mode for mode, _ in runs}) != 1 or not any(run.files for _, run in runs):
            return None
        if self._sources is not sources or len(self._keys) > MOST_KNOWN:
            self._sources, self._files = sources, []
            self._keys.clear()
        files = list(chain.from_iterable(run.files or [_alone(run)] for _, run in runs))
        if files != self._files:  # mostly the very same objects
            self._files, self._layout = files, self._laid_out(files, sources)
        if self._layout is None:
            return None
        hits = array("q")
        for _, run in runs:
            hits += run.hits
        return Sheet(self._layout.pages, _added(hits, self._layout), runs[0][0])

    def _laid_out(self, files: Sequence[File], sources: Sources) -> _Layout | None:
        if any(file.twice for file in files):
            return None
        keys = [self._keys.get(file.name) or self._key(file.name, sources) for file in files]
        pages: dict[Key, Page] = {}
        begin = 0
        for key, file in zip(keys, files, strict=True):
            pages[key] = file.layout, begin, file.size
            begin += file.size
        rounds: list[list[lanes.Spot]] = []
        if len(pages) < len(keys):
            found = _rounds(keys, files)
            if found is None:
                return None
            pages, rounds, begin = found
        return _Layout({key: pages[key] for key in sorted(pages, key=itemgetter(1))}, rounds, begin)

    def _key(self, raw: bytes, sources: Sources) -> Key:
        key = self._keys[raw] = None, sources.imported(named(raw)).path
        return key


def _alone(run: Run) -> File:
    return File(run.name, [], run.layout, ((), ()), run.twice, len(run.hits), run.spanned)


def _rounds(keys: Sequence[Key], files: Sequence[File]) -> _Layout | None:
    """Where files are there several times: the first of each gets the place, the others are added to it. None where
    they are not alike, or where few of them would make many rounds."""
    pages: dict[Key, Page] = {}
    met: dict[Key, int] = {}
    rounds: list[list[lanes.Spot]] = []
    at = end = 0
    for key, file in zip(keys, files, strict=True):
        page = pages.get(key)
        if page is None:
            page = pages[key] = file.layout, end, file.size
            end += file.size
        elif page[0] is not file.layout and page[0] != file.layout:
            return None
        turn = met[key] = met.get(key, -1) + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append((page[1], at, file.size))
        at += file.size
    if len(rounds) * end > _MOST_AGAIN * at:
        return None
    return _Layout(pages, [lanes.joined(spots) for spots in rounds], end)


def _added(hits: array[int], layout: _Layout) -> array[int]:
    if not layout.rounds:
        return hits
    total, *more = (lanes.laid_out(hits, spots, layout.size) for spots in layout.rounds)
    for one in more:
        total = columns.combined(total, one, columns.saturating_add)
    return total
