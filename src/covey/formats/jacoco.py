"""JaCoCo's XML report (report.dtd 1.1), of its Maven, Gradle and Ant parts and its command line."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from covey.formats.base import Format, Input, Place, Sources
from covey.formats.intake import Merging
from covey.formats.xmlroot import root_of
from covey.model.paths import BY_SUFFIX
from covey.model.report import Report
from covey.model.telling import many

if TYPE_CHECKING:
    from covey.formats.jacocodocument import Name

# Where a module of Maven, Gradle or sbt keeps what it compiles.
_ROOTS = ("src/main/java", "src/main/kotlin", "src/main/scala", "src/main/groovy", "src")
_FREE_FOLDERS = re.compile(r"(?:.*/)?src/[^/]+/(?:kotlin|scala|groovy)/(.+)", re.DOTALL)


class Jacoco(Format):
    name = "jacoco"
    loses = frozenset({"statements", "parts"})

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        root = root_of(head)
        if root is None or root.tag != "report":
            return False
        return "JACOCO" in root.doctype or root.child in ("sessioninfo", "group", "package")

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Mode "set": a line ran when one of its instructions did. Branches as anonymous arms; methods as functions, by
        class, name and descriptor, that ran when JaCoCo's METHOD counter says so."""
        from covey.formats.xmlreading import joined

        return joined([self._read(file, sources) for file in files])

    def _read(self, file: Input, sources: Sources) -> Report:
        from covey.formats import xmlreading
        from covey.formats.jacocodocument import Document

        found = Document()
        origin = xmlreading.read(file, found.elements, self.name)
        places = _Places(found.name, found.files, sources)
        notes: dict[str, None] = {}
        built = Merging("max")
        for name in list(found.files):
            built.add(found.files.pop(name).file(places.of(name).path))  # so that the file is not held twice
        if found.nowhere:
            told = many(found.nowhere, "class that does not tell its", "classes that do not tell their")
            notes[f"{file.name}: not counted: {told} source file"] = None
        return Report.of(built.files(), [replace(origin, collected_at=found.when)], notes=notes)

    def write(self, report: Report, out: BinaryIO) -> None:
        """One package a folder; a line is one instruction."""
        from covey.formats.jacocoout import pieces

        for piece in pieces(report):
            out.write(piece.encode())


FORMAT = Jacoco()


class _Places:
    """Where a package's source file lies: under the usual source roots. That of a group, which is a module of a larger
    build, first in the folder of that name; one that several modules have in that of the report's name, for Maven and
    Gradle call a report as its module. Where several groups have such a file, only the folder or a mapping of the
    user's tells whose it is: one without either keeps its group before it, for it may be another module's that lies
    there."""

    def __init__(self, report: str, names: Iterable[Name], sources: Sources) -> None:
        self._report = report
        self._sources = sources
        self._count = Counter(name[1:] for name in names)
        self._by_name: dict[str, dict[str, list[str]]] = {}  # suffix -> base name -> paths

    def of(self, name: Name) -> Place:
        groups, package, source = name
        recorded = f"{package}/{source}" if package else source
        ends = [path for path in self._paths(source) if f"/{path}".endswith(f"/{recorded}")]
        module = groups[-1] if groups else self._report if len(ends) > 1 else ""
        within = [path for path in ends if module in path.removesuffix(recorded).split("/")] if module else []
        if len(within) == 1:
            return self._sources.locate(within[0], via=f"{'group' if groups else 'report'} {module}")
        if not groups or self._count[package, source] == 1:
            return self._sources.locate_under(_ROOTS, recorded, else_at=self._without_common_package(source, recorded))
        grouped = "/".join((*groups, recorded))
        place = self._sources.locate(grouped)
        if place.mapped and place.rule != BY_SUFFIX:
            return place
        return self._sources.nowhere(grouped, "several groups have such a file, and nothing tells which of them it is")

    def _without_common_package(self, source: str, recorded: str) -> str:
        """Kotlin's conventions leave out the folders of the package that all of a module share: "com/acme/shop/Till.kt"
        is src/main/kotlin/shop/Till.kt; Scala and Groovy allow it. "" where no file or several are called so.
        https://kotlinlang.org/docs/coding-conventions.html#directory-structure"""
        behind_root = {path: found[1] for path in self._paths(source) if (found := _FREE_FOLDERS.fullmatch(path))}
        fits = [path for path, name in behind_root.items() if recorded.endswith(f"/{name}")]
        return fits[0] if len(fits) == 1 else ""

    def _paths(self, source: str) -> Sequence[str]:
        suffix = source[source.rfind(".") :]
        if suffix not in self._by_name:
            found: dict[str, list[str]] = {}
            for path in self._sources.listing(suffix):
                found.setdefault(posixpath.basename(path), []).append(path)
            self._by_name[suffix] = found
        return self._by_name[suffix].get(source, ())
