"""Pieces of bytes that are too many for the memory, kept in a temporary file until they are asked for again."""

from __future__ import annotations

import io
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, NamedTuple

from covey.errors import FormatError
from covey.formats.intake import MOST_BYTES

_BITS = 32
_INNER = (1 << _BITS) - 1
_PIECE = 1 << 20
_FIRST = 1 << 17
_AT_ONCE = 4096  # pieces that are written together


class _Run(NamedTuple):
    """Pieces that were put together: keys ascending, where each begins, and where the last ends."""

    keys: array[int]
    starts: array[int]

    def of(self, outer: int) -> tuple[int, int]:
        """The first place of an outer number's pieces, and the one after the last."""
        return bisect_left(self.keys, outer << _BITS), bisect_left(self.keys, (outer + 1) << _BITS)


class Pieces:
    """Each by a key, an outer number shifted by 32 bits and an inner one. What is put first stays in memory, what comes
    on top of it makes a file of all. Of each piece 16 bytes stay in memory."""

    def __init__(self) -> None:
        self._data: BinaryIO = io.BytesIO()
        self._end = 0
        self._runs: list[_Run] = []
        self.on_disk = False

    def close(self) -> None:
        self._data.close()

    def put(self, pieces: Mapping[int, bytes]) -> None:
        """Add pieces by key. One of a key that is there already comes beside it."""
        if not pieces:
            return
        if self._runs and not self.on_disk:
            self._to_disk()
        keys = sorted(pieces)
        ends = accumulate(map(len, map(pieces.__getitem__, keys)), initial=self._end)
        self._runs.append(_Run(array("q", keys), array("q", ends)))
        self._end = self._runs[-1].starts[-1]
        for some in range(0, len(keys), _AT_ONCE):
            self._data.write(b"".join(map(pieces.__getitem__, keys[some : some + _AT_ONCE])))

    def _to_disk(self) -> None:
        import tempfile

        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        file.write(self._data.getvalue())  # type: ignore[attr-defined]  # it is a BytesIO still
        self._data, self.on_disk = file, True

    def inner(self, outer: int) -> set[int]:
        """The inner numbers of the pieces of an outer one."""
        found: set[int] = set()
        for run in self._runs:
            first, last = run.of(outer)
            found.update(map(_INNER.__and__, run.keys[first:last]))
        return found

    def of(self, outer: int) -> Iterator[tuple[int, bytes]]:
        """The pieces of an outer number with their inner ones, in the order in which they were put."""
        for run in self._runs:
            first, last = run.of(outer)
            while first < last:
                after = max(bisect_left(run.starts, run.starts[first] + _PIECE, first, last), first + 1)
                begin = run.starts[first]
                data = self._read(begin, run.starts[after] - begin)
                starts = [start - begin for start in run.starts[first : after + 1]]
                for key, start, end in zip(run.keys[first:after], starts, starts[1:], strict=False):
                    yield key & _INNER, data[start:end]
                first = after

    def _read(self, start: int, size: int) -> bytes:
        if self.on_disk:
            return os.pread(self._data.fileno(), size, start)
        self._data.seek(start)
        return self._data.read(size)


def begun(stream: BinaryIO, most: int) -> bytes:
    """The first `most` bytes of a stream, or all, without setting aside more than twice what there is."""
    if stream.seekable():
        at = stream.tell()
        size = stream.seek(0, os.SEEK_END) - at
        stream.seek(at)
        return stream.read(min(most, size))
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
