"""Cobertura XML (coverage-04.dtd), as coverage.py, gcovr, Istanbul, coverlet, scoverage and others write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from covey.formats.base import Format, Input, Sources
from covey.formats.intake import Merging
from covey.formats.xmlroot import root_of
from covey.model.report import Report
from covey.model.telling import several_at

_ITS_OWN = frozenset({"line-rate", "branch-rate", "lines-valid", "lines-covered"})


class Cobertura(Format):
    name = "cobertura"
    loses = frozenset({"statements", "parts"})

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        root = root_of(head)
        if root is None or root.tag != "coverage" or root.child in ("project", "testproject"):
            return False
        return not _ITS_OWN.isdisjoint(root.attributes) or root.child in ("sources", "packages")

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines, mode "count"; branches as anonymous arms "?0", for the format only tells how many ran; methods as
        functions. Several classes of one file are one file, where a line that both have ran as often as in either."""
        from covey.formats.xmlreading import joined

        return joined([self._read(file, sources) for file in files])

    def _read(self, file: Input, sources: Sources) -> Report:
        from covey.formats import xmlreading
        from covey.formats.coberturadocument import Document

        found = Document()
        origin = xmlreading.read(file, found.elements, self.name)
        notes: dict[str, None] = {}
        built = Merging("max")
        if found.shared:
            some = ", ".join(list(found.shared)[:3])
            notes[f"{file.name}: there are several <source>, and several files may be {some}; they count as one"] = None
        for filename in list(found.classes):
            place = sources.locate_under(found.roots, filename)
            if place.path in built:
                notes[several_at(file.name, place.path)] = None
            built.add(found.classes.pop(filename).file(place.path))  # so that the file is not held twice
        files = list(built.files())
        missing = found.valid - sum(len(one.lines) for one in files)
        if missing > 0 and len(found.roots) > 1:
            # coverage.py calls files of two <source> the same, and then writes one of them.
            notes[
                f"{file.name}: {missing} of the {found.valid} lines it counts are not in it, as of files that have one "
                "name under several <source>; the tool's JSON or LCOV may have them"
            ] = None
        return Report.of(files, [replace(origin, collected_at=found.when)], notes=notes)

    def write(self, report: Report, out: BinaryIO) -> None:
        """One package a folder, one class a file, one method a function, which has its first line only."""
        from covey.formats.coberturaout import pieces

        for piece in pieces(report):
            out.write(piece.encode())


FORMAT = Cobertura()
