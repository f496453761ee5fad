"""The only place where paths change: from what a process, a build or a tool recorded to the place in the repository.

Rules, in order; the first that gives an existing file wins, and the answer names it:

    [paths]   an alias of the user's coverage configuration ("[paths] source = src, /app")
    --map     an explicit FROM=TO, by whole path components; FROM may be a glob pattern per component
    relative  the recorded path is relative and is in the repository as it stands
    inside    the recorded path lies inside the checkout
    go.mod    (names that are import paths) a module of the checkout, see `gomodules.py`; then no other rule is tried
    suffix    the longest common tail with a file of the repository, compared by whole components, where a file whose
              whole path is that tail comes before one that only shares it; the file whose content is what ran decides
              between several, and alone may match by its base name only; what a package manager keeps of others'
              packages is none of the repository's by its tail

Two equally good places are no place: the path stays unmapped.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from covey.model.gomodules import GoModules

# Whether the file at a repository path has the content that ran; None when nobody knows or it is too little to tell
# files apart by (every empty __init__.py is like every other).
IsSame = Callable[[str], bool | None]


BY_SUFFIX = "suffix"  # the rule that goes by a path's tail alone

# Where npm, bower, cargo and go keep the packages of others, and what Rust's own library was built from. Many of these
# have files of the same tail, as src/lib.rs.
_OF_OTHERS = re.compile(
    r".*(?:^|/)(node_modules|bower_components|\.?cargo/(?:registry/src|git/checkouts)|go/pkg/mod|rustc/[0-9a-f]{40})/",
    re.DOTALL,
)
# Where builds put copies of what is written elsewhere, as `pip install .` does into build/lib.
BUILT = frozenset({"build", "dist", "out", "target"})
_NOT_PLAIN = ("\\", ":", "//", "/.")  # a path without these is as it should be


def nobody_knows(_path: str) -> bool | None:
    return None


@dataclass(frozen=True, slots=True)
class Mapped:
    """`path` is None when no rule decides; then `why` says so."""

    path: str | None
    rule: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """Paths under `pattern` lie under `target` (repository-relative, "" for the root). `rule`: how people are told."""

    pattern: str
    target: str
    rule: str = "--map"

    @classmethod
    def parse(cls, text: str) -> Alias:
        """From "FROM=TO". ValueError when there is no "=" or FROM is empty, or TO leaves the repository."""
        pattern, equals, target = text.partition("=")
        target = posixpath.normpath(target or ".")
        if not equals or not pattern or target.startswith(("../", "/")) or target == "..":
            raise ValueError(f"{text!r} is not FROM=TO with TO inside the repository")
        return cls(pattern, "" if target == "." else target)

    def apply(self, recorded: str) -> str | None:
        """The repository path this alias gives, or None when the pattern does not match. Of --map "app" means "/app"
        too: a file without a place is shown without its leading "/", and people copy what they see."""
        if recorded.startswith("/") and self.rule == "--map" and not posix(self.pattern).startswith(("/", "*")):
            recorded = recorded.lstrip("/")
        found = _pattern(self.pattern).match(recorded)
        if not found:
            return None
        return posixpath.normpath(posixpath.join(self.target, recorded[found.end() :].lstrip("/")))


@dataclass
class PathMap:
    """Maps recorded paths onto `files`, the repository-relative POSIX paths that exist.

    root: where the checkout lies on this machine, "" for nowhere. aliases: in the order they are tried. by_name: base
    name -> the files of that name, ascending.
    """

    files: Iterable[str]
    aliases: Sequence[Alias] = ()
    root: str = ""
    _known: frozenset[str] = field(init=False, repr=False)
    by_name: dict[str, list[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._known = frozenset(self.files)
        self.by_name = {}
        for path in sorted(self._known):
            self.by_name.setdefault(posixpath.basename(path), []).append(path)

    def map(self, recorded: str, is_same: IsSame = nobody_knows) -> Mapped:
        """Where `recorded` lies. `is_same(path)`: whether that file's content is what ran; None when nobody knows."""
        clean = normal(recorded)
        mapped = self._by_alias(clean)
        if mapped is not None:
            return mapped
        if not clean.startswith("/") and clean in self._known:
            return Mapped(clean, "relative")
        if self.root and clean.startswith(self.root.rstrip("/") + "/"):
            inside = clean[len(self.root.rstrip("/")) + 1 :]
            if inside in self._known:
                return Mapped(inside, "inside")
        return self._by_suffix(clean, is_same)

    def map_imported(self, recorded: str, modules: GoModules) -> Mapped:
        """Where a file named by its import path lies: by aliases, then by Go's modules, never by its tail while the
        checkout has any. A name that is no import path (absolute, "./", "_/") is mapped as any other."""
        clean = normal(recorded.removeprefix("_") if recorded.startswith("_/") else recorded)
        listed = clean.removeprefix("command-line-arguments/")  # files named to the go command one by one
        if not modules.modules or clean.startswith("/") or recorded.startswith(("./", "../")) or listed != clean:
            return self.map(listed)
        mapped = self._by_alias(clean)
        if mapped is not None:
            return mapped
        missing = ""
        for equal in modules.places(clean):
            there = {path: rule for path, rule in equal if path in self._known}
            if len(there) > 1:
                return Mapped(None, "", "several modules of one name have it")
            for path, rule in there.items():
                return Mapped(path, rule)
            missing = missing or (equal[0][0] if "/vendor/" not in f"/{equal[0][0]}" else "")
        why = f"its module has no {missing}" if missing else "belongs to no module of the checkout"
        return Mapped(None, "", why)

    def _by_alias(self, clean: str) -> Mapped | None:
        """None where no alias speaks of the path. One of the user's that leads to no file says that it has no place:
        elsewhere would be wrong."""
        nowhere: Mapped | None = None
        for alias in self.aliases:
            path = alias.apply(clean)
            if path is not None and path in self._known:
                return Mapped(path, f"{alias.rule} {alias.pattern} -> {alias.target or '.'}")
            if path is not None and alias.rule == "--map" and nowhere is None:
                nowhere = Mapped(None, "", f"--map {alias.pattern}={alias.target or '.'} leads it to no file")
        return nowhere

    def beside(self, folders: Iterable[str], recorded: str) -> str | None:
        """A relative path as one of several folders has it, the first that does, but for what builds make; None where
        none does or an alias says otherwise."""
        name = recorded.rpartition("/")[2]
        if name not in self.by_name and name not in ("", ".", ".."):  # so under none of the folders
            return None
        if recorded.startswith("/") or "\\" in recorded or self._by_alias(normal(recorded)) is not None:
            return None
        sources = (folder for folder in folders if BUILT.isdisjoint(folder.split("/")))
        joined = (posixpath.normpath(posixpath.join(folder, recorded)) for folder in sources)
        return next((path for path in joined if path in self._known), None)

    def has(self, path: str) -> bool:
        """Whether this is a file of the repository."""
        return path in self._known

    def _by_suffix(self, clean: str, is_same: IsSame) -> Mapped:
        named = self.by_name.get(posixpath.basename(clean), [])
        if not named:
            return Mapped(None, "", "no file of the repository has this name")
        ranked = sorted(named, key=lambda path: (tail(clean, path), -path.count("/")), reverse=True)
        same = [path for path in ranked if is_same(path)]
        if len(same) == 1:
            return Mapped(same[0], "suffix, same content")
        if same:  # several copies of what ran: the place decides among them
            ranked = same
        length, whole = tail(clean, ranked[0])
        equal = list(takewhile(lambda path: tail(clean, path) == (length, whole), ranked))
        if len(equal) > 1:
            equal = [path for path in equal if BUILT.isdisjoint(path.split("/"))]
        if len(equal) != 1:
            return Mapped(None, "", "several files fit equally well")
        others = _OF_OTHERS.match(clean)
        if others and not same and length <= clean.count("/", others.end()) + 1:
            return Mapped(None, "", f"it is a file of another's package, in {others[1]}")
        if length == 1 and not whole and not same:
            return Mapped(None, "", "only the base name fits")
        return Mapped(equal[0], BY_SUFFIX)


def normal(recorded: str) -> str:
    """A recorded path in POSIX form without "." and ".." parts; a drive letter or backslashes become POSIX parts."""
    if not recorded.startswith(".") and not recorded.endswith("/") and not any(map(recorded.__contains__, _NOT_PLAIN)):
        return recorded
    text = posix(recorded) if re.match(r"[A-Za-z]:[\\/]|[^/]*\\", recorded) else recorded
    text = posixpath.normpath(text) if text else ""
    return re.sub(r"^(\.\./)+", "", re.sub(r"^//+", "/", text))


def posix(path: str) -> str:
    """With "/" for backslashes, and without the letter of a drive."""
    return re.sub(r"^[A-Za-z]:/", "/", path.replace("\\", "/"))


def relative(recorded: str) -> str:
    """The path to show for a file that no rule maps: repository-relative in form, whatever was recorded."""
    clean = normal(recorded.replace("\0", "")).lstrip("/")
    while (again := normal(clean).lstrip("/")) != clean:  # "/c:/x" is of no drive, but "c:/x" would be when read again
        clean = again
    return clean if clean not in ("", ".", "..") else "unnamed"


def tail(one: str, other: str) -> tuple[int, bool]:
    """How many whole components two paths share at their end, and whether that is all of `other`."""
    ones, others = one.lstrip("/").split("/"), other.split("/")
    count = 0
    for left, right in zip(reversed(ones), reversed(others), strict=False):
        if left != right:
            break
        count += 1
    return count, count == len(others)


@functools.lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of whole leading components: "*" stays within one, "**" and a leading "*/" span several."""
    clean = posix(text).rstrip("/")
    lead = ""
    if clean.startswith("*/"):
        lead, clean = "(?:.*/)?", clean[2:]
    return re.compile(lead + _spanning(clean.split("**")) + r"(?=/|$)")


def _spanning(parts: Sequence[str]) -> str:
    """Parts with anything between. What fits first fits as well as what fits later, as long as anything may follow:
    never looked for again (an atomic group), it takes no longer than the path is long, however many "*" there are."""
    first, *others = parts
    middle = "".join(f"(?>.*?{_component(part, '[^/]*?')})" for part in others[:-1])
    return _component(first, "[^/]*") + middle + "".join(f".*{_component(part, '[^/]*')}" for part in others[-1:])


def _component(part: str, last: str) -> str:
    first, *others = map(re.escape, part.split("*"))
    return first + "".join(f"(?>[^/]*?{text})" for text in others[:-1]) + "".join(last + text for text in others[-1:])
