"""What V8 tells of the code it ran: NODE_V8_COVERAGE files (c8's raw data), and the inspector's result array."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from covey.errors import FormatError
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import MOST_BYTES, collector_off, provenance
from covey.loops import v8 as loops
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Report

_BEGINS = re.compile(
    rb'\s*(?:\{\s*(?:"timestamp"\s*:\s*[0-9.]+\s*,\s*)?"result"\s*:\s*)?\[\s*'
    rb'(?:\{\s*"(?:scriptId|url)"\s*:\s*"|\]\s*[,}])'
)
_INSIDE = re.compile(rb'"(?:functions|source)"\s*:')
MOST_RANGES = 20_000_000


class _Range(msgspec.Struct, gc=False):
    startOffset: int  # noqa: N815 - the inspector's names, here and below
    endOffset: int  # noqa: N815
    count: int


class _Function(msgspec.Struct, gc=False):
    ranges: list[_Range]
    functionName: str = ""  # noqa: N815
    isBlockCoverage: bool = False  # noqa: N815


class _Script(msgspec.Struct):
    functions: msgspec.Raw  # of Node's own scripts, which are most, they are never decoded
    url: str = ""
    source: str | None = None


class _Kept(msgspec.Struct):
    """What Node kept of a source map: `lineLengths` are those of the text that it compiled."""

    lineLengths: list[int] | None = None  # noqa: N815
    data: msgspec.Raw = msgspec.Raw(b"null")
    url: str | None = None


class _Process(msgspec.Struct):
    result: list[_Script]
    maps: dict[str, _Kept] = msgspec.field(name="source-map-cache", default_factory=dict)


@dataclass
class Script:
    """One script of one or several processes. `source`: its text, where it was recorded; `lengths`: of its lines;
    `map`: its source map, JSON, and `map_url` where that was. `file`: the first that told of it."""

    url: str
    path: str
    file: str
    functions: loops.Functions = field(default_factory=loops.Functions)
    source: str | None = None
    lengths: list[int] | None = None
    map: bytes | None = None
    map_url: str = ""


class V8(Format):
    name = "v8"
    unites = "files"  # a range that one process has and another has not can only be told from both
    only_read = "write Istanbul's JSON instead: --format istanbul"  # offsets in texts cannot be made of lines

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        begins = _BEGINS.match(head)
        return begins is not None and (begins[0][-1:] in b",}" or _INSIDE.search(head) is not None)

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """Lines, the ranges of V8 as branches, named functions, mode "count", as c8 counts them.

        Processes are summed range by range before anything is judged. Node's own scripts, node_modules and scripts that
        are no files count for nothing; nor does, in a checkout, what is not of it.
        """
        from covey.formats.v8scripts import Finder

        scripts: dict[str, Script] = {}
        origins: list[Provenance] = []
        for file in files:
            data = file.read(MOST_BYTES)
            origins.append(provenance(file, data, self.name))
            _gather(data, scripts, file.name)
        finder = Finder(sources)
        with collector_off():
            found: Mapping[str, FileCoverage] = finder.coverage(scripts.values())
        return Report.of(found.values(), origins, notes=finder.notes())


FORMAT = V8()
_processes = msgspec.json.Decoder(_Process)
_results = msgspec.json.Decoder(list[_Script])
_functions = msgspec.json.Decoder(list[_Function])


def _gather(data: bytes, scripts: dict[str, Script], file: str) -> None:
    """Add what one file tells to what is known of each script."""
    from covey.formats.v8scripts import path_of

    try:
        with collector_off():
            whole = data.lstrip()[:1] == b"{"
            process = _processes.decode(data) if whole else _Process(_results.decode(data))
            for entry in process.result:
                path = path_of(entry.url)
                if path is None:
                    continue
                script = scripts.setdefault(entry.url, Script(entry.url, path, file))
                script.source = entry.source if script.source is None else script.source
                _add_functions(script, entry.functions)
            for url, kept in process.maps.items():
                if url in scripts:
                    _add_map(scripts[url], kept)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"no coverage of V8: {error}", path=file, hint="is it cut off?") from None


def _add_functions(script: Script, raw: msgspec.Raw) -> None:
    for one in _functions.decode(raw):
        ranges = list(_checked(one.ranges))
        if not ranges:
            raise ValueError(f"{script.url}: a function without a range")
        script.functions.add(one.functionName, ranges, one.isBlockCoverage)
        if script.functions.size > MOST_RANGES:
            raise ValueError(f"{script.url}: more than {MOST_RANGES} ranges")


def _checked(ranges: Sequence[_Range]) -> Iterator[loops.Range]:
    for one in ranges:
        if not 0 <= one.startOffset <= one.endOffset < 2**31:
            raise ValueError(f"{one.startOffset} to {one.endOffset} is no range")
        if one.count < 0:
            raise ValueError(f"{one.count} hits: less than none")
        yield one.startOffset, one.endOffset, one.count


def _add_map(script: Script, kept: _Kept) -> None:
    if bytes(kept.data) != b"null":
        script.map = bytes(kept.data)
        script.map_url = kept.url or ""
        script.lengths = kept.lineLengths
