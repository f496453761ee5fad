"""Code with probes, kept in the spool so that it is made once a container and not once a process.

One file (ownfile.py) that only grows, up to a bound. The number in its head is that of its whole entries, so a writer
that was killed leaves nothing half. Little-endian; from 64 the entries, 48 bytes each: key (32), offset (u64), length
(u32), highest line (u32); then the code, marshalled.
"""

from __future__ import annotations

import marshal
import os
import sys

from covey_agent.ownfile import OwnFile

ENTRIES_AT = 64
ENTRY = 48
ENTRIES_MAX = 16384
DATA_AT = ENTRIES_AT + ENTRY * ENTRIES_MAX
_LONGEST = 32 << 20


class CodeCache:
    """The cache in a spool's folder, of at most `limit` bytes of code. Where it cannot be used it is always empty."""

    def __init__(self, folder: str, limit: int) -> None:
        self._file = OwnFile(folder, f"code-{sys.implementation.cache_tag}.cache", b"COVEYCC1")
        self._limit = limit
        self._entries = {}
        self._count = 0
        self._end = DATA_AT

    def get(self, key: bytes):
        """(highest line, code) that was put at this key of 32 bytes, or None."""
        try:
            if not self._file.is_open() or (key not in self._entries and not self._look_again(key)):
                return None
            offset, length, lines = self._entries[key]
            data = os.pread(self._file.fd, length, offset)
            return (lines, marshal.loads(data)) if len(data) == length else None
        except (OSError, EOFError, ValueError, TypeError):
            return None

    def put(self, key: bytes, lines: int, code) -> None:
        """Adds code, unless another process or thread is just writing or there is no room."""
        data = marshal.dumps(code)
        self._file.add(lambda: self._append(key, lines, data))

    def names(self) -> list:
        """(key, highest line) of everything in the cache."""
        try:
            if self._file.is_open():
                self._look_again(b"")
        except OSError:
            return []
        return [(key, lines) for key, (_, _, lines) in self._entries.items()]

    def _append(self, key, lines, data):
        self._look_again(key)
        end = self._end
        if key in self._entries or self._count >= ENTRIES_MAX or end + len(data) - DATA_AT > self._limit:
            return
        entry = key + end.to_bytes(8, "little") + len(data).to_bytes(4, "little") + lines.to_bytes(4, "little")
        if self._file.write(data, end) and self._file.write(entry, ENTRIES_AT + ENTRY * self._count):
            self._file.set_number(self._count + 1)
            self._take(entry)

    def _look_again(self, key):
        """Takes in what was added since, by other processes too; whether the key is there now."""
        count = self._file.number()
        if self._count < count <= ENTRIES_MAX:
            read = os.pread(self._file.fd, ENTRY * (count - self._count), ENTRIES_AT + ENTRY * self._count)
            for at in range(0, len(read) - ENTRY + 1, ENTRY):
                self._take(read[at : at + ENTRY])
        return key in self._entries

    def _take(self, entry):
        offset = int.from_bytes(entry[32:40], "little")
        length = int.from_bytes(entry[40:44], "little")
        if offset >= DATA_AT and length <= _LONGEST:
            self._entries[entry[:32]] = (offset, length, int.from_bytes(entry[44:48], "little"))
            self._end = max(self._end, offset + length)
        self._count += 1
