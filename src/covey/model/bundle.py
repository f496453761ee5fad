"""A bundle: the folder of captures that every store can keep, read as hostile input.

<bundle>/metadata.json                                    the manifest; without it a folder is not (yet) a bundle
<bundle>/<component>/<namespace>/<pod>/<container>/<n>/   one agent's raw files, n from 0
<bundle>/journal.jsonl                                    what happened while it grew: see covey.model.journal
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from covey.errors import BundleError
from covey.model.manifest import LIMIT, WHICH, Capture, Manifest, StoredFile
from covey.model.provenance import CaptureId, Target

MANIFEST, JOURNAL = "metadata.json", "journal.jsonl"
FOREIGN_MOST = 10_000  # files of a component whose manifest does not list them
FOREIGN_BYTES = 1024 * 2**20
AGAIN = "copy or collect the bundle again"
MOST_OTHERS = 10_000  # entries of a folder that are looked at, to tell what is no part of the bundle
_RESERVED = frozenset((MANIFEST, JOURNAL, "sources", ""))


def slug(text: str) -> str:
    """A path part for a name from outside: lower-case letters, digits, ".", "_", "-"; where that loses something, eight
    hex digits of its SHA-256 follow, so that two names never share a part. Nothing at all becomes "_"."""
    if not text:
        return "_"
    part = re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:80].strip(".-_")
    if part == text and part not in _RESERVED:
        return part
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{part}-{digest}" if part else digest


def place_of(target: Target) -> str:
    """The folder of a target's captures, relative to the bundle: component/namespace/pod/container, each a slug."""
    return "/".join(map(slug, (target.component, target.namespace, target.pod, target.container)))


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder and its manifest, checked against each other. What `read` gives is what the manifest says."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Read the manifest and check that its files are there, regular, of the size it says, inside the folder.

        A manifest 1.0 of coverport lists no files: those in its folders are taken, a folder of several replicas once.
        BundleError names what is wrong.
        """
        manifest = manifest_of(folder)
        if manifest.foreign:
            captures = _foreign(folder, manifest.captures)
        else:
            captures = manifest.captures
            _check(folder, captures)
        return cls(folder, replace(manifest, captures=captures))

    @staticmethod
    def is_one(folder: Path) -> bool:
        """Whether a folder has a manifest, whatever is in it."""
        return (folder / MANIFEST).is_file()

    @property
    def captures(self) -> tuple[Capture, ...]:
        return self.manifest.captures

    def others(self) -> list[str]:
        """Names of what else lies in the folder, ascending: whoever reads the bundle passes over it."""
        own = {MANIFEST, JOURNAL, *(capture.directory.partition("/")[0] for capture in self.captures)}
        with os.scandir(self.folder) as entries:
            names = [entry.name for entry in islice(entries, MOST_OTHERS)]
        return sorted(name for name in names if name not in own and not name.startswith(".") and name[-4:] != ".new")

    def read(self, capture: Capture, file: StoredFile) -> bytes:
        """A file's content; BundleError when it is not what the manifest says."""
        return read_stored(self.folder / capture.directory, file)

    def current(self) -> Iterator[tuple[Capture, frozenset[CaptureId]]]:
        """Each capture with those of its recordings that no later capture holds; later is by `collected_at`."""
        return current(self.captures)


def current(captures: Sequence[Capture]) -> Iterator[tuple[Capture, frozenset[CaptureId]]]:
    """Of captures, also of several bundles: each with the recordings for which it is the last word, in their order."""
    last: dict[CaptureId, int] = {}
    order = sorted(range(len(captures)), key=lambda at: captures[at].collected_at)
    for at in order:
        last.update(dict.fromkeys(captures[at].ids, at))
    for at, capture in enumerate(captures):
        yield capture, frozenset(one for one in capture.ids if last[one] == at)


def read_stored(folder: Path, file: StoredFile) -> bytes:
    """A stored file, never through a symbolic link, never more than its size; BundleError when it is another."""
    path = folder / file.name
    try:
        data = _content(path, file.size)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) != file.size or (file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256):
        raise BundleError(f"{path} is not what the manifest says", hint=AGAIN)
    return data


def _content(path: Path, most: int) -> bytes:
    """What a regular file has, up to one byte more than `most`. BundleError for a pipe, OSError for a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BundleError(f"{path} is not a regular file")
        return stream.read(most + 1)


def manifest_of(folder: Path) -> Manifest:
    """What a bundle says of itself, not checked against its files; BundleError where it is none or damaged."""
    path = walk(folder, MANIFEST)
    try:
        data = _content(path, LIMIT)
    except FileNotFoundError:
        if (folder / JOURNAL).is_file():
            raise BundleError(
                f"{folder} is an unfinished bundle: it has a journal and no {MANIFEST}",
                hint=f"covey collect ... -o {folder} goes on with it",
            ) from None
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}", hint=WHICH) from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > LIMIT:
        raise BundleError(f"{path} is larger than {LIMIT} bytes")
    try:
        return Manifest.from_bytes(data)
    except BundleError as error:
        raise BundleError(f"{folder}: {error.what}", hint=error.hint or AGAIN) from error


def is_account(path: Path) -> bool:
    """Whether a file is, or would be, a bundle's manifest or journal, without which its captures are lost."""
    if path.name not in (MANIFEST, JOURNAL):
        return False
    try:
        return (path.parent / JOURNAL).is_file() or bool(manifest_of(path.parent))
    except BundleError:
        return False


def _check(folder: Path, captures: Sequence[Capture]) -> None:
    for capture in captures:
        inside = walk(folder, capture.directory)
        for file in capture.files:
            if size_of(inside / file.name) != file.size:
                raise BundleError(f"{inside / file.name} is missing or not of the size in the manifest", hint=AGAIN)


def walk(folder: Path, directory: str) -> Path:
    """The folder inside the bundle, when no part of it is a symbolic link; BundleError otherwise."""
    path = folder
    for part in directory.split("/"):
        path = path / part
        if path.is_symlink():
            raise BundleError(f"{path} is a symbolic link, which a bundle cannot have")
    return path


def size_of(path: Path) -> int:
    """The size of a regular file in bytes; -1 for anything else, also for a link to one."""
    try:
        status = path.lstat()
    except OSError:
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


def _foreign(folder: Path, captures: Sequence[Capture]) -> tuple[Capture, ...]:
    by_folder: dict[str, Capture] = {}
    for capture in captures:  # replicas share a folder there: the last entry stands for it
        by_folder[capture.directory] = replace(capture, files=_list(walk(folder, capture.directory)))
    return tuple(by_folder.values())


def _list(folder: Path) -> tuple[StoredFile, ...]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths
    except OSError as error:
        raise BundleError(f"{folder} cannot be read: {error.strerror}") from error
    files = [StoredFile(name, size) for name in names if (size := size_of(folder / name)) >= 0 and name != MANIFEST]
    if len(files) > FOREIGN_MOST or sum(file.size for file in files) > FOREIGN_BYTES:
        raise BundleError(f"{folder} holds more than {FOREIGN_MOST} files or {FOREIGN_BYTES} bytes")
    return tuple(files)
