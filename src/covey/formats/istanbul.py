"""Istanbul's coverage JSON: what nyc, jest, vitest, karma, Cypress, c8 and covey's own writer make."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from covey.errors import FormatError
from covey.formats import istanbulmaps as maps
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import MOST_BYTES, Merging, clean, collector_off, provenance
from covey.loops import istanbul as loops
from covey.model.blocks import Blocks
from covey.model.counted import Branches, Functions
from covey.model.report import FileCoverage, Report

_BEGINS = re.compile(
    rb'\s*\{\s*"(?:[^"\\]|\\.)*+"\s*:\s*\{\s*'
    rb'(?:"path"\s*:\s*"|"all"\s*:\s*(?:true|false)|"(?:statementMap|branchMap|fnMap|s|b|f)"\s*:\s*\{)'
)
_MOST_KEPT = 64 << 20  # bytes of maps that are remembered from one file to the next


class Istanbul(Format):
    name = "istanbul"
    loses = frozenset({"parts"})

    def __init__(self) -> None:
        self._shapes: dict[str, list[maps.Shape]] = {}  # saves decoding what the shard before said in the same bytes
        self._kept = 0

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _BEGINS.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Statements as blocks (lines follow from where they begin), branches and functions, mode "count".

        Files of one place are merged; one that nothing loaded (`"all": true`) gives way to one that ran.
        """
        found, waiting = Merging(relaxed=True), Merging(relaxed=True)
        origins = []
        for file in files:
            data = file.read(MOST_BYTES)
            origins.append(provenance(file, data, self.name))
            for recorded, via, entry in _entries(data, file.name):
                place = sources.locate(clean(recorded), via=via)
                (waiting if entry.all else found).add(self._coverage(place.path, entry, file.name))
        both = [*waiting.files(), *found.files()]
        notes = dict.fromkeys(
            f"{one.path} is told of twice, with other statements: only which lines ran is kept"
            for one in both
            if one.blocks == "conflict"
        )
        return Report.of({one.path: one for one in both}.values(), origins, notes=notes)

    def _coverage(self, path: str, entry: maps.Entry, file: str) -> FileCoverage:
        try:
            shape = self._shape(path, entry)
            statements = maps.hits_of(entry.s, shape.statement_keys, "statements")
            functions = maps.hits_of(entry.f, shape.function_keys, "functions")
            arms = maps.arm_hits(entry.b, shape.branch_keys)
            return FileCoverage(
                path,
                branches=Branches(shape.lines, shape.arm_keys, array("q", map(arms.__getitem__, shape.arm_which))),
                functions=Functions(
                    shape.names, shape.firsts, shape.lasts, array("q", map(functions.__getitem__, shape.function_which))
                ),
                blocks=Blocks(shape.layout, array("q", loops.picked(statements, shape.statement_which)), "start"),
                inexact=shape.inexact,
            )
        except (ValueError, OverflowError) as error:
            raise FormatError(f"{path}: {error}", path=file) from None

    def _shape(self, path: str, entry: maps.Entry) -> maps.Shape:
        raws = entry.raws()
        known = self._shapes.get(path, [])
        for at, shape in enumerate(known):
            if shape.raws == raws and shape.arms == list(map(len, entry.b.values())):
                known.insert(0, known.pop(at))
                return shape
        shape = maps.shape_of(raws, entry.b, placeholder=entry.all)
        Blocks(shape.layout, array("q", bytes(len(shape.layout) // 5 * 8))).checked()
        if len(known) > 1:  # the one that other shards had stays, that of another build goes
            self._kept -= sum(map(len, known.pop().raws))
        size = sum(map(len, raws))
        if self._kept + size <= _MOST_KEPT:
            self._kept += size
            self._shapes[path] = [*known, shape]
        return shape

    def write(self, report: Report, out: BinaryIO) -> None:
        """One line a file. A file without blocks of statements gets a statement for each line that counts."""
        from covey.formats import istanbulout

        istanbulout.write(report, out)


FORMAT = Istanbul()


def _entries(data: bytes, file: str) -> Iterator[tuple[str, str, maps.Entry]]:
    """Path, what led to it, entry; of compiled code those of its sources."""
    from covey.formats.istanbulremap import remapped

    try:
        with collector_off():
            found = msgspec.json.decode(data, type=dict[str, maps.Entry])
        for name, entry in found.items():
            recorded = entry.path or name
            for path, source in remapped(entry, recorded):
                yield path, "" if source is entry else f"source map of {recorded}", source
    except (ValueError, RecursionError) as error:
        raise FormatError(f"no Istanbul coverage: {error}", path=file, hint="is it cut off?") from None
