"""Many files of coverage.py's data as one, nothing judged, in memory that does not grow with them.

What was recorded of a file in a context is a piece: a bit set of lines, or arcs. Pieces are gathered until they weigh
some megabytes, then united and put away (`pieces.py`), and read back file by file when the result is written.
"""

from __future__ import annotations

import posixpath
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from covey.errors import FormatError
from covey.formats import coveragedata
from covey.formats.base import Input
from covey.formats.coveragedata import (
    HALF,
    MAGIC,
    Row,
    Rows,
    Value,
    arcs_of,
    lines_of,
    number_of,
    numbits_of,
    text_of,
)
from covey.formats.coveragenames import Called, as_recorded
from covey.formats.intake import clean
from covey.formats.pieces import Pieces, begun, on_disk
from covey.loops.arcpages import leads_to_0, width_of

_HELD = 3 << 20  # bytes of pieces, about
_MOST_HELD = 12 << 20  # where united arcs fill much of that, and others turn out to be the same
_LARGE = 16 << 20  # bytes of a database from which on it is not taken into memory
_AT_ONCE = 1 << 17  # bytes of arcs that are looked at together
_EACH = 100  # bytes that a piece costs beside its own
_BITS = 32  # a key is a file's number, then in so many bits a context's


class Union:
    """A `coveragedata.Taker`, which calls a file by its number shifted by 32 bits, a context by its number.

    files, contexts: name -> number, as they came. plugins: path -> the plugin that traced it. kinds: whether there is
    data with arcs (True), and without (False). width: what `arcpages.width_of` says of all arcs, once `finish` was
    called.
    """

    def __init__(self, called: Called = as_recorded) -> None:
        self._called = called
        self.files: dict[str, int] = {}
        self.contexts: dict[str, int] = {}
        self.plugins: dict[str, str] = {}
        self.kinds: set[bool] = set()
        self.width = 2
        self._lines: dict[int, int | bytes] = {}
        self._texts: dict[int, list[Value]] = {}
        self._arcs: dict[int, list[bytes]] = {}
        self._weight = 0
        self._room = _HELD
        self._since: list[Input] = []  # whose arcs are in `_texts`
        self._away = Pieces()
        self._connection: sqlite3.Connection | None = None
        self._keys: dict[Value, int] = {}  # of paths as they are recorded in inputs of one folder
        self._known: tuple[str, list[Row], dict[Value, int]] = ("", [], {})

    def close(self) -> None:
        """Nothing can be read any more."""
        self._away.close()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    @property
    def has_arcs(self) -> bool:
        return True in self.kinds

    @property
    def uneven(self) -> bool:
        """Whether some was recorded with arcs and some without."""
        return len(self.kinds) > 1

    @property
    def is_large(self) -> bool:
        """Whether it was too much for the memory."""
        return self._away.on_disk

    def take_database(self, file: Input) -> bool:
        """Add a database; False where it is none."""
        with file.open() as stream:
            data = begun(stream, _LARGE)
            if not data.startswith(MAGIC):
                return False
            self._since.append(file)
            if len(data) < _LARGE:
                self._connection = self._connection or coveragedata.connected()
                coveragedata.of_database(file.name, data, self, checked=False, connection=self._connection)
            else:
                with _as_file(file, data, stream) as path:
                    coveragedata.of_database(file.name, path, self, checked=False)
        return True

    def places(self, name: str, rows: list[Row]) -> Mapping[Value, int]:
        """Number of each file there -> its key here; shards mostly have the same."""
        folder = posixpath.dirname(name)
        if (folder, rows) != self._known[:2]:
            known = self._keys = self._keys if folder == self._known[0] else {}
            for _, path in rows:
                if path not in known:
                    clear = self._called(name, clean(text_of(name, path)))
                    known[path] = self.files.setdefault(clear, len(self.files)) << _BITS
            self._known = folder, rows, {number: known[path] for number, path in rows}
        return self._known[2]

    def named(self, name: str, rows: list[Row]) -> Mapping[Value, int]:
        mine = self.contexts
        return {number: mine.setdefault(clean(text_of(name, context)), len(mine)) for number, context in rows}

    def take_lines(self, name: str, files: Mapping[Value, int], contexts: Mapping[Value, int], rows: Rows) -> None:
        held = self._lines
        for file, context, numbits in lines_of(name, rows):
            key = files[file] | contexts[context]
            mine = held.get(key)
            if mine is None:
                held[key] = numbits
                self._weight += len(numbits) + _EACH
            else:
                held[key] = number_of(mine) | int.from_bytes(numbits, "little")
                self._weight += len(numbits) >> 4  # mostly it is no longer than before
            if self._weight > self._room:
                self._put_away()

    def take_arcs(self, name: str, files: Mapping[Value, int], contexts: Mapping[Value, int], rows: Rows) -> None:
        held = self._texts
        for file, context, text in rows:
            held.setdefault(files[file] | contexts[context], []).append(text)
            self._weight += len(text_of(name, text)) + _EACH
            if self._weight > self._room:
                self._settle()
                if self._weight > self._room // 2:
                    self._make_room()

    def take_plugin(self, name: str, file: int, plugin: str) -> None:
        paths = list(self.files)  # in the order of their numbers
        path = paths[file >> _BITS]
        if self.plugins.setdefault(path, plugin) != plugin:
            raise FormatError(f"{path} was traced by plugin {plugin}, and by {self.plugins[path]} before", path=name)

    def _settle(self) -> None:
        """Make arcs of the texts that were taken."""
        fresh = bytearray()
        zero = False
        for key, texts in self._texts.items():
            try:
                arcs = arcs_of("", texts)
            except FormatError as error:
                self._check_numbers()
                raise FormatError(error.what, path=", ".join(file.name for file in self._since[:9])) from None
            zero |= bisect_left(arcs, -HALF) < bisect_left(arcs, HALF)
            packed = array("q", arcs).tobytes()
            fresh += packed
            if len(fresh) > _AT_ONCE:
                zero |= self._measured(fresh)
            self._arcs.setdefault(key, []).append(packed)
        if self._measured(fresh) or zero:
            self._check_numbers()
        self._texts.clear()
        self._weigh()
        self._since = self._since[-1:]  # of which more may come

    def _join(self) -> None:
        """Make one piece of those of each key. Not for each batch anew: that would cost half as much as reading it."""
        for pieces in self._arcs.values():
            if len(pieces) > 1:
                pieces[:] = [_joined_arcs(pieces)]
        self._weigh()

    def _make_room(self) -> None:
        before = self._weight
        self._join()
        if self._room < _MOST_HELD and self._room // 8 < self._weight < before - before // 8:
            self._room *= 2  # or what is one already would be sorted again with every shard
        elif self._weight > self._room // 2:
            self._put_away()

    def _weigh(self) -> None:
        self._weight = sum([_EACH + len(piece) for pieces in self._arcs.values() for piece in pieces])

    def _measured(self, packed: bytearray) -> bool:
        """Whether some of these arcs lead to line 0. They are forgotten here, but for the width that they need."""
        self.width = max(self.width, width_of(packed))
        found = leads_to_0(packed)
        packed.clear()
        return found

    def _check_numbers(self) -> None:
        """FormatError for the input whose arcs are none of numbers: those show as line 0, which few honest ones do."""
        for file in self._since:
            with file.open() as stream, _as_file(file, begun(stream, _LARGE), stream) as path:
                coveragedata.check_numbers(file.name, path)

    def _put_away(self) -> None:
        for key, bit_set in self._lines.items():
            if isinstance(bit_set, int):
                self._lines[key] = numbits_of(bit_set)
        self._away.put(self._lines)  # type: ignore[arg-type]  # all of them are bytes now
        self._join()
        self._away.put({key: pieces[0] for key, pieces in self._arcs.items()})
        self._lines.clear()
        self._arcs.clear()
        self._weight = 0

    def finish(self) -> None:
        """All is taken; from now on pieces can be asked for."""
        self._settle()
        self._put_away()
        self._disconnect()

    def contexts_of(self, paths: Sequence[str]) -> set[int]:
        """The numbers of the contexts in which something of these files ran."""
        return {context for path in paths for context in self._away.inner(self.files[path])}

    def pieces(self, paths: Sequence[str]) -> dict[int, bytes]:
        """What is known of several paths together: number of the context -> bit set, or arcs as array('q') has them."""
        found: dict[int, bytes] = {}
        join = _joined_arcs if self.has_arcs else _joined_lines
        for path in paths:
            for context, piece in self._away.of(self.files[path]):
                found[context] = join([found[context], piece]) if context in found else piece
        return found


def _as_file(file: Input, data: bytes, rest: BinaryIO) -> AbstractContextManager[Path]:
    return on_disk(file.name, coveragedata.without_log(file.name, data), rest)


def _joined_lines(pieces: Sequence[bytes]) -> bytes:
    whole = 0
    for piece in pieces:
        whole |= number_of(piece)
    return numbits_of(whole)


def _joined_arcs(pieces: Sequence[bytes]) -> bytes:
    return array("q", sorted(set(array("q", b"".join(pieces))))).tobytes()
