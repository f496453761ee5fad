"""covcounters files: what one process of a Go program counted."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from covey.errors import FormatError
from covey.loops import gocovdata as loop
from covey.model.provenance import CaptureId

MAGIC = b"\0cwm"
_HEADER = struct.Struct("<4sI16sBB6x")  # magic, version, hash of the covmeta, flavour, big endian
_SEGMENT = struct.Struct("<QII")  # functions, bytes of the string table, bytes of the arguments
_FOOTER = struct.Struct("<4s4xI4x")  # magic, segments
_RAW, _ULEB = 1, 2
_NAME = re.compile(r"covcounters\.[0-9a-f]{32}\.(\d{1,10})\.(\d{1,20})")


@dataclass(frozen=True, slots=True)
class Process:
    """One file's counters, not decoded yet. identity: of the process, by the file's name; None when it has another."""

    path: str
    hash: bytes
    identity: CaptureId | str | None
    count: int  # functions
    flavour: int
    big_endian: bool
    counters: bytes
    offset: int  # of the counters in the file

    @classmethod
    def parse(cls, path: str, data: bytes) -> Process:
        """FormatError with the offset for what is cut off or of a version not known."""
        if len(data) < _HEADER.size + _SEGMENT.size + _FOOTER.size:
            raise FormatError("cut off", path=path, offset=len(data))
        _, version, hash_, flavour, big_endian = _HEADER.unpack_from(data)
        if version != 1:
            raise FormatError(f"version {version}, not 1", path=path, offset=4, hint="a newer covey may read it")
        if flavour not in (_RAW, _ULEB):
            raise FormatError(f"counters of flavour {flavour}, which is not known", path=path, offset=24)
        end = len(data) - _FOOTER.size
        magic, segments = _FOOTER.unpack_from(data, end)
        if magic != MAGIC or segments < 1:
            hint = "the process was killed while it wrote; leave this file out"
            raise FormatError("cut off: no footer", path=path, offset=len(data), hint=hint)
        if segments > 1:  # Go's own tool reads the first one only, silently
            raise FormatError(f"{segments} segments; only files of one are known", path=path, offset=end)
        count, table, arguments = _SEGMENT.unpack_from(data, _HEADER.size)
        start = _HEADER.size + _SEGMENT.size + table + arguments
        start += -start % 4
        if start > end:
            raise FormatError("cut off within its string table", path=path, offset=len(data))
        return cls(path, hash_, _identity(path), count, flavour, big_endian != 0, data[start:end], start)

    def add(self, into: loop.Tally) -> None:
        """Add the counters to those of other processes of the same build."""
        try:
            into.add(self._numbers(), self.count)
        except ValueError as error:
            raise FormatError(str(error), path=self.path, offset=self.offset + len(self.counters)) from None

    def _numbers(self) -> Sequence[int]:
        if self.flavour == _ULEB:
            return loop.numbers(self.counters)
        if len(self.counters) % 4:
            raise ValueError("cut off within a counter")
        return struct.unpack(f"{'>' if self.big_endian else '<'}{len(self.counters) // 4}I", self.counters)


def _identity(path: str) -> CaptureId | None:
    """Go names the file by the process and the time of writing (ns), so equal names are one and the same writing."""
    found = _NAME.fullmatch(path.rpartition("/")[2])
    return CaptureId(pid=int(found[1]), started=found[2]) if found else None
