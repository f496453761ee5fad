"""The spool: where the segments of all processes lie.

`ROOT/u<uid>-<inode of the mount namespace>/`: one folder a user and container, 0700, below a root that everyone may
write and nobody may clear (1777). An application that starts as root and goes on as another user has two folders.

Everybody in the container can make a folder of our name first. So a folder is opened without following links, its
owner and mode are asked of the *open* folder, and files are opened relative to it: who renames it later gains nothing.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import sys
from time import sleep  # taken here, for all: most of the agent may be loaded after gevent has put its own in place

from covey_agent.segment import SUFFIX

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
# Until 3.12 a mapping keeps a descriptor of its own. It is put up here, out of the numbers an application counts on.
_HIGH = 128
NO_BOUND = 1 << 62


class NoSpool(Exception):
    """No folder can be written to. Says what was tried."""


class Spool:
    """One folder of the spool, by path; `limit` is the number of bytes all segments in it may have.

    It is also what a `Segment` makes its file with. Every method may raise OSError."""

    def __init__(self, root: str, folder: str, limit: int) -> None:
        self.root = root
        self.folder = folder
        self.limit = limit

    def open(self) -> int:
        """A descriptor of the folder; raises OSError unless it is a folder of this user's that others cannot enter."""
        return open_own_folder(self.folder)

    def create(self, identity):
        """A new segment file of 0 bytes: its name and a descriptor."""
        with _Opened(self) as folder:
            for attempt in range(1000):
                name = f"{identity.pid}-{identity.start_ticks}-{attempt}{SUFFIX}"
                try:
                    fd = os.open(name, _FILE_FLAGS | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
                except FileExistsError:
                    continue
                _mark_as_held(fd)
                return name, fd
        raise FileExistsError(self.folder)

    def reopen(self, name):
        with _Opened(self) as folder:
            return os.open(name, _FILE_FLAGS, dir_fd=folder)

    def discard(self, name):
        with _Opened(self) as folder:
            os.unlink(name, dir_fd=folder)

    def reserve(self, fd, start, length):
        """Makes bytes `start` to `start + length` of the file real, or raises OSError: a page that is touched later
        must never be missing, the kernel would kill the process."""
        if not self._has(length) and not self._make_room(length):
            if self.used() + length > self.limit:
                raise OSError(f"the spool is full: COVEY_AGENT_SPOOL_MAX is {self.limit} bytes")
            raise OSError(f"the spool is full: it may have {share(self.root)} bytes, a quarter of /dev/shm")
        os.posix_fallocate(fd, start, length)

    def _make_room(self, length):
        """Folds the segments of ended processes, which the helper does as a rule, before it comes to this; then removes
        what ended containers have left, which nobody serves."""
        from covey_agent import folding, leftovers
        from covey_agent.recorder import is_of_the_application

        try:
            if folding.make_room(self.folder, lambda: self._has(length), sleep):
                return True
            if self.used() + length <= self.limit:
                leftovers.remove(self.root, self.folder, lambda: self._has(length))
            return self._has(length)
        except Exception as error:
            if is_of_the_application(error):
                raise
            return False

    def _has(self, length):
        if self.used() + length > self.limit:
            return False
        bound = share(self.root)
        return bound == NO_BOUND or self._all() + length <= bound

    def _all(self):
        """Bytes that all files take in the folders of this user, of whatever container; root sees those of all users.
        A cache is longer than what it takes."""
        total = 0
        for name in os.listdir(self.root):
            try:
                with os.scandir(os.path.join(self.root, name)) as entries:
                    total += sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in entries)
            except OSError:  # another user's, no folder, or just being changed
                continue
        return total

    def map(self, fd, start, length):
        if sys.version_info >= (3, 13):
            return mmap.mmap(fd, length, offset=start, trackfd=False)
        return with_high_descriptor(fd, lambda: mmap.mmap(fd, length, offset=start))

    def used(self):
        """Bytes of all segments in the folder."""
        total = 0
        with _Opened(self) as folder, os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    try:
                        total += entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:  # it was folded meanwhile
                        continue
        return total


def _mark_as_held(fd):
    """A shared lock that the kernel keeps until the last mapping of the file is gone, children's that inherited it too:
    so the helper knows whether anybody still records, of whatever pid namespace."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    except OSError:  # a file system without locks: the helper then goes by pids
        return


def has_locked(fd: int) -> bool:
    """Whether anybody has locked the open file, as `_mark_as_held` does. Raises OSError where there are no locks."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


class _Opened:
    def __init__(self, spool):
        self._spool = spool

    def __enter__(self):
        self._fd = self._spool.open()
        return self._fd

    def __exit__(self, *exception):
        os.close(self._fd)


def find(settings) -> Spool:
    """The folder of this user and container, made if need be; raises NoSpool, naming what was tried and why not."""
    refused = []
    for root in roots(settings):
        try:
            return Spool(root, _make(root, asked_for=bool(settings.spool)), settings.spool_max)
        except OSError as error:
            refused.append(f"{root} ({error.strerror or error})")
    raise NoSpool("no folder to record into: " + ", ".join(refused))


def share(path: str) -> int:
    """How many bytes all that the agent writes may have together where `path` is: a quarter of /dev/shm, which is small
    in a container and the application's, and no such bound elsewhere."""
    if not path.startswith("/dev/shm/"):
        return NO_BOUND
    try:
        state = os.statvfs(path)
    except OSError:
        return NO_BOUND
    return state.f_blocks * state.f_frsize // 4 or NO_BOUND


def folder_name() -> str:
    """`u<uid>-<mount namespace>`: containers that share one spool volume do not share pids."""
    try:
        namespace = os.stat("/proc/self/ns/mnt").st_ino
    except OSError:
        namespace = 0
    return f"u{os.geteuid()}-{namespace}"


def open_own_folder(path: str) -> int:
    """Opens a folder that only this user can enter; raises OSError for a link, another's, or one open to others."""
    fd = os.open(path, _FOLDER_FLAGS)
    state = os.fstat(fd)
    if state.st_uid != os.geteuid() or state.st_mode & 0o077:
        os.close(fd)
        raise PermissionError(1, "not this user's alone", path)
    return fd


def is_safe_parent(path: str) -> bool:
    """Whether nobody but this user and root can put another folder in the place of one below `path`."""
    state = os.lstat(path)
    if not stat.S_ISDIR(state.st_mode) or state.st_uid not in (0, os.geteuid()):
        return False
    return bool(state.st_mode & stat.S_ISVTX) or not state.st_mode & 0o022


def roots(settings) -> list:
    """The roots to try, best first."""
    if settings.spool:
        return [os.path.abspath(settings.spool)]
    own = f"covey-u{os.geteuid()}"
    temporary = [os.environ.get("TMPDIR") or "/tmp", "/var/tmp"]
    return ["/dev/shm/covey", "/dev/shm/" + own] + [os.path.join(folder, own) for folder in temporary]


def make_root(root: str) -> None:
    """Makes a root that everyone may write, unless it is there. May raise OSError."""
    try:
        os.makedirs(root)
        os.chmod(root, 0o1777)  # makedirs obeys the umask
    except FileExistsError:
        return


def _make(root, asked_for):
    make_root(root)
    if not asked_for and not is_safe_parent(root):
        raise PermissionError(1, "its owner is another user", root)
    folder = os.path.join(root, folder_name())
    try:
        os.mkdir(folder, 0o700)
        _mark(folder)
    except FileExistsError:
        pass
    os.close(open_own_folder(folder))
    return folder


def _mark(folder):
    from covey_agent import leftovers

    try:
        leftovers.mark(folder)
    except OSError:  # then it is nobody's, and stays
        return


def high(fd: int) -> int:
    """Moves a descriptor to a high number, never inherited by another program; closes the low one."""
    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _floor())
    except OSError:
        return fd
    os.close(fd)
    return moved


def identity_of(fd: int):
    """What tells the open file from others; None where the number is nobody's. An application may close all descriptors
    and open its own under our numbers: who keeps a descriptor keeps this with it, and asks again before each use."""
    try:
        state = os.fstat(fd)
    except OSError:
        return None
    return state.st_dev, state.st_ino


def with_high_descriptor(fd, make):
    """What `make()` gives, while all low descriptor numbers are taken: the one it opens is a high one."""
    floor, taken = _floor(), []
    try:
        while not taken or taken[-1] < floor:
            taken.append(os.dup(fd))
        os.close(taken.pop())
    except OSError:  # no more descriptors: then a low number it is
        if taken:
            os.close(taken.pop())
    try:
        return make()
    finally:
        _close(taken)


def _close(numbers):
    """Closes descriptors, with one call where there is none of the application's between them."""
    if numbers and max(numbers) - min(numbers) == len(numbers) - 1:
        os.closerange(min(numbers), max(numbers) + 1)
        return
    for number in numbers:
        os.close(number)


def _floor():
    limit = os.sysconf("SC_OPEN_MAX")
    return _HIGH if limit < 0 else min(_HIGH, limit // 2)
