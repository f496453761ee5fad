"""An output file is written whole or not at all: what lay there before stays until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from covey.errors import UsageError

# The name of a file that is being written, or that a killed process left.
UNFINISHED = re.compile(r"\.covey-[0-9a-f]{12}-.")


@contextlib.contextmanager
def whole(out: Path) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes the file `out` when the block ends well.

    The folders it lies in are made. A device, a pipe, a mounted file or one in a folder that is not ours is written to
    as it stands. UsageError where the path cannot be written or the disk is full, no file is left behind then; and
    where it is a bundle's own account of itself.
    """
    try:
        _spare_bundles(out)
        with _stream(out) as stream:
            yield stream
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise UsageError(f"cannot write {out}: {error.strerror}", hint="Name another file with -o.") from error


def _spare_bundles(out: Path) -> None:
    place = Path(os.path.realpath(out))
    if not place.suffix.startswith(".json"):
        return  # as nearly always: the import costs as much as a small report
    from covey.model.bundle import is_account

    if is_account(place):
        told = f"{out} is what the bundle in its folder tells of itself"
        raise UsageError(f"{told}: without it all captures would be lost", hint="Name another file with -o.")


@contextlib.contextmanager
def _stream(out: Path) -> Iterator[BinaryIO]:
    place = Path(os.path.realpath(out))  # a link stays one
    mode = _mode(out)  # not of `place`: the way to a pipe, as /dev/stdout may be one, has no name in the end
    if mode is not None and not (stat.S_ISREG(mode) and _is_replaceable(place)):
        with out.open("wb") as stream:
            yield stream
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = _made_beside(place)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fchmod(descriptor, _usual() if mode is None else stat.S_IMODE(mode))
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _made_beside(place: Path) -> tuple[int, str]:
    """A new file in the folder of `place`, ours alone, open to be written, and its path. What tempfile does, whose
    import costs as much as a small report."""
    while True:
        name = f"{place.parent}/.covey-{os.urandom(6).hex()}-{place.name[:50]}"
        with contextlib.suppress(FileExistsError):
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), name


def _is_replaceable(place: Path) -> bool:
    return os.access(place.parent, os.W_OK) and not place.is_mount()


def _mode(place: Path) -> int | None:
    try:
        return place.stat().st_mode
    except FileNotFoundError:
        return None


def _usual() -> int:
    """What a new file may be, by the user's mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
