"""Files that are on the disk when a function returns, and never through somebody's link."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import BinaryIO

from covey.errors import BundleError

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # NFS and FUSE answer so


def opened(path: Path) -> BinaryIO:
    """A journal, to read and append; BundleError for what is none, such as a link to somebody's file, or a pipe."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}", hint="choose another -o") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BundleError(f"{path} is not a regular file", hint="choose another -o")
    return os.fdopen(descriptor, "a+b")


def lock(stream: BinaryIO, path: Path) -> bool:
    """Keep every other collector off an open journal; False where the file system knows no locks. BundleError when
    another has it, or has put a new one in the place of the one that was opened."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            return True
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return False
        raise BundleError(f"{path} cannot be locked: {error.strerror}", hint="choose another -o") from error
    raise BundleError(f"another covey is collecting into {path.parent}", hint="wait for it, or choose another -o")


def write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """The names in it, as files were made, renamed and taken away."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
