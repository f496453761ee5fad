"""Which files are recorded, and what their source was when they were loaded.

By default the application: `.py` files that are neither of the standard library, nor below `site-packages` or
`dist-packages`, nor the agent's own, and the main script whatever it is called. With COVEY_AGENT_SOURCE only what is
below the folders, or belongs to the packages, named there. A file with a line `# covey: off` is left alone.
"""

from __future__ import annotations

import os
import sys
from stat import S_ISREG

from covey_agent.digest import sha256
from covey_agent.facts import stamp_of

OFF = b"# covey: off"
SOURCE_MAX = 64 << 20
_INSTALLED = ("site-packages", "dist-packages")
_AGENT = os.path.dirname(os.path.abspath(__file__))


class Source:
    """What is known of one file's source: SHA-256 as 32 bytes, an upper bound of its line numbers (0: it asks not to be
    recorded), and a stamp (facts.py; None in an archive) that changes when the file does."""

    __slots__ = ("_data", "_path", "digest", "lines", "stamp")

    def __init__(self, digest: bytes, lines: int, stamp=None, data=None, path: str = "") -> None:
        self.digest = digest
        self.lines = lines
        self.stamp = stamp
        self._data = data
        self._path = path

    @classmethod
    def of(cls, data: bytes, stamp=None) -> Source:
        """Of the text itself."""
        lines = data.count(b"\n") + 1
        if b"\r" in data:  # a carriage return of its own ends a line too
            lines += data.count(b"\r") - data.count(b"\r\n")
        if OFF in data and any(line.strip() == OFF for line in data.splitlines()):
            lines = 0
        return cls(sha256(data).digest(), lines, stamp, data)

    def is_off(self) -> bool:
        """Whether the file asks not to be recorded."""
        return not self.lines

    def data(self) -> bytes:
        """The text; raises OSError, or ValueError when it is not this text any more."""
        if self._data is None:
            found = _read_file(self._path)
            if found.digest != self.digest:
                raise ValueError(f"{self._path} has changed")
            self._data = found.data()
        return self._data


class Sources:
    """The rule of one process. `main` is the absolute path of its script, or ""."""

    def __init__(self, settings, main: str = "") -> None:
        self.main = main if _is_own_script(main) else ""
        self._own = (_AGENT + os.sep, os.path.join(os.path.dirname(_AGENT), "sitecustomize.py"))
        self._standard = _standard_library()
        self._folders = [os.path.join(absolute(part), "") for part in settings.source if _is_folder(part)]
        self._packages = [part for part in settings.source if not _is_folder(part)]
        self._asked_for = bool(settings.source)
        self._searched = None
        self._missing = set()
        self._tell = None
        self._omits = _omits(settings.omit)
        # Where only folders count, all files of a folder have one answer.
        self._answers = None if settings.omit or self._packages else {}

    def when_missing(self, tell) -> None:
        """Has `tell(name)` called, once, for each package that is not found when it is first looked for."""
        self._tell = tell
        for name in sorted(self._missing):
            tell(name)

    def wanted(self, path: str) -> bool:
        """Whether the file at this absolute path is to be recorded, going by its path."""
        if (path[-3:] != ".py" and path != self.main) or path[:1] != "/":
            return False
        if self._answers is None:
            return self._judge(path)
        folder = path.rpartition(os.sep)[0]
        answer = self._answers.get(folder)
        if answer is None:
            answer = self._answers[folder] = self._judge(folder + os.sep)
        return answer and path not in self._own

    def _judge(self, path):
        if path.startswith(self._own) or self._omits(path):
            return False
        if not self._asked_for:
            return not path.startswith(self._standard) and not _installed(path)
        if self._packages:
            self._resolve_packages()
        return any(self._below(folder, path) for folder in self._folders)

    def _below(self, folder, path):
        """A virtual environment inside a folder asked for is not asked for, unless the folder itself is inside."""
        if path != folder and not (folder.endswith(os.sep) and path.startswith(folder)):
            return False
        if path.startswith(self._standard) and not folder.startswith(self._standard):
            return False
        return not _installed(path[len(folder) :])

    def _resolve_packages(self):
        """Packages are searched for when a file has to be judged, as the script's folder comes onto sys.path late."""
        searched = (*sys.path, *map(id, sys.meta_path))
        if searched == self._searched:
            return
        self._searched = searched
        for name in list(self._packages):
            places = _places(name)
            if places:
                self._packages.remove(name)
                self._folders.extend(places)
            elif name not in self._missing:
                self._missing.add(name)
                if self._tell is not None:
                    self._tell(name)


def read(path: str, loader=None, facts=None) -> Source | None:
    """The source at `path`: as `facts` remembers it, from the file or, for what lies in an archive, from the module's
    loader; None if none has it."""
    try:
        if facts is None:
            return _read_file(path)
        stamp = stamp_of(os.stat(path))
        known = facts.get(path, stamp)
        if known is not None:
            return Source(known[1], known[2], stamp, None, path)
        source = _read_file(path)
        facts.put(path, source.stamp, source.digest, source.lines)
        return source
    except OSError:
        return _from_loader(path, loader)


def _read_file(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        state = os.fstat(fd)
        if not S_ISREG(state.st_mode) or state.st_size > SOURCE_MAX:
            raise OSError("no source")
        return Source.of(_all_of(fd, state.st_size), stamp_of(state))
    finally:
        os.close(fd)


def _from_loader(path, loader):
    get_data = getattr(loader, "get_data", None)
    if get_data is None:
        return None
    try:
        return Source.of(bytes(get_data(path)))
    except (OSError, TypeError, ValueError):
        return None


def _all_of(fd, size):
    data = os.read(fd, size + 1)
    if len(data) == size:
        return data
    parts, left = [data], SOURCE_MAX
    while parts[-1] and left > 0:  # it has grown or is read in pieces
        left -= len(parts[-1])
        parts.append(os.read(fd, 1 << 16))
    return b"".join(parts)


def absolute(path: str) -> str:
    """`os.path.abspath`, quickly for what is in that form already. Where the working directory is gone, what is
    relative to it has no such form, and stays as it is: no file that is wanted."""
    if path[:1] == "/" and "/." not in path and "//" not in path and path[-1:] != "/":
        return path
    try:
        return os.path.abspath(path)
    except OSError:
        return path


def _is_own_script(path):
    """A script without `.py` is the application's unless it lies where installers put their starters."""
    if path.endswith(".py"):
        return True
    starters = (
        os.path.dirname(sys.executable or ""),
        os.path.join(sys.prefix, "bin"),
        os.path.join(sys.base_prefix, "bin"),
    )
    folder = os.path.dirname(path)
    return os.path.isfile(path) and folder not in starters and not folder.endswith("/.local/bin")


def _standard_library():
    """Prefixes of the standard library's paths, as found and with links resolved."""
    folder = os.path.dirname(os.__file__)
    return tuple({os.path.join(folder, ""), os.path.join(os.path.realpath(folder), "")})


def _is_folder(part):
    return os.sep in part or part in (".", "..") or os.path.isdir(part)


def _installed(path):
    return any("/" + name + "/" in "/" + path for name in _INSTALLED)


def _places(name):
    """The folders (ending in a separator) of a package, or the file of a module; nothing is imported for it."""
    path, spec, parts = None, None, name.split(".")
    for count in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:count]), path)
        if spec is None:
            return []
        path = spec.submodule_search_locations
        if path is None and count < len(parts):
            return []
    if path is not None:
        return [os.path.join(os.path.abspath(place), "") for place in path]
    return [os.path.abspath(spec.origin)] if spec.origin and spec.has_location else []


def _spec(name, path):
    """How the module would be loaded. Where no folder has a top one, the finders are asked that installers put beside
    (setuptools' for editable installs)."""
    usual = sys.modules["_frozen_importlib_external"].PathFinder
    others = sys.meta_path if path is None else ()
    for finder in [usual, *(one for one in others if not type(one).__module__.startswith("covey_agent"))]:
        try:
            spec = finder.find_spec(name, path)
        except Exception:  # the application's: whatever it says, it has not found the package
            continue
        if spec is not None:
            return spec
    return None


def _omits(patterns):
    """A function that says whether a path is left out. Patterns that begin with neither `*` nor `/` start here."""
    if not patterns:
        return lambda _path: False
    from fnmatch import fnmatchcase

    rooted = [pattern if pattern.startswith("*") else os.path.abspath(pattern) for pattern in patterns]
    rooted += [pattern + "/*" for pattern in rooted if os.path.isdir(pattern)]
    return lambda path: any(fnmatchcase(path, pattern) for pattern in rooted)
