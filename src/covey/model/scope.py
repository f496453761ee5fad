"""Which files count. What leaves one out, in this order:

    --exclude    a glob that matches it or a folder above it
    --include    where there are any: no glob that does
    attributes   coverage-excluded or linguist-generated of .gitattributes, set or with any value but "false"
    headers      where asked for: Go's "// Code generated ... DO NOT EDIT." or an @generated, in the comment at the top;
                 not where .gitattributes says -linguist-generated

Globs are those of gitignore(5): one without a slash is that of a name anywhere, else it begins at the checkout's root,
and so does one that begins with "./", which git itself has no meaning for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from covey.model.attributes import State
from covey.model.globs import as_bytes, matches_within
from covey.model.report import FileCoverage, Report
from covey.model.telling import files, some

ATTRIBUTES = ("coverage-excluded", "linguist-generated")
_HERE = re.compile(r"^(?:\./+)+")  # as a shell's completion leaves it there
HEAD = 1 << 15  # bytes of a file in which its header is looked for
_GO = re.compile(rb"// Code generated .* DO NOT EDIT\.")  # the Go command's rule (go help generate)
_MARK = re.compile(rb"(?<![\w@.])@generated\b")
_LINE_COMMENT = (b"//", b"#", b"--", b";", b"%")
_BLOCKS = ((b"/*", b"*/"), (b"<!--", b"-->"), (b'"""', b'"""'), (b"'''", b"'''"), (b"{-", b"-}"), (b"(*", b"*)"))


@dataclass(frozen=True)
class Scope:
    """attributes: those of a file, None not to look at them. head: the first HEAD bytes of a file or None where they
    cannot be had; None not to look for headers. tell_idle: whether globs that match no file are told."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    attributes: Callable[[str], Mapping[str, State]] | None = None
    head: Callable[[FileCoverage], bytes | None] | None = None
    tell_idle: bool = False

    def left_out(self, file: FileCoverage) -> str:
        """By what a file is left out, as people are told; "" when it counts."""
        path = as_bytes(file.path)
        if any(matches_within(glob, path) for glob in self._exclude):
            return "--exclude"
        if self.include and not any(matches_within(glob, path) for glob in self._include):
            return "--include"
        given = self.attributes(file.path) if self.attributes and file.repository is None else {}
        for name in ATTRIBUTES:
            if given.get(name, False) not in (False, "false"):
                return f"{name} of .gitattributes"
        if self.head and given.get("linguist-generated") is None and is_generated(file.path, self.head(file) or b""):
            return "its header, which says that it is generated"
        return ""

    @property
    def _exclude(self) -> Iterable[str]:
        return map(_glob, self.exclude)

    @property
    def _include(self) -> Iterable[str]:
        return map(_glob, self.include)

    def _idle(self, report: Report) -> list[str]:
        if not self.tell_idle or not report.files:
            return []
        paths = [as_bytes(file.path) for file in report.files.values()]
        idle = "does not match the only file" if len(paths) == 1 else f"matches none of the {files(len(paths))}"
        return [
            f"{flag} {glob} has no effect: it {idle}"
            for flag, globs in (("--exclude", self.exclude), ("--include", self.include))
            for glob in globs
            if not any(matches_within(_glob(glob), path) for path in paths)
        ]

    def apply(self, report: Report) -> Report:
        """The report without the files that do not count; a note says how many each rule left out."""
        idle = self._idle(report)
        reasons = {key: reason for key, file in report.files.items() if (reason := self.left_out(file))}
        if not reasons:
            return replace(report, notes=(*report.notes, *idle)) if idle else report
        slices = {
            name: {key: bit_set for key, bit_set in by_file.items() if key not in reasons}
            for name, by_file in report.slices.items()
        }
        kept = {key: file for key, file in report.files.items() if key not in reasons}
        by_reason: dict[str, list[str]] = {}
        for (_, path), reason in reasons.items():
            by_reason.setdefault(reason, []).append(path)
        notes = [
            f"not counted by {reason}: {files(len(paths))}: {some(paths)}"
            for reason, paths in sorted(by_reason.items())
        ]
        return replace(report, files=kept, slices=slices, notes=(*report.notes, *notes, *idle))


def _glob(given: str) -> str:
    """A pattern of the user's as `matches_within` takes it."""
    return as_bytes(_HERE.sub("/", given))


def is_generated(path: str, head: bytes) -> bool:
    """Whether the comment at a file's top says that a program wrote it. Go's line counts in Go files only."""
    if b"@generated" not in head and not (path.endswith(".go") and b"// Code generated " in head):
        return False
    is_go = path.endswith(".go")
    return any(_MARK.search(line) or (is_go and _GO.fullmatch(line)) for line in _leading_comment(head))


def _leading_comment(head: bytes) -> Iterable[bytes]:
    """The lines before the first that is neither empty nor comment, by the comments of most languages."""
    end = b""
    for number, raw in enumerate(head.split(b"\n")):
        line = raw.rstrip(b"\r")
        text = line.strip()
        if end:
            yield line
            end = b"" if end in text else end
        elif (block := next((pair for pair in _BLOCKS if text.startswith(pair[0])), None)) is not None:
            yield line
            end = b"" if block[1] in text[len(block[0]) :] else block[1]
        elif text.startswith(_LINE_COMMENT) or (number == 0 and text.startswith((b"<?", b"<!", b"\xef\xbb\xbf"))):
            yield line
        elif text:
            return
