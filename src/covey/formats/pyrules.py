"""Which Python files count: coverage.py's `source`, `include` and `omit`, applied to the paths of a repository.

    [run] source, source_pkgs, source_dirs   what is measured, and what counts at 0 when nothing loads it
    [run] include                            what is measured, where no source is named
    [run] omit                               what is not measured after all
    [report] include, omit                   what is left out of the figures

Patterns are matched as coverage.py does it: against the absolute path in the checkout.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from covey.errors import ConfigError
from covey.patience import at_most

# A name that could not be imported is an editor's side file, says coverage.py.
_IMPORTABLE = re.compile(r"[^.#~!$@%^&*()+=,]+\.pyw?")

_LONGEST = 10.0  # seconds, of a pattern over one path
_FEW = 3  # wildcards of a pattern: no path is long enough for these to take long


@dataclass(frozen=True, slots=True)
class GlobSet:
    """coverage.py's regular expression of several patterns. careful: whether one of them may take very long."""

    expression: re.Pattern[str]
    careful: bool = False

    @classmethod
    def of(cls, expression: re.Pattern[str], patterns: Iterable[str]) -> GlobSet:
        return cls(expression, any(pattern.count("*") > _FEW for pattern in patterns))

    def match(self, path: str) -> bool:
        """Whether the path is meant; ConfigError when that takes too long to tell."""
        if not self.careful:
            return self.expression.match(path) is not None
        what = f"the patterns of the coverage configuration took longer than {_LONGEST:g} s over {path}"
        with at_most(_LONGEST, ConfigError(what, hint="use fewer * in a pattern of omit and include")):
            return self.expression.match(path) is not None


@dataclass(frozen=True)
class PythonRules:
    """The user's coverage configuration. `file` is where it was found, repository-relative, "" for nowhere.

    source_dirs: repository-relative folders, "" for the root. source_packages: dotted names.
    source_astray: folders as they are configured, which the checkout does not have.
    exclude, no_branch: regular expressions over source text. aliases: `[paths]`, first of each is the target.
    """

    file: str = ""
    root: str = ""
    source_dirs: tuple[str, ...] = ()
    source_packages: tuple[str, ...] = ()
    source_astray: tuple[str, ...] = ()
    include: GlobSet | None = None
    omit: GlobSet | None = None
    report_include: GlobSet | None = None
    report_omit: GlobSet | None = None
    namespaces: bool = False
    exclude: str = ""
    no_branch: str = ""
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    relative_files: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def has_source(self) -> bool:
        return bool(self.source_dirs or self.source_packages)

    def reported(self, path: str) -> bool:
        """Whether a measured file is part of the figures: `[report] include` and `omit`."""
        full = self.full(path)
        if self.report_include and not self.report_include.match(full):
            return False
        return not (self.report_omit and self.report_omit.match(full))

    def full(self, path: str) -> str:
        return posixpath.join(self.root, path) if self.root else path


class PythonScope:
    """The rules over the files of one checkout. `listing`: its Python files, repository-relative, ascending."""

    def __init__(self, rules: PythonRules, listing: Sequence[str]) -> None:
        self.rules = rules
        self._listing = listing
        self._known = frozenset(listing)
        self._folders = {folder for path in listing for folder in _parents(path)}
        self._dirs = list(rules.source_dirs)
        self._files: set[str] = set()
        self.absent = list(rules.source_astray)  # source folders and packages that the checkout does not have
        for package in rules.source_packages:
            self._find_package(package)

    def _find_package(self, package: str) -> None:
        """A package may lie in any folder that is no package itself; the root and "src" come before all others."""
        inner = package.replace(".", "/")
        usual = [folder for folder in ("", "src") if folder in self._folders]
        others = sorted(folder for folder in self._folders if f"{folder}/__init__.py" not in self._known)
        for folders in (usual, others):
            places = [posixpath.join(folder, inner) for folder in folders]
            dirs = [place for place in places if place in self._folders and self._holds(place, folders is usual)]
            files = [f"{place}.py" for place in places if f"{place}.py" in self._known]
            if dirs or files:
                self._dirs += dirs
                self._files.update(files)
                return
        self.absent.append(package)

    def _holds(self, place: str, namespaces: bool) -> bool:
        return namespaces or f"{place}/__init__.py" in self._known

    def measured(self, path: str) -> bool:
        """Whether `coverage run` would have measured this file: source, else include; then omit."""
        full = self.rules.full(path)
        if self.rules.has_source:
            if path not in self._files and not any(_under(path, folder) for folder in self._dirs):
                return False
        elif self.rules.include and not self.rules.include.match(full):
            return False
        return not (self.rules.omit and self.rules.omit.match(full))

    def counts(self, path: str) -> bool:
        return self.measured(path) and self.rules.reported(path)

    def importable(self) -> Iterable[str]:
        """The files that count though nothing loaded them: those under `source` in folders that are packages."""
        for path in self._listing:
            if not _IMPORTABLE.fullmatch(posixpath.basename(path)):
                continue
            if any(_under(path, folder) and self._reachable(path, folder) for folder in self._dirs) and self.counts(
                path
            ):
                yield path

    def _reachable(self, path: str, source: str) -> bool:
        """Whether every folder below `source` on the way to `path` is a package; `source` itself need not be."""
        if self.rules.namespaces:
            return True
        folder = posixpath.dirname(path)
        while folder != source:
            if f"{folder}/__init__.py" not in self._known:
                return False
            folder = posixpath.dirname(folder)
        return True


def _under(path: str, folder: str) -> bool:
    return not folder or path.startswith(folder + "/")


def _parents(path: str) -> Iterable[str]:
    while path:
        path = posixpath.dirname(path)
        yield path
