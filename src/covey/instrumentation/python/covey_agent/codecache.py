"""Code with probes, kept in the spool so that it is made once a container and not once a process.

One file, only this user's: marshalled code is code, so a file that anyone else could write is not read. It only grows,
up to a bound; a number in its first bytes says how many entries are whole, so a writer that was killed leaves nothing
half. Numbers are little-endian; at 0 `COVEYCC1`, at 8 the number of entries (u32); from 64 the entries, 48 bytes each:
key (32), offset (u64), length (u32), highest line (u32); then the code.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import stat
import sys
from _thread import allocate_lock

from covey_agent import spool as spools

MAGIC = b"COVEYCC1"
ENTRIES_AT = 64
ENTRY = 48
ENTRIES_MAX = 16384
DATA_AT = ENTRIES_AT + ENTRY * ENTRIES_MAX
_LONGEST = 32 << 20


class CodeCache:
    """The cache in a spool's folder, of at most `limit` bytes of code. Where it cannot be used it is always empty."""

    def __init__(self, folder: str, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._name = f"code-{sys.implementation.cache_tag}.cache"
        self._entries = {}
        self._count = 0
        self._end = DATA_AT
        self._fd = -1
        self._inode = None
        self._writing = allocate_lock()
        self._usable = True

    def get(self, key: bytes):
        """(highest line, code) that was put at this key of 32 bytes, or None."""
        try:
            if not self._is_open() or (key not in self._entries and not self._look_again(key)):
                return None
            offset, length, lines = self._entries[key]
            data = os.pread(self._fd, length, offset)
            return (lines, marshal.loads(data)) if len(data) == length else None
        except (OSError, EOFError, ValueError, TypeError):
            return None

    def put(self, key: bytes, lines: int, code) -> None:
        """Adds code, unless another process or thread is just writing or there is no room."""
        data = marshal.dumps(code)
        if not self._writing.acquire(False):
            return
        try:
            if self._is_open():
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    self._append(key, lines, data)
                finally:
                    fcntl.lockf(self._fd, fcntl.LOCK_UN)
        except OSError:  # somebody else writes, or no space: it is only a cache
            return
        finally:
            self._writing.release()

    def names(self):
        """(key, highest line) of everything in the cache."""
        try:
            if self._is_open():
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
        where = ENTRIES_AT + ENTRY * self._count
        for content, at in ((data, end), (entry, where), ((self._count + 1).to_bytes(4, "little"), len(MAGIC))):
            if os.pwrite(self._fd, content, at) != len(content):
                return
        self._take(entry)

    def _look_again(self, key):
        """Takes in what was added since, by other processes too; whether the key is there now."""
        head = os.pread(self._fd, 12, 0)
        count = int.from_bytes(head[8:12], "little") if head[:8] == MAGIC else 0
        if self._count < count <= ENTRIES_MAX:
            read = os.pread(self._fd, ENTRY * (count - self._count), ENTRIES_AT + ENTRY * self._count)
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

    def _is_open(self):
        """Opens the file, and again when the application has closed our descriptor or put its own in its place."""
        if not self._usable:
            return False
        if self._fd >= 0:
            try:
                state = os.fstat(self._fd)
                if (state.st_dev, state.st_ino) == self._inode:
                    return True
            except OSError:
                pass
            self._fd = -1
        try:
            self._open()
        except OSError:
            self._usable = False
        return self._usable

    def _open(self):
        folder = spools.open_own_folder(self._folder)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(self._name, flags, 0o600, dir_fd=folder)
        finally:
            os.close(folder)
        state = os.fstat(fd)
        own = stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and state.st_nlink == 1
        if not own or state.st_mode & 0o077:
            os.close(fd)
            raise PermissionError(1, "not this user's alone", self._name)
        if state.st_size == 0:
            os.pwrite(fd, MAGIC + bytes(4), 0)
        self._fd = spools.high(fd)
        self._inode = (state.st_dev, state.st_ino)
