"""Go's binary coverage data, as `go build -cover` programs leave it in GOCOVERDIR, read without Go.

What was built is in covmeta.HASH, what a process counted in covcounters.HASH.PID.TIME; the hash joins them. The layout
is that of the Go source (internal/coverage: defs.go, encodemeta, encodecounter), version 1 of both.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace

from covey.errors import FormatError
from covey.formats.base import Format, Input, Sources
from covey.formats.gocounters import MAGIC as COUNTERS
from covey.formats.gocounters import Process
from covey.formats.gometa import MAGIC as META
from covey.formats.gometa import Build
from covey.formats.gonames import MIXED
from covey.formats.intake import MOST_BYTES, collector_off, provenance
from covey.loops.gocovdata import COUNTER
from covey.model.blocks import Blocks
from covey.model.merge import merge_files
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import FileCoverage, Report
from covey.model.telling import some

_PIECE = 1 << 16  # bytes


class GoCovData(Format):
    """All files of a merge are read at once: what processes of one build counted is added up before it is decoded."""

    name = "gocovdata"
    unites = "folder"
    only_read = "--format gocover writes what Go's tools read"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return head.startswith((META, COUNTERS))

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Blocks and functions (no literals) of every build whose covmeta is there. Counters of a build without one,
        and unfinished files (tmp.*), are told in a note; FormatError when nothing else is there."""
        capture = _Capture(self.name)
        with collector_off():
            for file in files:
                capture.take(file)
            return capture.report(sources)


FORMAT = GoCovData()


class _Capture:
    def __init__(self, name: str) -> None:
        self._format = name
        self._builds: dict[bytes, Build] = {}
        self._processes: dict[bytes, list[Process]] = {}
        self._metas: dict[bytes, Provenance] = {}
        self._sources: dict[object, Provenance] = {}
        self._unfinished: list[str] = []

    def take(self, file: Input) -> None:
        if file.name.rpartition("/")[2].startswith("tmp."):  # Go renames it when it is whole
            self._unfinished.append(file.name)
            return
        if self._is_known(file):
            return
        data = file.read(MOST_BYTES)
        source = provenance(file, data, self._format)
        if data.startswith(META):
            build = Build.parse(file.name, data)
            self._builds.setdefault(build.hash, build)
            self._metas.setdefault(build.hash, source)
            return
        process = Process.parse(file.name, data)
        if isinstance(process.identity, CaptureId):
            source = replace(source, capture=process.identity)
        else:
            process = replace(process, identity=source.digest)
        known = self._sources.setdefault(process.identity, source)
        if known is source:
            self._processes.setdefault(process.hash, []).append(process)
        elif known.digest != source.digest:
            raise FormatError(f"has the name of {known.path} and another content", path=file.name)

    def _is_known(self, file: Input) -> bool:
        """Whether this is the covmeta of a build that is there already, byte by byte: each folder has one, of hundreds
        of kilobytes."""
        if not self._builds or not file.name.rpartition("/")[2].startswith("covmeta."):
            return False
        with file.open() as stream:
            piece = stream.read(_PIECE)
            known = next((one.data for one in self._builds.values() if one.data.startswith(piece)), b"")
            at = 0
            while piece and known[at : at + len(piece)] == piece:
                at += len(piece)
                piece = stream.read(_PIECE)
        return not piece and at == len(known) > 0

    def report(self, sources: Sources) -> Report:
        found: dict[str, FileCoverage] = {}
        origins: list[Provenance] = []
        for hash_, build in self._builds.items():
            processes = self._processes.get(hash_, [])
            for name, file in build.files(processes):
                path = sources.imported(name).path
                one = FileCoverage(path, functions=file.functions, blocks=file.blocks, mode=build.mode)
                found[path] = _both(found[path], one) if path in found else one
            origins += [self._sources[one.identity] for one in processes] or [self._metas[hash_]]
        notes = self._lost()
        if len({build.mode for build in self._builds.values()}) > 1:
            notes.append(MIXED)
        return Report.of(found.values(), origins, notes=notes)

    def _lost(self) -> list[str]:
        """Notes; FormatError when no build is there at all."""
        homeless = {hash_: of_it for hash_, of_it in self._processes.items() if hash_ not in self._builds}
        orphans = [process.path for of_it in homeless.values() for process in of_it]
        if orphans and not self._builds:
            raise FormatError(
                f"counts for covmeta.{next(iter(homeless)).hex()}, which is not here",
                path=orphans[0],
                hint="read the whole folder that GOCOVERDIR named; one covmeta file says what was built",
            )
        notes = [f"counters of builds whose covmeta is not here do not count: {some(orphans)}"] if orphans else []
        still = [self._metas[hash_].path for hash_ in self._builds if hash_ not in self._processes]
        if still:
            notes.append(f"nothing that ran is recorded beside {some(still)}: Go writes counters when a program ends")
        if self._unfinished:
            notes.append(f"unfinished files do not count: {some(self._unfinished)}")
        return notes


def _both(one: FileCoverage, two: FileCoverage) -> FileCoverage:
    """A file that several builds have; counters add up as far as Go adds them."""
    merged = merge_files(one, two)
    blocks = merged.blocks
    if isinstance(blocks, Blocks) and any(hits > COUNTER for hits in blocks.hits):
        most = array("q", [min(hits, COUNTER) for hits in blocks.hits])
        merged = replace(merged, blocks=Blocks(blocks.layout, most, blocks.lines_by))
    return merged
