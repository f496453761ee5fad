"""LCOV tracefiles, as geninfo(1) describes them, of lcov 1 and 2 and of the many tools that write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import BinaryIO

from covey.formats.base import Format, Input, Sources
from covey.formats.intake import Merging, clean, flat_paths
from covey.formats.spots import named_once
from covey.loops.lcov import Known
from covey.model.counted import Arm, Branches, Functions, Lines
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Report
from covey.model.telling import many

_STARTS = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?:TN:|SF:|VER:)")
_NUMBER = re.compile(r"[0-9]{1,9}")
IN_BLOCK = re.compile(r"(e?\d+),(.*)", re.DOTALL)  # the key of an arm that tells its block


class Lcov(Format):
    name = "lcov"
    loses = frozenset({"statements", "parts"})

    def __init__(self) -> None:
        self._known = Known()

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _STARTS.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines, branches and functions, mode "count"; sections of one file add up. Test names, checksums and MC/DC
        are passed over; a negative count, which is a known fault of GCC, is none."""
        from covey.formats.lcovread import Reader

        found = Merging()
        origins: list[Provenance] = []
        notes: dict[str, None] = {}
        for file in files:
            reader = Reader(file.name, self._known)
            with file.open() as stream:
                for section in reader.sections(stream):
                    place = sources.locate(section.path)
                    found.add(FileCoverage(place.path, section.lines, section.branches, section.functions))
            if reader.negative:
                told = many(reader.negative, "negative count was", "negative counts were")
                notes[f"{file.name}: {told} taken as 0"] = None
            if reader.conditions:
                told = many(reader.conditions, "MC/DC record was", "MC/DC records were")
                notes[f"{file.name}: {told} passed over"] = None
            digest = f"sha256:{reader.digest.hexdigest()}"
            origins.append(Provenance(format=self.name, path=file.name, digest=digest))
        return Report.of(found.files(), origins, notes=notes)

    def write(self, report: Report, out: BinaryIO) -> None:
        """lcov 1's records, which lcov 2 reads too. Anonymous arms get numbers, last lines of functions are lost."""
        for key, name in flat_paths(report).items():
            file = report.files[key]
            out.write(f"TN:\nSF:{name}\n".encode())
            out.write("".join(_function_records(file.functions)).encode())
            if file.branches:
                out.write("".join(_branch_records(file.branches, file.lines)).encode())
            out.write(_line_records(file.lines))


FORMAT = Lcov()


def _line_records(lines: Lines) -> bytes:
    numbers, hits = lines.numbers, lines.hits
    flat = [0] * (2 * len(numbers))
    flat[0::2], flat[1::2] = numbers, hits
    ratio = lines.ratio
    return b"DA:%d,%d\n" * len(numbers) % tuple(flat) + b"LF:%d\nLH:%d\nend_of_record\n" % (ratio.total, ratio.covered)


def _branch_records(branches: Branches, lines: Lines) -> Iterator[str]:
    """An arm of a line that never ran was never decided upon, so its count is "-"."""
    ran = set(compress(branches.lines, branches.hits))
    ran.update(compress(lines.numbers, lines.hits))
    if branches.anonymous:
        rows = [(arm.line, where, arm.hits) for arms in branches.by_line().values() for where, arm in _numbered(arms)]
    else:
        where_of = {key: _where(key) for key in set(branches.keys)}
        rows = list(zip(branches.lines, map(where_of.__getitem__, branches.keys), branches.hits, strict=True))
    for line, where, hits in rows:
        yield f"BRDA:{line},{where},{hits}\n" if line in ran else f"BRDA:{line},{where},-\n"
    ratio = branches.ratio
    yield f"BRF:{ratio.total}\nBRH:{ratio.covered}\n"


def _function_records(functions: Functions) -> Iterator[str]:
    """A name stands for one function only, so a second one of that name gets its line too, as coverage.py does it."""
    if not functions:
        return
    names = named_once(zip(functions.firsts, map(clean, functions.names), strict=True))
    for name, first, last in zip(names, functions.firsts, functions.lasts, strict=True):
        # lcov 1 has no last line: it would take one for the name, and the name in FNDA for a second function. Only a
        # name that would itself be read as a last line has one before it.
        head, comma, _ = name.partition(",")
        yield f"FN:{first},{last or first},{name}\n" if comma and head.isdigit() else f"FN:{first},{name}\n"
    for name, hits in zip(names, functions.hits, strict=True):
        yield f"FNDA:{hits},{name}\n"
    ratio = functions.ratio
    yield f"FNF:{ratio.total}\nFNH:{ratio.covered}\n"


def _numbered(arms: Sequence[Arm]) -> Iterator[tuple[str, Arm]]:
    """Block and branch of one line's arms; an anonymous one takes its number, or the next that is free."""
    taken = {arm.key for arm in arms}
    for arm in arms:
        key = arm.key
        if key.startswith("?"):
            number = int(key[1:]) if _NUMBER.fullmatch(key[1:]) else 0
            while str(number) in taken:
                number += 1
            key = str(number)
            taken.add(key)
        yield _where(key), arm


def _where(key: str) -> str:
    """Block and branch, as `BRDA` has them, of an arm's key. lcov 1 takes only numbers for a branch."""
    key = key.removeprefix("->").removeprefix("@")
    block = IN_BLOCK.fullmatch(key)
    return f"{block[1]},{clean(block[2])}" if block else f"0,{clean(key)}"
