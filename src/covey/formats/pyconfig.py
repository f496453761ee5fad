"""Where a checkout's coverage configuration is looked for. The checkout may be a stranger's: what stands there under
such a name is opened only when it is a file of sensible size, never a pipe or a device."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from covey.errors import ConfigError

# The order in which coverage.py looks; True: the file is its own, so an empty one is an answer.
CONFIG_FILES = (
    (".coveragerc", True),
    (".coveragerc.toml", True),
    ("setup.cfg", False),
    ("tox.ini", False),
    ("pyproject.toml", False),
)
NAMED_BY = "COVERAGE_RCFILE"  # the variable by which coverage.py is told of another file; then it looks at no other
LARGEST = 4 << 20  # bytes
PYTHON_RULE = "counted: Python files "  # how the note begins that says by which rule
SETTINGS = "coverage configuration: "  # and one on what that rule comes from
_SPEAKS = re.compile(rb"^[ \t]*\[[ \t]*(?:tool\.coverage\b|coverage:)", re.MULTILINE)  # a file that others share
_LOOKED_AT = 1 << 20  # bytes of such a file
_TELLING = 6  # characters: a shorter value of a variable is no secret, and is part of many words


def is_python(path: str) -> bool:
    """Whether a file is Python's, by its name: scripts have no suffix."""
    return posixpath.splitext(path)[1] in ("", ".py", ".pyw")


def candidates(root: Path) -> list[tuple[Path, bool]]:
    """The files that may configure coverage.py for a checkout, in its order: the one that the user's environment names
    (as there: relative to the working directory, and it must exist), else those of the checkout."""
    named = os.environ.get(NAMED_BY, "")
    if not named:
        return [(root / name, own) for name, own in CONFIG_FILES]
    if not is_there(Path(named)):
        raise ConfigError(f"there is no file {named}, which {NAMED_BY} names", hint=f"unset {NAMED_BY}, or mend it")
    return [(Path(named), True)]


def is_there(file: Path) -> bool:
    """Whether there is such a file, fit to be read; ConfigError where it is something else, a folder apart."""
    try:
        status = file.stat()
    except OSError:
        return False  # nothing, or a link to nothing; what may not be looked at cannot be read either
    if stat.S_ISDIR(status.st_mode):
        return False
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
        why = f"is larger than {LARGEST} bytes" if stat.S_ISREG(status.st_mode) else "is not a regular file"
        raise ConfigError(f"{file} {why}, so no coverage configuration")
    return True


def mentions(root: Path, word: str) -> bool:
    """Whether a file that may configure coverage.py has this word: of a setting, so that it is worth being read."""
    sought = re.compile(rb"(?<![A-Za-z_])%b(?![A-Za-z_])" % re.escape(word.encode()))  # not pytest's "testpaths"
    return any(is_there(file) and sought.search(file.read_bytes()) for file, _ in candidates(root))


def nearer(root: Path | None, listed: Callable[[str], Iterable[str]], folders: Iterable[str]) -> list[str]:
    """The configurations in the folders of a checkout and in those above them, but for the root's own: coverage.py
    would take such a one when run there. listed: the checkout's files by the end of their names. Repository-relative,
    ascending; none where the user's environment names the configuration."""
    if root is None or os.environ.get(NAMED_BY, ""):
        return []
    above = {"/".join(folder.split("/")[:depth]) for folder in folders for depth in range(1, folder.count("/") + 2)}
    above.discard("")
    found: dict[str, str] = {}  # one a folder, the first that coverage.py would look at
    for name, own in CONFIG_FILES:
        for path in listed(name):
            folder, _, base = path.rpartition("/")
            if base == name and folder in above and folder not in found and (own or _speaks(root / path)):
                found[folder] = path
    return sorted(found.values())


def _speaks(file: Path) -> bool:
    """Whether a file that others share has a section of coverage.py. It may be anything: what is none says nothing."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(number, "rb") as stream:
        return stat.S_ISREG(os.fstat(number).st_mode) and _SPEAKS.search(stream.read(_LOOKED_AT)) is not None


def leads_out(root: Path, file: Path) -> bool:
    """Whether a checkout's configuration is a link to a file outside of it, whose content is nobody's business."""
    return file.is_relative_to(root) and not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(root))


def without_values(text: str, environment: Mapping[str, str]) -> str:
    """Text without the values of environment variables, which a configuration can ask for as ${NAME}."""
    for name, value in sorted(environment.items(), key=lambda item: -len(item[1])):
        if len(value) >= _TELLING and value in text and "/" not in value:
            text = text.replace(value, f"${{{name}}}")
    return text
