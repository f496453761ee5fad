"""A file in the spool's folder that only this user may write and several processes add to.

What is in it is believed (code is among it), so it is opened relative to the folder, without following links, and only
when it is this user's alone. Its descriptor is a high one and is asked for its identity before each use: an application
that closes all descriptors and opens others must never find us writing into one of those.
"""

from __future__ import annotations

import fcntl
import os
import stat
from _thread import allocate_lock

from covey_agent import spool as spools


class OwnFile:
    """Bytes 0 to 7 are `magic`, 8 to 11 a number that whoever adds something stores last. Where the file cannot be
    used, `is_open()` is False for good."""

    def __init__(self, folder: str, name: str, magic: bytes) -> None:
        self._folder = folder
        self._name = name
        self._magic = magic
        self._identity = None
        self._usable = True
        self._writing = allocate_lock()
        self.fd = -1

    def is_open(self) -> bool:
        """Opens the file, and again when the application has closed our descriptor or put its own in its place."""
        if not self._usable:
            return False
        if self.fd >= 0 and spools.identity_of(self.fd) == self._identity:
            return True
        self.fd = -1
        try:
            self._open()
        except OSError:
            self._usable = False
        return self._usable

    def number(self) -> int:
        """The number, 0 for a file that is not of this kind. May raise OSError."""
        head = os.pread(self.fd, 12, 0)
        return int.from_bytes(head[8:12], "little") if head[:8] == self._magic else 0

    def set_number(self, number: int) -> None:
        os.pwrite(self.fd, number.to_bytes(4, "little"), 8)

    def write(self, data: bytes, at: int) -> bool:
        """Whether all of it was written."""
        return os.pwrite(self.fd, data, at) == len(data)

    def add(self, action) -> None:
        """Calls `action()` with the file locked against other processes and threads, unless one of them is writing:
        what is not added now is lost to nobody but the next process."""
        if not self._writing.acquire(False):
            return
        try:
            if self.is_open():
                fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    action()
                finally:
                    fcntl.lockf(self.fd, fcntl.LOCK_UN)
        except OSError:  # somebody else writes, or no space
            return
        finally:
            self._writing.release()

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
            os.pwrite(fd, self._magic + bytes(4), 0)
        self.fd = spools.high(fd)
        self._identity = spools.identity_of(self.fd)
