"""What the user names, file by file: paths, folders, globs that no shell expanded, standard input; and the format of
each, told by its content."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import glob
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from covey import plugins
from covey.errors import FormatError, InputError, MissingExtra, UsageError
from covey.flows.damage import NOTHING_RECORDED
from covey.formats.base import Format, Input
from covey.model import telling
from covey.render.whole import UNFINISHED

SNIFFED = 4096  # bytes
MOST_STREAM = 1 << 30  # bytes
MOST_MATCHES = 1_000_000  # of one glob, or files of one folder
_MOST_LIKE = 10_000  # names that a wrong one is compared with
# Whose turn is first at a file called so. The content still decides; this only spares importing the other formats.
LIKELY = {
    "*.info": "lcov",
    "*.lcov": "lcov",
    ".coverage*": "coveragepy",
    "*.coverage": "coveragepy",
    "*.out": "gocover",
    "*.cov": "gocover",
    "covmeta.*": "gocovdata",
    "covcounters.*": "gocovdata",
    "*jacoco*.xml": "jacoco",
    "*clover*.xml": "clover",
    "*.xml": "cobertura",
}
# What is not taken off, by what it begins with; gzip and zstd are, once.
ARCHIVES: dict[str, bytes | tuple[bytes, ...]] = {
    "a zip archive": b"PK\x03\x04",
    "packed by xz": b"\xfd7zXZ\0",
    "packed by bzip2": b"BZh",
    "packed twice": (b"\x1f\x8b", b"\x28\xb5\x2f\xfd"),
}


# What a tool calls its reports of one run by default: Istanbul's reporters (nyc, c8, jest, vitest), coverage.py.
ONE_RUN = (
    ("coverage-final.json", "lcov.info", "clover.xml", "cobertura-coverage.xml"),
    (".coverage", "coverage.xml", "coverage.json", "coverage.lcov"),
)


def expanded(names: Iterable[str]) -> list[str]:
    """The names with globs expanded, ascending, as shells do: "*", "?", "[...]" in one folder, "**" over several.

    A name that exists as it stands is no glob; a glob that matches nothing stays, and is told when it is to be read.
    UsageError when "-" is there twice.
    """
    found: list[str] = []
    for name in names:
        if name == "-" and "-" in found:
            raise UsageError("standard input can be read once only, and - is there twice")
        if name != "-" and glob.has_magic(name) and not os.path.lexists(name):
            matches = sorted(islice(glob.iglob(name, recursive=True), MOST_MATCHES))  # noqa: PTH207 - it may be absolute
            found += matches or [name]
        else:
            found.append(name)
    return found


def is_bundle(name: str) -> bool:
    """Whether this is a bundle's folder, also an unfinished one."""
    folder = Path(name)
    if name == "-" or not folder.is_dir():
        return False
    from covey.model.bundle import JOURNAL, Bundle

    try:
        return Bundle.is_one(folder) or (folder / JOURNAL).is_file()
    except OSError:  # which listing it will say
        return False


def with_inner_bundles(names: Iterable[str]) -> list[str]:
    """The names, a folder that is no bundle but holds some followed by these."""
    found: list[str] = []
    for name in names:
        found.append(name)
        if name != "-" and Path(name).is_dir() and not is_bundle(name):
            found += [folder for folder, _, _ in _walk(name, []) if is_bundle(folder)]
    return found


def files(
    name: str, recognise: Recognise, notes: dict[str, None], unlisted: Callable[[OSError], None] | None = None
) -> list[Input]:
    """The files behind one name. Of a folder those that a format claims, ascending; the others are counted in a note,
    and what lies in bundles is left to them. InputError when there is nothing. unlisted: told of each folder in it
    that cannot be listed."""
    if name in recognise.streams:
        return [recognise.streams.pop(name)]
    if name == "-":
        return [of_stream("-", sys.stdin.buffer)]
    path = Path(name)
    if not path.is_dir():
        return [_of_path(path)]
    bundles: list[str] = []
    known: list[Input] = []
    unknown: list[Input] = []
    for folder, _, inner in _walk(name, bundles, unlisted):
        for names in ONE_RUN:
            if len(usual := [file for file in names if file in inner]) > 1:
                notes[
                    f"{folder}: {', '.join(usual)} are what a tool calls its reports of one run: where they are that, "
                    "name one of them, for each adds to the hits, and statements count as lines where one has none"
                ] = None
        for file in sorted(inner):
            full = Path(folder, file)
            if _is_plain(full):
                one = Input.of_path(full)
                (known if recognise.knows(one) else unknown).append(one)
    if not known and not bundles:
        raise InputError(f"no file in {name} is of a format that covey knows", hint="`covey plugins` lists the formats")
    if unknown:
        told = f"{telling.files(len(unknown))} of no known format: {telling.some([one.name for one in unknown])}"
        notes[f"{name}: passed over {told}"] = None
    return known


def _is_plain(file: Path) -> bool:
    """Whether it is a file and no link; or cannot be looked at, which reading it will say."""
    try:
        return file.is_file() and not file.is_symlink()
    except OSError:
        return True


def _walk(
    name: str, bundles: list[str], unlisted: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """os.walk in order, at most MOST_MATCHES files, without those that covey is still writing; bundles are given
    without what is in them, and told."""
    seen = 0
    for folder, folders, inner in os.walk(name, onerror=unlisted):
        folders.sort()
        if is_bundle(folder):
            bundles.append(folder)
            folders.clear()
            yield folder, folders, []
            continue
        seen += len(inner)
        if seen > MOST_MATCHES:
            raise InputError(f"{name} holds more than {MOST_MATCHES} files")
        yield folder, folders, [file for file in inner if not UNFINISHED.match(file)]


def is_stream(name: str) -> bool:
    """Whether it gives its content once only: standard input, a pipe."""
    if name == "-":
        return True
    try:
        mode = Path(name).stat().st_mode
    except OSError:  # which reading it will say
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _of_path(path: Path) -> Input:
    """A pipe, as in `covey report <(...)`, gives its content once only; a file is read as often as it takes."""
    if path.is_file():
        return Input.of_path(path)
    if not path.exists() and glob.has_magic(str(path)):
        raise InputError(f"nothing matches {path}", hint='"**/" before a name finds it in folders of folders too')
    if not path.exists():
        raise InputError(f"{path} does not exist", hint=_instead(path))
    with path.open("rb") as stream:
        return of_stream(str(path), stream)


def _instead(missing: Path) -> str:
    """What may have been meant by a path that leads nowhere."""
    folder = missing.parent
    if missing.is_symlink():
        return f"it is a link to {missing.readlink()}, which is not there"
    try:
        with os.scandir(folder) as entries:
            there = [entry.name for entry in islice(entries, _MOST_LIKE) if entry.name.isprintable()]
    except OSError:
        there = []
    if near := difflib.get_close_matches(missing.name, there, 1):
        return f"did you mean {folder / near[0]}?"
    if not missing.suffix:
        return f"covey collect -o {missing} makes a bundle of that name"
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    return f"{folder.resolve()} has nothing of a like name; name a folder to read all reports in it"


def of_stream(name: str, stream: BinaryIO) -> Input:
    """All that a stream gives, at most 1 GiB; InputError where there is more."""
    data = stream.read(MOST_STREAM + 1)
    if len(data) > MOST_STREAM:
        told = "standard input" if name == "-" else name
        raise InputError(f"{told} is larger than {MOST_STREAM} bytes")
    return Input.of_bytes(name, data)


class Recognise:
    """Tells the format of files by their content. `format`: the name that every file is of, "" to look.

    used: the formats met so far, by name; they are asked first, so that of many files of one format only the first
    costs the import of all. Exactly one format claims a file, which tests hold for every format of covey's own.
    streams: what was looked into and can be read once only, by name, for who reads it.
    """

    def __init__(self, format: str = "") -> None:  # noqa: A002 - what the flag is called
        self._format = format
        self.used: dict[str, Format] = {}
        self.streams: dict[str, Input] = {}

    def of(self, file: Input) -> Format:
        """The one format that claims a file; FormatError for none or several."""
        claims = self.claims(file)
        if len(claims) == 1:
            return self.named(claims[0])
        if claims:
            raise FormatError(f"may be any of {', '.join(claims)}", path=file.name, hint="name one with --from")
        with file.open() as stream:
            head = stream.read(SNIFFED)
        packed = next((kind for kind, mark in ARCHIVES.items() if head.startswith(mark)), "")
        if packed or head[257:262] == b"ustar":
            raise FormatError(f"is {packed or 'a tar archive'}", path=file.name, hint="unpack it first")
        if not head:
            raise FormatError("is empty", path=file.name, hint=NOTHING_RECORDED)
        hint = "`covey plugins` lists the formats; --from names one"
        raise FormatError("is of no format that covey knows", path=file.name, hint=hint)

    def knows(self, file: Input) -> bool:
        """Whether a format claims the file, or it cannot be opened or unpacked, which reading it will say."""
        try:
            return bool(self.claims(file))
        except (FormatError, MissingExtra, OSError):
            return True

    def claims(self, file: Input) -> Sequence[str]:
        """The names of the formats that claim a file. FormatError where it is packed and the packing is damaged."""
        if self._format:
            return [self._format]
        with file.open() as stream:
            head = stream.read(SNIFFED)
        base = os.path.basename(file.name).removesuffix(".gz")  # noqa: PTH119 - a name, "-" too, not a path
        hints = [name for pattern, name in LIKELY.items() if fnmatch.fnmatchcase(base, pattern)]
        for name in dict.fromkeys([*reversed(self.used), *hints]):
            if self._loaded(name).sniff(file.name, head):
                return [name]
        return [name for name in plugins.names("formats") if self._loaded(name).sniff(file.name, head)] or [
            name for name in _others() if self._loaded(name).sniff(file.name, head)
        ]

    def named(self, name: str) -> Format:
        """The format of that name, from now on one of those that were met."""
        if name not in self.used:
            self.used[name] = self._loaded(name)
        return self.used[name]

    def _loaded(self, name: str) -> Format:
        found: Format = plugins.load("formats", name)
        return found


@functools.cache
def _others() -> tuple[str, ...]:
    return tuple(plugin.name for plugin in plugins.others("formats"))
