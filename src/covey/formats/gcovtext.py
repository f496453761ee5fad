"""gcov's annotated source text: `hits:line:source`, with or without `-b`, `-c` and `-a`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from covey.errors import FormatError
from covey.formats.gcov import Gathered
from covey.formats.intake import clean

_ROW = re.compile(rb" *(-|[#=]{5}|[0-9]{1,19}\*?): *([0-9]{1,9}):(.*)", re.DOTALL)
_BLOCK = re.compile(rb" *(?:-|[$%]{5}|[0-9]{1,19}\*?): *[0-9]{1,9}-block ")
_HEADER = re.compile(rb"(Source|Working directory|Graph|Data|Runs|Programs):(.*)", re.DOTALL)
_CALLED = re.compile(rb"function (.+) called ([0-9]{1,19}) returned ")
_BRANCH = re.compile(rb"branch +[0-9]+ (?:never executed|taken ([0-9]{1,19})(%?))")
_OTHER = re.compile(rb"(?:call|unconditional|condition|paths?|path) +")
_RULE = b"------------------"
_SHORT = re.compile(rb" *[0-9.]+[kMGTPEZY]\*?:")


class _Text:
    """One file's text. After its lines, a template's instances come again, each after a rule and its name: of those
    only functions and branches are new."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.folder = ""
        self._lines = Gathered(source)
        self._number = 0
        self._arm = 0
        self._instance = False
        self._waiting: list[tuple[str, int]] = []

    def gathered(self) -> Gathered:
        self._lines.path = clean(posixpath.join(self.folder, self.source))
        return self._lines

    def take(self, raw: bytes) -> None:
        if raw == _RULE:
            self._instance = False
        elif row := _ROW.fullmatch(raw):
            self._take_row(row[1], int(row[2]), row[3])
        elif called := _CALLED.match(raw):
            self._waiting.append((clean(called[1].decode("utf-8", "surrogateescape")), int(called[2])))
        elif branch := _BRANCH.match(raw):
            hits = int(branch[1] or 0)
            if self._number:
                self._lines.add_arm(self._number, self._arm, min(hits, 1) if branch[2] else hits)
            self._arm += 1
        elif _SHORT.match(raw):
            raise ValueError("counts like 1.5k are rounded: run gcov without --human-readable")
        elif raw.endswith(b":") and not raw.startswith(b" "):
            self._instance = True
        elif raw and not (_BLOCK.match(raw) or _OTHER.match(raw)):
            raise ValueError(f"{clean(raw[:40].decode('utf-8', 'replace'))!r} where a line of gcov belongs")

    def _take_row(self, told: bytes, number: int, text: bytes) -> None:
        if not number:
            header = _HEADER.fullmatch(text)
            if header and header[1] == b"Working directory":
                self.folder = header[2].decode("utf-8", "surrogateescape")
            return
        self._number, self._arm = number, 0
        for name, hits in self._waiting:
            self._lines.add_function(name, number, None, hits)
        self._waiting.clear()
        if told != b"-" and not self._instance:
            self._lines.add_line(number, 0 if told[:1] in b"#=" else int(told.rstrip(b"*")))


def texts(data: bytes, name: str) -> Iterator[Gathered]:
    """What each of the texts in `data`, which may be several after each other, tells. FormatError with the line."""
    current: _Text | None = None
    number = 0
    try:
        for raw in data.split(b"\n"):
            number += 1
            row = _ROW.fullmatch(raw.rstrip(b"\r"))
            if row and row[1] == b"-" and not int(row[2]) and row[3].startswith(b"Source:"):
                if current is not None:
                    yield current.gathered()
                current = _Text(row[3][7:].decode("utf-8", "surrogateescape"))
            elif current is not None:
                current.take(raw.rstrip(b"\r"))
    except ValueError as error:
        raise FormatError(str(error), path=name, line=number) from None
    if current is not None:
        yield current.gathered()
