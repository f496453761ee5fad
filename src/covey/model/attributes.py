"""Git's attributes of paths, from the texts of .gitattributes files: gitattributes(5), and where that is silent what
git 2.39 does (tests hold it against `git check-attr`).

Of the files that speak of a path the nearest comes first, info/attributes before all; of a file the last line that
matches; of a line the last mention. What users and machines have of their own (core.attributesFile) is no part of it:
figures must not depend on whose machine computes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from covey.errors import UsageError
from covey.model.globs import LONGEST, MOST_EASY, Glob, Matcher, as_bytes

LONGEST_LINE = 2048  # bytes; git passes over longer ones
MOST_WORK = 100_000_000  # looks at a line, or at a letter where a pattern has many stars: a minute or two
_BLANK = " \t\r\n"
_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*\Z")
_ESCAPE = re.compile(r'\\(?:([abfnrtv"\\])|([0-3][0-7]{2}))|([^"\\])', re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

# True for "attr", False for "-attr", a text for "attr=text", None for "!attr": as if no line spoke of it.
State = bool | str | None
_Given = tuple[tuple[str, State], ...]


@dataclass(frozen=True)
class AttributeFile:
    """The lines of one file: patterns with what they give, in order; and the macros it defines."""

    lines: tuple[tuple[Glob, _Given], ...] = ()
    macros: Mapping[str, _Given] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes, base: str = "", *, macros: bool = True) -> AttributeFile:
        """From a file's bytes. base: its folder, "" for the root. macros: whether it may define some, which only that
        of the root and info/attributes may. Lines that git does not understand are passed over, as there."""
        lines: list[tuple[Glob, _Given]] = []
        defined: dict[str, _Given] = {}
        for raw in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            line = raw.removesuffix(b"\r").partition(b"\0")[0].decode("latin-1")
            if len(line) < LONGEST_LINE:
                _take(line.lstrip(_BLANK), as_bytes(base), macros, lines, defined)
        return cls(tuple(lines), defined)


def _take(line: str, base: str, macros: bool, lines: list[tuple[Glob, _Given]], defined: dict[str, _Given]) -> None:
    if not line or line[0] == "#":
        return
    name, rest = _unquoted(line) or _word(line)
    given = _given(rest)
    if given is None:
        return
    if len(name) > len("[attr]") and name.startswith("[attr]"):
        macro = _word(name[len("[attr]") :].lstrip(_BLANK))[0]
        if macros and _NAME.match(macro):
            defined[macro] = given
    elif not name.startswith("!"):
        lines.append((Glob(name, base), given))


def _word(text: str) -> tuple[str, str]:
    end = next((at for at, letter in enumerate(text) if letter in _BLANK), len(text))
    return text[:end], text[end:]


def _unquoted(line: str) -> tuple[str, str] | None:
    """A pattern quoted in C style, and what follows; None where it is not, or not rightly."""
    if line[0] != '"':
        return None
    name, at = "", 1
    while found := _ESCAPE.match(line, at):
        name += _ESCAPED.get(found[1], found[1]) if found[1] else chr(int(found[2], 8)) if found[2] else found[3]
        at = found.end()
    return (name, line[at + 1 :]) if line[at : at + 1] == '"' else None


def _given(text: str) -> _Given | None:
    """What a line gives, in order; None where one of it is no attribute, for then git passes over the whole line."""
    given: list[tuple[str, State]] = []
    for word in text.translate({ord(letter): " " for letter in _BLANK}).split(" "):
        if not word:
            continue
        name, equals, value = word.partition("=")
        state: State = value if equals else True
        if name[:1] in ("-", "!"):
            state = False if name[0] == "-" else None
            name = name[1:]
        if not _NAME.match(name):
            return None
        given.append((name, state))
    return tuple(given)


class Attributes:
    """The attributes of paths. `files`: folder ("" for the root) -> its .gitattributes; `info`: info/attributes.

    Folders of which nothing is told have none. Answers are as many as `wanted`, and as git gives them.
    """

    def __init__(self, files: Mapping[str, AttributeFile], info: AttributeFile, wanted: Iterable[str]) -> None:
        self._wanted = frozenset(wanted)
        root = files.get("", AttributeFile())
        binary: _Given = (("diff", False), ("merge", False), ("text", False))
        self._macros: Mapping[str, _Given] = {"binary": binary, **root.macros, **info.macros}
        telling = self._telling()
        self._files = {folder: _matchers(file, telling) for folder, file in files.items()}
        self._info = _matchers(info, telling)
        self._left = MOST_WORK

    def _telling(self) -> frozenset[str]:
        """The attributes that matter to an answer: those wanted, and macros that lead to them."""
        telling = set(self._wanted)
        while more := {
            name for name, given in self._macros.items() if name not in telling and telling & dict(given).keys()
        }:
            telling |= more
        return frozenset(telling)

    def of(self, path: str) -> dict[str, State]:
        """Of a file, repository-relative: each attribute asked for that a line speaks of. UsageError once all that was
        asked took more work than any repository has reason for."""
        found: dict[str, State] = {}
        plain = as_bytes(path)
        if len(plain) > LONGEST:
            return {}
        self._fill(found, self._info, plain)
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self._files:
                self._fill(found, self._files[folder], plain)
        return {name: state for name, state in found.items() if name in self._wanted and state is not None}

    def _fill(self, found: dict[str, State], lines: _Lines, path: str) -> None:
        self._left -= lines.easy + lines.hard * len(path)
        if self._left < 0:
            raise UsageError(
                ".gitattributes have so many patterns that to look for all files among them would take minutes",
                hint="--no-attributes counts all files; patterns of folders are fewer",
            )
        for matches, given in lines.matchers:
            if matches(path):
                self._give(found, given)

    def _give(self, found: dict[str, State], given: _Given) -> None:
        """What comes first holds. A macro that is set gives what it stands for, right after itself."""
        pending = list(given)
        while pending:
            name, state = pending.pop()
            if name not in found:
                found[name] = state
                if state is True and name in self._macros:
                    pending += self._macros[name]


class _Lines(NamedTuple):
    """The lines of one file that matter, the last first. easy, hard: how many there are of a constant cost, and of one
    that grows with the path."""

    matchers: tuple[tuple[Matcher, _Given], ...]
    easy: int
    hard: int


def _matchers(file: AttributeFile, telling: frozenset[str]) -> _Lines:
    lines = [(glob, given) for glob, given in reversed(file.lines) if not telling.isdisjoint(dict(given))]
    hard = sum(glob.pattern.count("*") > MOST_EASY for glob, _ in lines)
    return _Lines(tuple((glob.matcher(), given) for glob, given in lines), len(lines) - hard, hard)
