"""Pieces of bytes that are too many for the memory, kept in a temporary file until they are asked for again."""

from __future__ import annotations

import io
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from covey.errors import FormatError
from covey.formats.intake import MOST_BYTES

_BITS = 32
_INNER = (1 << _BITS) - 1
_PIECE = 1 << 20
_FIRST = 1 << 17
_WIDTH = 3  # numbers of a row of the index: inner number, where it begins, its length


class Pieces:
    """Each by a key, an outer number shifted by 32 bits and an inner one. What is put first stays in memory, what comes
    on top of it makes a file of all. Of each piece 24 bytes stay in memory."""

    def __init__(self) -> None:
        self._data: BinaryIO = io.BytesIO()
        self._end = 0
        self._index: dict[int, array[int]] = {}
        self.on_disk = False

    def close(self) -> None:
        self._data.close()

    def put(self, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Add pieces, ascending by key; of those of one key none replaces another."""
        pieces, before = iter(pieces), self._end
        while some := list(islice(pieces, 4096)):
            if before and not self.on_disk:
                self._to_disk()
            for key, piece in some:
                row = self._index.get(key >> _BITS)
                if row is None:
                    row = self._index[key >> _BITS] = array("q")
                row.extend((key & _INNER, self._end, len(piece)))
                self._end += len(piece)
            self._data.write(b"".join([piece for _, piece in some]))

    def _to_disk(self) -> None:
        import tempfile

        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        file.write(self._data.getvalue())  # type: ignore[attr-defined]  # it is a BytesIO still
        self._data, self.on_disk = file, True

    def inner(self, outer: int) -> Sequence[int]:
        """The inner numbers of the pieces of an outer one."""
        return self._index[outer][0::_WIDTH] if outer in self._index else ()

    def of(self, outer: int) -> Iterator[tuple[int, bytes]]:
        """The pieces of an outer number with their inner ones, in the order in which they were put."""
        row = self._index.get(outer, array("q"))
        at = 0
        while at < len(row):
            start, end = row[at + 1], row[at + 1] + row[at + 2]
            after = at + _WIDTH
            while after < len(row) and row[after + 1] == end and end - start < _PIECE:  # they lie side by side
                end += row[after + 2]
                after += _WIDTH
            data = self._read(start, end - start)
            for one in range(at, after, _WIDTH):
                begin = row[one + 1] - start
                yield row[one], data[begin : begin + row[one + 2]]
            at = after

    def _read(self, start: int, size: int) -> bytes:
        if self.on_disk:
            return os.pread(self._data.fileno(), size, start)
        self._data.seek(start)
        return self._data.read(size)


def begun(stream: BinaryIO, most: int) -> bytes:
    """The first `most` bytes of a stream, or all, without setting aside more than twice what there is."""
    found = [stream.read(min(most, _FIRST))]
    size = len(found[0])
    while size < most and (piece := stream.read(min(size, most - size))):
        found.append(piece)
        size += len(piece)
    return found[0] if len(found) == 1 else b"".join(found)


@contextmanager
def on_disk(name: str, begun: bytes, rest: BinaryIO) -> Iterator[Path]:
    """A temporary file of what was read and the rest of a stream; FormatError where it is too large."""
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(begun)
        size = len(begun)
        while piece := rest.read(_PIECE):
            size += file.write(piece)
            if size > MOST_BYTES:
                raise FormatError(f"larger than {MOST_BYTES} bytes", path=name)
        file.flush()
        yield Path(file.name)
