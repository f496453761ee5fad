"""What coverage.py's data calls files, so that coverage.py finds them again where it reports: the rule of `coverage
combine`. With `[run] relative_files` they are called by their paths in the checkout, else by absolute ones; what lies
elsewhere stays as it was recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from covey.formats.base import Sources
from covey.formats.pyconfig import mentions
from covey.model.telling import some

# What a path of an input is called: (the input's name, the path as it was recorded) -> a path. Inputs of one folder
# call paths alike.
Called = Callable[[str, str], str]


def as_recorded(_name: str, path: str) -> str:
    return path


class Names:
    """The names of one checkout's files. absolute: whether coverage.py asks for them by absolute paths there."""

    def __init__(self, sources: Sources | None) -> None:
        self._root = os.path.realpath(sources.root) if sources and sources.root else ""
        self.relative = bool(self._root) and _relative_files(Path(self._root))
        self.absolute = bool(self._root) and not self.relative
        self._folders: dict[str, str] = {}

    def inside(self, path: str) -> str:
        """Of a file of the checkout. Absolute paths are without links, as coverage.py records and asks for them."""
        if not self.absolute:
            return path
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:  # thousands of files lie in a few folders: each is resolved once
            self._folders[folder] = os.path.realpath(f"{self._root}/{folder}").rstrip("/")
        full = f"{self._folders[folder]}/{name}"
        return os.path.realpath(full) if os.path.islink(full) else full  # noqa: PTH114 - of any name, however long

    def reported(self, path: str) -> str:
        """Of a file of a report, which may have no place in the checkout."""
        full = self.inside(path)
        return full if os.path.isfile(full) else path  # noqa: PTH113 - of any name, however long

    def elsewhere(self, recorded: str) -> str:
        """Of a file that has no place in the checkout's listing."""
        path = recorded.replace("\\", "/")
        return path.removeprefix(self._root.rstrip("/") + "/") if self.relative else path

    def needs(self, names: Sequence[str]) -> Sequence[str]:
        """A note where coverage.py would take some of these names for those of other files."""
        if self.relative:
            return ()
        lost = [name for name in names if not name.startswith("/")]
        if not lost:
            return ()
        needed = "coverage.py needs [run] relative_files = true, and to run in its root"
        return (f"paths are the repository's: {needed}: {some(lost)}",)


def _relative_files(root: Path) -> bool:
    if not mentions(root, "relative_files"):
        return False  # reading it properly costs the import of coverage.py
    from covey.formats.pysource import read_rules

    return read_rules(root).relative_files
