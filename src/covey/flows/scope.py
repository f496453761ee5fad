"""The scope of one checkout: its .gitattributes read once, without a git process, and the heads of its files."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from covey.formats.base import Sources
from covey.model.attributes import AttributeFile, Attributes, State
from covey.model.report import FileCoverage, Report
from covey.model.scope import ATTRIBUTES, HEAD, Scope

NAME = ".gitattributes"
LARGEST = 4 << 20  # bytes of one attributes file; a larger one is passed over


def scope_of(
    sources: Sources,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    *,
    attributes: bool = True,
    headers: bool = False,
    tell_idle: bool = False,
) -> Callable[[Report], Report]:
    """What takes files out of a report, by the rules of `model/scope.py`. attributes, headers: which are looked at.
    tell_idle: whether globs that match no file are told."""

    def apply(report: Report) -> Report:
        asked = read_attributes(sources) if attributes and report.files else None
        head = partial(_head, sources) if headers and sources.root else None
        return Scope(tuple(include), tuple(exclude), asked, head, tell_idle).apply(report)

    return apply


def read_attributes(sources: Sources) -> Callable[[str], Mapping[str, State]] | None:
    """The attributes of the checkout's files, by path; None where there are none. The checkout may be a part of the
    repository: then the files of the folders above it speak of it too."""
    if sources.root is None:
        return None
    top = _top(sources.root)
    inside = sources.root.relative_to(top).as_posix()
    prefix = "" if inside == "." else inside + "/"
    above = ["/".join(prefix.split("/")[:depth]) for depth in range(prefix.count("/"))]
    own = [posixpath.dirname(path) for path in sources.listing(NAME) if posixpath.basename(path) == NAME]
    folders = [*above, *((prefix + folder).rstrip("/") for folder in own)]
    texts = {folder: _read(top / folder / NAME) for folder in folders}
    files = {folder: AttributeFile.parse(text, folder, macros=not folder) for folder, text in texts.items() if text}
    info = AttributeFile.parse(_read(_git_folder(top) / "info" / "attributes") or b"")
    if not files and not info.lines:
        return None
    found = Attributes(files, info, ATTRIBUTES)
    return lambda path: found.of(prefix + path)


def _top(root: Path) -> Path:
    """The repository's root: the nearest folder upwards that has a .git; without one, the checkout itself."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def _git_folder(top: Path) -> Path:
    """Where git keeps what belongs to all work trees of a repository; in a work tree .git is a file that says where."""
    git = top / ".git"
    said = _read(git)
    if said and said.startswith(b"gitdir:"):
        git = top / os.fsdecode(said.removeprefix(b"gitdir:").strip())
        common = _read(git / "commondir")
        if common:
            git = git / os.fsdecode(common.strip())
    return git


def _read(file: Path) -> bytes | None:
    """A small regular file; None for all else. As in git, no link is followed."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):  # ValueError: a NUL in what a .git file says
        return None
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return None
        with os.fdopen(number, "rb", closefd=False) as stream:
            return stream.read(LARGEST)
    finally:
        os.close(number)


def _head(sources: Sources, file: FileCoverage) -> bytes | None:
    text = sources.locate(file.path, file.source_hash).text
    return text[:HEAD] if text is not None else None
