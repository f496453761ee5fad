"""Clover XML, as OpenClover, PHPUnit and Istanbul write it, each with a meaning of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from covey.formats.base import Format, Input, Sources
from covey.formats.intake import Merging
from covey.formats.xmlroot import root_of
from covey.model.report import Report


class Clover(Format):
    name = "clover"
    loses = frozenset({"statements", "parts"})

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        root = root_of(head)
        if root is None or root.tag != "coverage" or root.child in ("sources", "packages"):
            return False
        return not {"clover", "generated"}.isdisjoint(root.attributes) or root.child in ("project", "testproject")

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines, mode "count"; methods as functions where they are rows; branches by what the row of a condition says
        (see `cloverdocument`). OpenClover's test sources, its `<testproject>`, are left out, as its own totals do."""
        from covey.formats.xmlreading import joined

        return joined([self._read(file, sources) for file in files])

    def _read(self, file: Input, sources: Sources) -> Report:
        from covey.formats import xmlreading
        from covey.formats.cloverdocument import Document

        found = Document()
        origin = xmlreading.read(file, found.elements, self.name)
        built = Merging("max")
        for path in list(found.files):
            built.add(found.files.pop(path).file(sources.locate(path).path))  # so that the file is not held twice
        return Report.of(built.files(), [replace(origin, collected_at=found.when)])

    def write(self, report: Report, out: BinaryIO) -> None:
        """As Istanbul lays it out, with a row for each function before the lines, as PHPUnit and OpenClover have it."""
        from covey.formats.cloverout import pieces

        for piece in pieces(report):
            out.write(piece.encode())


FORMAT = Clover()
