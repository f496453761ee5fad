"""Go's modules in a checkout: which folder an import path means, and what a file's import path is.

The rules are those of the Go modules reference: `module` and `replace` of every go.mod (a replacement counts where it
is a folder of the checkout), `use` and `replace` of every go.work, and vendor folders beside a go.mod. Of several
modules the one with the longest path that fits has the file; of several of one name that which a go.work uses comes
first. Modules in folders that Go itself passes over (vendor, testdata, names that begin with "_" or ".") come last.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

_HIDDEN = 3  # the rank of modules in folders that Go passes over
MOST_TEXT = 4 << 20  # bytes of one go.mod or go.work; a larger one is passed over
# A quote that nothing closes takes the rest of its line, which is no word: to Go, too, it is an error.
_WORD = re.compile(r'"((?:[^"\\]|\\.)*+)"|`([^`]*+)`|["`].*|(=>|[()]|[^\s"`()]+)')


@dataclass(frozen=True, slots=True)
class Module:
    """Files under import path `path` lie in `folder` (repository-relative, "" for the root). rank: smaller is nearer.
    rule: how people are told."""

    path: str
    folder: str
    rank: int
    rule: str

    def place(self, imported: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, imported[len(self.path) + 1 :]))


@dataclass
class GoModules:
    """`modules` in any order; `roots`: folder -> module path, of the go.mod files."""

    modules: list[Module] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    _by_path: dict[str, list[Module]] = field(init=False, repr=False)
    _vendors: list[tuple[str, str]] = field(init=False, repr=False)  # folders of packages that modules keep, and rules

    def __post_init__(self) -> None:
        self._by_path = {}
        for module in sorted(self.modules, key=lambda one: (one.path, one.rank, one.folder)):
            self._by_path.setdefault(module.path, []).append(module)
        seen = [(folder, name) for folder, name in sorted(self.roots.items()) if not _passed_over(folder)]
        self._vendors = [(posixpath.join(folder, "vendor"), f"vendor of {name}") for folder, name in seen]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> GoModules:
        """From go.mod and go.work files: repository path -> content. What is no directive is passed over."""
        found = cls()
        used: set[str] = set()
        for path in sorted(texts, key=lambda one: (not one.endswith("go.work"), one)):
            folder = posixpath.dirname(path)
            for verb, words in _directives(texts[path]):
                if verb == "use" and words and path.endswith("go.work"):
                    used.add(posixpath.normpath(posixpath.join(folder, words[0])))
                elif verb == "module" and words and path.endswith("go.mod"):
                    found._add_root(folder, words[0], used)
                elif verb == "replace" and words:
                    found._add_replacement(path, words)
        found.__post_init__()
        return found

    def _add_root(self, folder: str, name: str, used: set[str]) -> None:
        in_use = (folder or ".") in used
        self.roots.setdefault(folder, name)
        rank = 0 if in_use else _HIDDEN if _passed_over(folder) else 2
        rule = f"{'go.work' if in_use else 'go.mod'} {name} -> {folder or '.'}"
        self.modules.append(Module(name, folder, rank, rule))

    def _add_replacement(self, file: str, words: list[str]) -> None:
        old, arrow, new = words[0], words.index("=>") if "=>" in words else 0, words[-1]
        if arrow not in (1, 2) or not new.startswith(("./", "../")) or _passed_over(posixpath.dirname(file)):
            return
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(file), new))
        if not folder.startswith("../") and folder != "..":
            folder = "" if folder == "." else folder
            self.modules.append(Module(old, folder, 1, f"{file} replace {old} -> {folder or '.'}"))

    def places(self, imported: str) -> Iterator[list[tuple[str, str]]]:
        """Where a file of this import path may lie, best first: (repository path, rule) of each equally good module;
        vendor folders come last."""
        parts = imported.split("/")
        fits = [self._by_path.get("/".join(parts[:length]), []) for length in range(len(parts) - 1, 0, -1)]
        for hidden in (False, True):
            for modules in fits:
                of_kind = [module for module in modules if (module.rank == _HIDDEN) is hidden]
                for _, equal in groupby(of_kind, key=lambda one: one.rank):
                    yield [(module.place(imported), module.rule) for module in equal]
        for folder, rule in self._vendors:
            yield [(f"{folder}/{imported}", rule)]

    def import_path(self, path: str) -> str | None:
        """What Go calls a file of the checkout; None where it is in no module."""
        folder = posixpath.dirname(path)
        while folder not in self.roots:
            if folder.strip("/") == "":
                return None
            folder = posixpath.dirname(folder)
        rest = path[len(folder) + 1 :] if folder else path
        return rest.removeprefix("vendor/") if rest.startswith("vendor/") else f"{self.roots[folder]}/{rest}"


def _passed_over(folder: str) -> bool:
    return any(part in ("vendor", "testdata") or part[:1] in ("_", ".") for part in folder.split("/"))


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    """Verb and words of each directive, those of a block in parentheses one by one."""
    block = ""
    for line in text.splitlines():
        words = list(_words(line.partition("//")[0]))
        if block:
            if words == [")"]:
                block = ""
            elif words:
                yield block, words
        elif words[1:] == ["("]:
            block = words[0]
        elif words:
            yield words[0], words[1:]


def _words(line: str) -> Iterable[str]:
    for found in _WORD.finditer(line):
        if found.lastindex:
            yield found[found.lastindex]
