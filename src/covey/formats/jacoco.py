"""JaCoCo's XML report (report.dtd 1.1), of its Maven, Gradle and Ant parts and its command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from covey.formats.base import Input, Place, Sources
from covey.formats.xmlroot import root_of
from covey.model.merge import merge, merge_files
from covey.model.report import FileCoverage, Report

if TYPE_CHECKING:
    from covey.formats.jacocodocument import Name

# Where a module of Maven, Gradle or sbt keeps what it compiles.
_ROOTS = ("src/main/java", "src/main/kotlin", "src/main/scala", "src/main/groovy", "src")


class Jacoco:
    name = "jacoco"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        root = root_of(head)
        if root is None or root.tag != "report":
            return False
        return "JACOCO" in root.doctype or root.child in ("sessioninfo", "group", "package")

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Mode "set": a line ran when one of its instructions did. Branches as anonymous arms; methods as functions, by
        class, name and descriptor, that ran when JaCoCo's METHOD counter says so."""
        reports = [self._read(file, sources) for file in files]
        return reports[0] if len(reports) == 1 else merge(reports)

    def _read(self, file: Input, sources: Sources) -> Report:
        from covey.formats import xmlreading
        from covey.formats.jacocodocument import Document

        found = Document()
        origin = xmlreading.read(file, found.elements, self.name)
        names = Counter(name[1:] for name in found.files)
        notes: dict[str, None] = {}
        built: dict[str, FileCoverage] = {}
        for name in list(found.files):
            place = _place(name, names, sources)
            read = found.files.pop(name).file(place.path)  # so that the file is not held twice
            built[place.path] = merge_files(built[place.path], read, "max") if place.path in built else read
            if sources.root and not place.mapped:
                notes[f"without a place in the repository: {place.path} ({place.why})"] = None
        if found.nowhere:
            notes[f"{file.name}: {found.nowhere} classes do not tell their source file; they are not counted"] = None
        return Report.of(built.values(), [replace(origin, collected_at=found.when)], notes=notes)

    def write(self, report: Report, out: BinaryIO) -> None:
        """One package a folder; a line is one instruction."""
        from covey.formats.jacocoout import pieces

        for piece in pieces(report):
            out.write(piece.encode())

    def complete(self, report: Report, sources: Sources) -> Report:  # noqa: ARG002 - the tool that wrote it knew
        return report


FORMAT = Jacoco()


def _place(name: Name, names: Mapping[tuple[str, str], int], sources: Sources) -> Place:
    """Where a package's source file lies. That of a group, which is a module of a larger build, is looked up in the
    folder of that name too; where modules share a name and nothing tells the files apart, the group stays before it."""
    groups, package, source = name
    recorded = f"{package}/{source}" if package else source
    place = sources.locate_under(_ROOTS, recorded)
    if not groups:
        return place
    within = sources.locate_under([f"{groups[-1]}/{root}" for root in _ROOTS], recorded)
    if within.mapped or place.mapped:
        return within if within.mapped else sources.locate_under(_ROOTS, recorded)
    if names[package, source] == 1:
        return place
    return replace(sources.locate("/".join((*groups, recorded))), why=place.why)
