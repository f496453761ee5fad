"""What earlier processes have found out about source files: their SHA-256, number of lines and the head of their record
(segment.py), so that a start reads each file's stamp and not the file. The stamp is inode, size, time of modification
and of change in nanoseconds; nobody can set the last one. A file that was changed in the last seconds is not
remembered: its clock may be coarser than that.

One file in the spool (ownfile.py); the number in its head is its length. From 16 blocks: length (u32), then a
marshalled dict, path -> (stamp, digest, lines, head); 0 lines is a file that asks not to be recorded.
"""

from __future__ import annotations

import atexit
import marshal
import os
from time import time

from covey_agent.ownfile import OwnFile
from covey_agent.segment import LINES_MAX, PATH_MAX, record_head

_DATA_AT = 16
_BLOCK = 32  # as many facts are written at once
_SETTLED = 2.0


class Facts:
    """The facts in a spool's folder, at most `limit` bytes of them. Where there can be none, there are none."""

    def __init__(self, folder: str, limit: int) -> None:
        self._file = OwnFile(folder, "sources.cache", b"COVEYSF2")
        self._limit = limit
        self.known = {}  # path -> (stamp, digest, lines, head), to be believed of a file that has this stamp now
        self._new = {}
        self._read()
        atexit.register(self.flush)

    def get(self, path: str, stamp: tuple):
        """(stamp, digest, lines, head) of the file with this stamp, or None; an empty head is none."""
        known = self.known.get(path)
        return known if known is not None and known[0] == stamp else None

    def put(self, path: str, stamp: tuple, digest: bytes, lines: int) -> None:
        """Remembers. Written when there are several, and when the process ends."""
        if time() - max(stamp[2], stamp[3]) / 1e9 < _SETTLED:
            return
        name = path.encode("utf-8", "surrogateescape")
        head = record_head(name, digest, lines) if 0 < lines <= LINES_MAX and len(name) <= PATH_MAX else b""
        self.known[path] = self._new[path] = (stamp, digest, lines, head)
        if len(self._new) >= _BLOCK:
            self.flush()

    def flush(self) -> None:
        """Adds what is new to the file."""
        if not self._new:
            return
        data = marshal.dumps(self._new)
        self._new = {}
        self._file.add(lambda: self._append(len(data).to_bytes(4, "little") + data))

    def _append(self, block):
        end = max(self._file.number(), _DATA_AT)
        if end + len(block) <= self._limit and self._file.write(block, end):
            self._file.set_number(end + len(block))

    def _read(self):
        try:
            if not self._file.is_open():
                return
            end = min(self._file.number(), self._limit)
            data = os.pread(self._file.fd, end, 0)
            at = _DATA_AT
            while at + 4 <= len(data):
                length = int.from_bytes(data[at : at + 4], "little")
                self.known.update(marshal.loads(data[at + 4 : at + 4 + length]))
                at += 4 + length
        except (OSError, EOFError, ValueError, TypeError):
            self.known.clear()


def stamp_of(state: os.stat_result) -> tuple:
    """What tells a file from the same file with other contents."""
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
