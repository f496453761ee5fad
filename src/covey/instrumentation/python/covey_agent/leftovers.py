"""What ended containers have left beside our folder.

The containers of a pod share one /dev/shm, which outlives them: one that restarts again and again has a folder a
restart there. Nobody serves it any more, since its helper ended with it. It is removed where there is no room
otherwise, and only when it is surely that of an earlier incarnation of this very container: of any other, which may
just have no process that records, nobody can tell from here whether it has ended.
"""

from __future__ import annotations

import os

from covey_agent import election, reading, surroundings
from covey_agent import spool as spools

FILE = "container"  # in each folder: which incarnation of which container has made it


def mark(folder: str) -> None:
    """Notes in a folder just made whose it is, where the kubelet tells. May raise OSError."""
    me = surroundings.incarnation()
    if me:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(os.path.join(folder, FILE), flags, 0o600)
        try:
            os.write(fd, b"\n".join(me))
        finally:
            os.close(fd)


def remove(root: str, own: str, enough) -> None:
    """Removes what earlier incarnations have left below `root`, oldest first, until `enough()`. `own`: our folder."""
    me = surroundings.incarnation()
    if not me:
        return
    for folder in _by_age(root, os.path.basename(own)):
        if enough():
            return
        try:
            _remove(folder, me)
        except (OSError, reading.NotASegment):  # another's, gone meanwhile, or nobody can tell whether it is in use
            continue


def _by_age(root, own):
    prefix = own.partition("-")[0] + "-"
    found = []
    for name in os.listdir(root):
        if name.startswith(prefix) and name != own:
            folder = os.path.join(root, name)
            found.append((os.lstat(folder).st_mtime, folder))
    return [folder for _, folder in sorted(found)]


def _remove(folder, me):
    opened = spools.open_own_folder(folder)
    try:
        maker = _maker(opened)
        if maker[:2] != list(me[:2]) or maker[2:] == list(me[2:]):
            return
        if election.helper_of(folder) is not None:
            return
        if any(reading.is_held(os.path.join(folder, name)) for name in reading.names(folder)):
            return
        for name in os.listdir(opened):
            os.unlink(name, dir_fd=opened)
    finally:
        os.close(opened)
    os.rmdir(folder)


def _maker(opened):
    fd = os.open(FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened)
    try:
        return os.read(fd, 4096).split(b"\n")
    finally:
        os.close(fd)
