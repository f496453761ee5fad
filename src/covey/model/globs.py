"""Patterns of paths as git has them in its attribute and ignore files (gitignore(5)): "*" and "?" stay within one
name, "[...]" is one character of it, "**" spans folders, "\\" takes the next character as it is.

As in git a byte is a character, so texts are handled as their UTF-8 bytes, one to one in a str. A pattern of more than
two stars, or of two and a long text, is not left to a backtracking regular expression: a stranger's pattern must not
take for ever.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LONGEST = 4096  # bytes of a path, and of a pattern
_SPECIAL = re.compile(r"[*?\[\\]")
MOST_EASY = 2  # stars of a pattern that a regular expression may have
_LONG = 256  # bytes from which on two stars are tried in too many ways
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\t-\\r ", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip

Matcher = Callable[[str], bool]


class _Piece(NamedTuple):
    """A part of a pattern as a regular expression. `kind`: "one" for one character, "many" for any number of them,
    "folders" for any number of whole folder names."""

    kind: str
    text: str

    @property
    def regex(self) -> str:
        return self.text + "*" if self.kind == "many" else self.text


def as_bytes(text: str) -> str:
    """A path or pattern as the bytes of its UTF-8 form, each one character."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern of a file in folder `base` ("" for the root): without "/" it is one of names, else of whole paths."""

    pattern: str
    base: str = ""

    def matches(self, path: str) -> bool:
        """Whether it matches this very path (as `as_bytes` gives it), and not only a folder above it."""
        return len(path) <= LONGEST and _matcher(self.pattern, self.base)(path)

    def matcher(self) -> Matcher:
        """The same for many paths of at most LONGEST bytes, kept however many other globs there are."""
        return _matcher.__wrapped__(self.pattern, self.base)


@functools.lru_cache(maxsize=4096)
def _matcher(pattern: str, base: str) -> Matcher:
    if len(pattern) > LONGEST or pattern.endswith("/"):
        return lambda _: False
    inner = base + "/" if base else ""
    if "/" not in pattern:
        name = _name(pattern)
        return lambda path: path.startswith(inner) and name(path.rpartition("/")[2])
    whole = _path(pattern.removeprefix("/"))
    return (lambda path: path.startswith(inner) and whole(path[len(inner) :])) if inner else whole


def matches_within(pattern: str, path: str) -> bool:
    """As in gitignore: whether the pattern matches the path or a folder above it; "/" at its end asks for a folder."""
    only_folders, glob = pattern.endswith("/"), Glob(pattern.rstrip("/"))
    at = path.find("/")
    while at > 0:
        if glob.matches(path[:at]):
            return True
        at = path.find("/", at + 1)
    return not only_folders and glob.matches(path)


def _name(pattern: str) -> Matcher:
    if not _SPECIAL.search(pattern):
        return pattern.__eq__
    if pattern[0] == "*" and not _SPECIAL.search(pattern, 1):
        return functools.partial(_ends, pattern[1:])
    return compiled(pattern, within=False)


def _ends(end: str, name: str) -> bool:
    return name.endswith(end)


def _path(pattern: str) -> Matcher:
    """Git compares what comes before the first special character by itself, and matches the rest by itself too."""
    found = _SPECIAL.search(pattern)
    if not found:
        return pattern.__eq__
    prefix, rest = pattern[: found.start()], pattern[found.start() :]
    if not prefix:
        return compiled(rest, within=True)
    later = functools.cache(lambda: compiled(rest, within=True))  # most are never needed
    return lambda path: path.startswith(prefix) and later()(path[len(prefix) :])


def compiled(pattern: str, *, within: bool) -> Matcher:
    """Whether a whole text matches. within: "*", "?" and "[...]" do not match "/"."""
    pieces = _pieces(pattern, within)
    if pieces is None:
        return lambda _: False
    stars = sum(piece.kind != "one" for piece in pieces)
    if stars > MOST_EASY:
        return _automaton(pieces)
    whole = re.compile("".join(piece.regex for piece in pieces), re.DOTALL).fullmatch
    if stars < MOST_EASY:
        return lambda text: whole(text) is not None
    long = functools.cache(lambda: _automaton(pieces))
    return lambda text: whole(text) is not None if len(text) < _LONG else long()(text)


def _pieces(pattern: str, within: bool) -> list[_Piece] | None:
    """The parts of a pattern; None where it matches nothing at all."""
    one = "[^/]" if within else "."
    pieces: list[_Piece] = []
    at = 0
    while at < len(pattern):
        letter, start = pattern[at], at
        at += 1
        if letter == "*":
            while pattern[at : at + 1] == "*":
                at += 1
            whole_names = within and at - start > 1 and pattern[start - 1 : start] in ("", "/")
            if whole_names and pattern[at : at + 1] == "/":
                pieces.append(_Piece("folders", "(?:.*/)?"))
                at += 1
            elif whole_names and (at == len(pattern) or pattern[at : at + 2] == "\\/"):
                pieces.append(_Piece("many", "."))
            else:
                pieces.append(_Piece("many", one))
        elif letter == "?":
            pieces.append(_Piece("one", one))
        elif letter == "[":
            found = _bracket(pattern, at)
            if found is None:
                return None
            at, body = found
            pieces.append(_Piece("one", f"(?!/){body}" if within else body))
        else:
            if letter == "\\":
                if at == len(pattern):
                    return None
                letter = pattern[at]
                at += 1
            pieces.append(_Piece("one", re.escape(letter)))
    return pieces


def _bracket(pattern: str, at: int) -> tuple[int, str] | None:
    """Where a bracket expression that begins before `at` ends, and its regular expression; None when it does not end
    or names a class that is none."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    parts: list[str] = []
    before = ""  # what a "-" after it makes the start of a range
    first = True
    while first or pattern[at : at + 1] != "]":
        first = False
        if at >= len(pattern):
            return None
        letter = pattern[at]
        if letter == "[" and pattern[at + 1 : at + 2] == ":":
            end = pattern.find("]", at + 2)
            if end < 0:
                return None
            if end > at + 2 and pattern[end - 1] == ":":
                members = _CLASSES.get(pattern[at + 2 : end - 1])
                if members is None:
                    return None
                parts.append(members)
                before, at = "", end + 1
                continue
        elif letter == "-" and before and pattern[at + 1 : at + 2] not in ("", "]"):
            at += 1
            if pattern[at] == "\\":
                at += 1
            if at >= len(pattern):
                return None
            if before <= pattern[at]:
                parts.append(f"{re.escape(before)}-{re.escape(pattern[at])}")
            before, at = "", at + 1
            continue
        elif letter == "\\":
            at += 1
            if at >= len(pattern):
                return None
            letter = pattern[at]
        parts.append(re.escape(letter))
        before, at = letter, at + 1
    body = "".join(parts)
    if not body:
        return at + 1, "." if negated else "(?!)."
    return at + 1, f"[{'^' if negated else ''}{body}]"


def _automaton(pieces: Sequence[_Piece]) -> Matcher:
    """All ways at once, a bit a state: time grows with the text's length only."""
    free = sum(1 << state for state, piece in enumerate(pieces) if piece.kind != "one")  # may match nothing
    folders = sum(1 << state for state, piece in enumerate(pieces) if piece.kind == "folders")
    texts = {piece.text for piece in pieces}

    @functools.cache  # 256 letters
    def steps(letter: str) -> tuple[int, int]:
        """The states that a letter leads on from, and those in which it begins anew."""
        fit = {text for text in texts if re.fullmatch(text, letter, re.DOTALL)}
        fits = sum(1 << state for state, piece in enumerate(pieces) if piece.text in fit) & ~folders
        return fits & ~free | (folders if letter == "/" else 0), fits & free

    def entered(states: int) -> int:
        """With those that come after what may match nothing."""
        while (more := states | (states & free) << 1) != states:
            states = more
        return states

    start, end = entered(1), 1 << len(pieces)

    def matches(text: str) -> bool:
        states = start
        for letter in text:
            on, again = steps(letter)
            states = states & folders | entered((states & on) << 1 | states & again)
            if not states:
                return False
        return bool(states & end)

    return matches
