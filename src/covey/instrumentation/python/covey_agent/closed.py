"""What the closed windows hold, of which a long suite has thousands: one a test.

They are read one by one and dropped again, so that however many there are, only what is made of them is held: the union
of their lines, or as much of their text as a reply has room for. Both are generators that yield 0 between two windows.
"""

from __future__ import annotations

import os

from covey_agent import folds, masks, processes
from covey_agent.jsontext import dump

# Of all windows in a capture together: bytes of text, lines as the collector weighs them, and commas. It takes 64 MiB,
# 40,000,000 lines and 8,000,000 commas in all, line tables and processes included.
MOST = (24 << 20, 12_000_000, 2_000_000)


class Union:
    """The lines of some closed windows, by the segment that has them now: a fold has what the files that are gone
    had, of which it holds those lines only that are its own. `names`: of the segments that there are."""

    def __init__(self, names: list[str]) -> None:
        self._names = set(names)
        self._own: dict[str, dict[str, bytes]] = {}
        self._folded: dict[str, dict[str, bytes]] = {}

    def add(self, window) -> None:
        for name, files in window.segments.items():
            _unite(self._place(name), {path: _mask(lines) for path, lines in files.items()})

    def see(self, names: list[str]) -> None:
        """Other segments are there by now: what those had that are gone is their fold's."""
        self._names = set(names)
        for name in [name for name in self._own if name not in self._names]:
            files = self._own.pop(name)
            _unite(self._place(name), files)

    def lines(self, name: str) -> dict[str, bytes]:
        """Path -> mask for the segment of that name."""
        if folds.is_fold(name):
            return self._folded.get(os.path.dirname(name), {})
        return self._own.get(name, {})

    def _place(self, name):
        if folds.is_fold(name) or name not in self._names:
            return self._folded.setdefault(os.path.dirname(name), {})
        return self._own.setdefault(name, {})


def union(windows, names: list[str]):
    """The Union of an iterable of windows."""
    found = Union(names)
    for window in windows:
        found.add(window)
        yield 0
    return found


def listed(windows, room: int):
    """The JSON texts of windows that come newest first, in that order, as many as go into `room` bytes and MOST; and
    the epoch before which windows are left out, None when all are there."""
    left = [min(room, MOST[0]), *MOST[1:]]
    texts: list[str] = []
    for window in windows:
        text, lines = _text(window)
        left = [have - cost for have, cost in zip(left, (len(text) + 2, lines, text.count(",")))]
        if min(left) < 0:
            return texts, window.epoch + 1
        texts.append(text)
        yield 0
    return texts, None


def _text(window):
    files: dict[str, bytes] = {}
    for some in window.segments.values():
        _unite(files, {path: _mask(lines) for path, lines in some.items()})
    text = dump(
        {
            "epoch": window.epoch,
            "name": window.name,
            "closed_at": processes.iso(window.closed_at),
            "late": window.late,
            "files": {path: masks.to_text(mask) for path, mask in sorted(files.items())},
        }
    )
    return text, sum(mask.count(1) + (len(mask) >> 3) for mask in files.values())


def _unite(into: dict[str, bytes], files: dict[str, bytes]) -> None:
    for path, mask in files.items():
        into[path] = masks.union(into.get(path, b""), mask)


def _mask(lines: str) -> bytes:
    try:
        return masks.from_text(lines)
    except ValueError:
        return b""
