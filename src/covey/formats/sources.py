"""Where the source of a recorded path is looked up: in the checkout, or nowhere."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain, filterfalse
from pathlib import Path

from covey.formats.base import Place
from covey.formats.inputsources import InputSources
from covey.model.gomodules import MOST_TEXT as MOST_MODULES
from covey.model.gomodules import GoModules
from covey.model.paths import BY_SUFFIX, Alias, IsSame, Mapped, PathMap, nobody_knows, normal, relative

MOST_FILES = 1_000_000  # in a checkout; what comes after is not seen
_PIECE = 1 << 16
MOST_TEXT = 32 << 20  # bytes of one source file; a larger one is no source that somebody wrote
_EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", ".cache", ".eggs"})


def walk(root: Path) -> list[str]:
    """The files of a checkout, repository-relative, ascending. Symbolic links to folders are not followed, and
    version control, caches, node_modules and virtual environments (folders with a pyvenv.cfg) are left out."""
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        if "pyvenv.cfg" in names and Path(folder) != root:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in SKIPPED and _is_text(name))
        inner = os.path.relpath(folder, root)
        prefix = "" if inner == "." else inner.replace(os.sep, "/") + "/"
        found.extend(prefix + name for name in names if _is_text(name))
        if len(found) > MOST_FILES:
            break
    return sorted(found[:MOST_FILES])


def _is_text(name: str) -> bool:
    """Whether the name can stand in a report: that of a file or folder which is no UTF-8 cannot."""
    return name.isprintable()


class CheckoutSources:
    """Looks up recorded paths in a checkout, by the rules of a PathMap over its files."""

    def __init__(self, root: Path, aliases: Sequence[Alias] = ()) -> None:
        """`aliases`: rules that come before the automatic ones. Nothing is looked at before a path is asked for."""
        self.root: Path | None = Path(os.path.realpath(root))
        self._root = self.root
        self._at = str(self.root).rstrip("/")
        self._aliases = aliases
        self._under: dict[tuple[str, ...], Place] = {}
        self._beside: dict[str, dict[str, str]] = {}  # folder of a report -> recorded path -> what `beside` gives
        self._reports: dict[str, str] = {}  # folder as the user named it -> in the checkout
        self._held: set[str] = set()
        self._refuted: dict[str, Place] = {}
        self._imported: dict[str, Place] = {}
        self._vias: dict[str, str] = {}
        self._places: dict[tuple[str, str | None], Place] = {}
        self._hashes: dict[str, str | None] = {}
        self._folders: dict[str, str] = {}
        self._there: dict[str, bool] = {}  # whether a folder of this machine is one
        self._by_suffix: dict[str, tuple[str, ...]] = {}

    @cached_property
    def files(self) -> Sequence[str]:
        return walk(self._root)

    @cached_property
    def paths(self) -> PathMap:
        return PathMap(self.files, self._aliases, str(self._root))

    def locate(self, recorded: str, source_hash: str | None = None, *, via: str = "") -> Place:
        """The place of a recorded path; `same` compares the file there with `source_hash`, "sha256:..."."""
        if via:
            self._vias[recorded] = via
        key = recorded, source_hash
        if key not in self._places:
            self._places[key] = self._locate(*key)
        return self._places[key]

    def locate_under(self, roots: Sequence[str], recorded: str, *, else_at: str = "", report: str = "") -> Place:
        """Under each root as it stands, then beside the report, then by a tail under a root or without any: the first
        that gives a place; none where it gives several. report: the file that tells the path."""
        if recorded.startswith("/"):
            return self.locate(recorded)
        key = recorded, *roots, self._folder_of(report)
        if key not in self._under:
            self._under[key] = self._under_roots(roots, recorded, else_at, report)
        return self._under[key]

    def _under_roots(self, roots: Sequence[str], recorded: str, else_at: str, report: str) -> Place:
        ranked: dict[int, dict[str, Mapped]] = {}
        why = ""
        for root in dict.fromkeys([*roots, ""]):
            path = posixpath.join(root, recorded)
            beside = self.beside(report, path)
            mapped = self._mapped(beside)
            why = mapped.why  # of the last, which is without a root
            if mapped.path is not None:
                rank = 2 if mapped.rule == BY_SUFFIX or (not root and beside == path) else 1 if not root else 0
                led = (f"<source> {root}" if root else "", f"beside {report}" if beside != path else "", mapped.rule)
                found = Mapped(mapped.path, ", ".join(filter(None, led)))
                ranked.setdefault(rank, {}).setdefault(mapped.path, found)
        fits = ranked[min(ranked)] if ranked else {}
        if len(fits) == 1:
            return self._place_of(next(iter(fits.values())), recorded)
        if not fits and else_at:
            return self._place_of(Mapped(else_at, "package"), recorded)
        others = (posixpath.join(root, recorded) for root in roots)
        return Place(self._unlike_any(recorded, others), False, "", "several roots have it" if fits else why)

    def beside(self, report: str, recorded: str) -> str:
        folder = self._folder_of(report)
        if not folder:
            return recorded
        known = self._beside.setdefault(folder, {})
        if recorded not in known:
            known[recorded] = self.paths.beside(_upwards(folder), recorded) or recorded
        return known[recorded]

    def _folder_of(self, report: str) -> str:
        """The folder of the checkout that the file lies in; "" for the root and elsewhere."""
        if report in ("", "-"):
            return ""
        folder = report.rpartition("/")[0]  # what lies in / lies elsewhere, as what lies in the root does
        if folder not in self._reports:
            inside = os.path.relpath(os.path.realpath(folder or "."), self._root).replace(os.sep, "/")
            self._reports[folder] = "" if inside in (".", "..") or inside.startswith("../") else inside
        return self._reports[folder]

    def of_input(self, names: Sequence[str]) -> InputSources:
        return InputSources(self, names)

    def unsettled(self) -> bool:
        return False

    def nowhere(self, recorded: str, why: str) -> Place:
        place = self._places[recorded, None] = Place(self._unlike_any(recorded), False, "", why)
        return place

    def settle(self, held: Iterable[str], refuted: Mapping[str, str]) -> Mapping[str, Place]:
        """What one input says of paths that have a place by their tails: that they do, and why they do not. The places
        of these, for this input."""
        self._held.update(held)
        found = {path: Place(self._unlike_any(path), False, "", why) for path, why in refuted.items()}
        self._refuted.update(found)
        return found

    @property
    def located(self) -> Collection[tuple[str, Place]]:
        """What was asked so far and its place: of a path asked for with several hashes, the place that was found; the
        rule begins with what led to the path."""
        found: dict[str, Place] = {}
        for (recorded, _), place in self._places.items():
            if place.mapped or recorded not in found:
                via = self._vias.get(recorded)
                found[recorded] = replace(place, rule=", ".join(filter(None, (via, place.rule)))) if via else place
        found |= {path: place for path, place in self._refuted.items() if path not in self._held}
        return [*(found | self._imported).items(), *((key[0], place) for key, place in self._under.items())]

    def _unlike_any(self, recorded: str, others: Iterable[str] = ()) -> str:
        """What a file without a place is called: never as a file of the checkout. others: names for it where the path
        itself is taken."""
        names = (relative(path.removeprefix(f"{self._at}/")) for path in chain([recorded], others))
        free = next(filterfalse(self.paths.has, names), "")
        return free or f"elsewhere/{relative(recorded.removeprefix(f'{self._at}/'))}"

    def _locate(self, recorded: str, source_hash: str | None) -> Place:
        def is_same(path: str) -> bool | None:
            actual = self._hash(path) if source_hash else None
            return None if actual is None else actual == source_hash

        # An empty file is like every other empty file: it tells nothing about the place.
        mapped = self._mapped(recorded, lambda path: None if source_hash == _EMPTY else is_same(path))
        return self._place_of(mapped, recorded, is_same)

    def _mapped(self, recorded: str, is_same: IsSame = nobody_knows) -> Mapped:
        mapped = self.paths.map(recorded, is_same)
        return self._as_it_is_here(recorded, mapped) if mapped.path is None or mapped.rule == BY_SUFFIX else mapped

    def _as_it_is_here(self, recorded: str, mapped: Mapped) -> Mapped:
        """What this machine knows better of a path than its tail: it leads through a link to a file of the checkout, or
        to a file that is none of it, as a library's in node_modules or /usr/include. Of a copy of the file that its
        tail fits, as a build makes, the tail tells."""
        full = clean if (clean := normal(recorded)).startswith("/") else f"{self._at}/{clean}"
        folder = full.rpartition("/")[0] or "/"
        try:
            if folder not in self._there:
                self._there[folder] = Path(folder).is_dir()
            if not self._there[folder] or not stat.S_ISREG(Path(full).stat().st_mode):
                return mapped
            real = os.path.realpath(full)
            inside = os.path.relpath(real, self._root).replace(os.sep, "/")
            if self.paths.has(inside):
                return Mapped(inside, "link")
            if mapped.path is None or self._read(real, os.O_NOFOLLOW) == self.text(mapped.path):
                return mapped
        except (OSError, ValueError):  # not there, not for us to read, or no path at all
            return mapped
        return Mapped(None, "", "it is a file of this machine that is not in the repository")

    def _place_of(self, mapped: Mapped, recorded: str, is_same: IsSame = nobody_knows) -> Place:
        if mapped.path is None:
            return Place(self._unlike_any(recorded), False, mapped.rule, mapped.why)
        return Place(mapped.path, True, mapped.rule, same=is_same(mapped.path), load=partial(self.text, mapped.path))

    @cached_property
    def _modules(self) -> GoModules:
        texts = {path: self.text(path) for path in self.files if path.rpartition("/")[2] in ("go.mod", "go.work")}
        return GoModules.of(
            {path: text.decode("utf-8", "replace") for path, text in texts.items() if text and len(text) < MOST_MODULES}
        )

    def imported(self, recorded: str) -> Place:
        place = self._imported.get(recorded)
        if place is None:
            place = self._imported[recorded] = self._place_of(
                self.paths.map_imported(recorded, self._modules), recorded
            )
        return place

    def import_path(self, path: str) -> str | None:
        return self._modules.import_path(path) if self.paths.has(path) else None

    def listing(self, suffix: str) -> Sequence[str]:
        if suffix not in self._by_suffix:
            self._by_suffix[suffix] = tuple(path for path in self.files if path.endswith(suffix))
        return self._by_suffix[suffix]

    def text(self, path: str) -> bytes | None:
        """The content of a file of the checkout; None when it is no regular file inside it, or larger than 32 MiB."""
        folder, _, name = path.rpartition("/")
        inside = self._folders.get(folder)
        if inside is None:  # thousands of files lie in a few folders: each is resolved once
            inside = self._folders[folder] = os.path.realpath(self._root / folder)
        try:
            return self._regular(f"{inside}/{name}", os.O_NOFOLLOW)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EMLINK):
                return None  # deleted meanwhile, or not for us to read: as good as not there
        try:
            return self._regular(os.path.realpath(f"{inside}/{name}"), 0)
        except OSError:
            return None

    def _regular(self, full: str, flags: int) -> bytes | None:
        """The content of a resolved path; None as `text` gives it."""
        return self._read(full, flags) if full.startswith(f"{self._at}/") else None

    def _read(self, full: str, flags: int) -> bytes | None:
        """The content of a regular file of at most 32 MiB. Opens without waiting, should it be a pipe."""
        file = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            pieces: list[bytes] = []
            room = MOST_TEXT + 1
            while room > 0 and (piece := os.read(file, min(room, _PIECE))):
                pieces.append(piece)
                room -= len(piece)
        finally:
            os.close(file)
        return b"".join(pieces) if room > 0 else None

    def _hash(self, path: str) -> str | None:
        if path not in self._hashes:
            import hashlib

            text = self.text(path)
            self._hashes[path] = f"sha256:{hashlib.sha256(text).hexdigest()}" if text is not None else None
        return self._hashes[path]


def _upwards(folder: str) -> Iterator[str]:
    """The folder and those it lies in, but for the root."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


class NoSources:
    """No checkout: every path stays as it was recorded, and nothing can be judged by its source."""

    root: Path | None = None
    located: Collection[tuple[str, Place]] = ()

    def locate(self, recorded: str, source_hash: str | None = None, *, via: str = "") -> Place:  # noqa: ARG002 - there is nothing to compare
        return Place(relative(recorded), False, "", "there is no checkout to look it up in")

    def locate_under(self, roots: Sequence[str], recorded: str, *, else_at: str = "") -> Place:  # noqa: ARG002 - nor any root
        return self.locate(recorded)

    def nowhere(self, recorded: str, why: str) -> Place:  # noqa: ARG002 - nothing has one
        return self.locate(recorded)

    def imported(self, recorded: str) -> Place:
        return self.locate(recorded)

    def beside(self, report: str, recorded: str) -> str:  # noqa: ARG002 - no folder is known
        return recorded

    def of_input(self, names: Sequence[str]) -> NoSources:  # noqa: ARG002 - nor is any input special
        return self

    def unsettled(self) -> bool:
        return False

    def import_path(self, path: str) -> str | None:  # noqa: ARG002 - there are no modules
        return None

    def listing(self, suffix: str) -> Sequence[str]:  # noqa: ARG002 - there is nothing to list
        return ()
