"""The native report, covey.report/1: what `--format json` prints and every verb reads back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import compress
from itertools import count as naturals
from typing import Any, BinaryIO, Literal

import msgspec

from covey.errors import FormatError
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import MOST_BYTES, MOST_NAMED, check_hits, collector_off, line_of, utc
from covey.loops.blocks import WIDTH
from covey.loops.bounds import LAST_LINE
from covey.model.blocks import Block, Blocks, LinesBy
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.merge import merge
from covey.model.outside import fit
from covey.model.provenance import CaptureId, Provenance
from covey.model.ranges import bit_set, counted, to_ranges
from covey.model.ratio import Ratio, Totals
from covey.model.report import FileCoverage, Key, Report, is_relative, marks

SCHEMA = "covey.report/1"
MOST_REPEATED = 1_000_000  # statements that have no place of their own: Istanbul's writer writes each
MOST_SLICED = 100_000_000  # lines over all slices
_NAMES_IT = re.compile(rb'\s*\{\s*"schema"\s*:\s*"covey\.report/')


class _File(msgspec.Struct):
    mode: Literal["count", "set"] = "count"
    lines: dict[int, int] = {}
    branches: dict[int, dict[str, int]] = {}
    functions: list[tuple[str, int, int | None, int]] = []
    blocks: list[tuple[int, int, int, int, int, int]] | Literal["conflict"] | None = None
    lines_by: LinesBy = ""
    source_hash: str | None = None
    inexact: list[str] = []


class _Report(msgspec.Struct):
    files: dict[str, _File]
    sources: list[dict[str, Any]] = []
    slices: dict[str, dict[str, str]] = {}
    notes: list[str] = []


class _Sources(msgspec.Struct):
    sources: list[dict[str, Any]] = []


class _Schema(msgspec.Struct):
    schema: str = ""


class Native(Format):
    name = "native"

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _NAMES_IT.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:  # noqa: ARG002 - its paths are the repository's
        """The report as it was written; several files are merged by sum."""
        reports = [_read(file, file.read(MOST_BYTES)) for file in files]
        return reports[0] if len(reports) == 1 else merge(reports)

    def origins(self, file: Input) -> list[Provenance]:
        """The sources alone; FormatError where they are damaged."""
        try:
            return [
                _origin(entry, file.name) for entry in msgspec.json.decode(file.read(MOST_BYTES), type=_Sources).sources
            ]
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise FormatError(f"damaged report: {error}", path=file.name) from None

    def write(self, report: Report, out: BinaryIO) -> None:
        """One line a file, so that two reports can be compared with the usual tools."""
        encode = msgspec.json.Encoder().encode
        head = [("schema", SCHEMA), ("sources", list(map(_source, report.sources))), ("totals", _totals(report.totals))]
        out.write(b"{" + b",\n".join(encode(name) + b": " + encode(value) for name, value in head))
        _write_map(out, "files", ((_name(key), _file(file)) for key, file in report.files.items()), encode)
        _write_map(out, "slices", ((fit(name), _slice(report.slices[name])) for name in sorted(report.slices)), encode)
        out.write(b',\n"notes": ' + encode([*map(fit, report.notes)]) + b"}\n")


FORMAT = Native()


def _write_map(
    out: BinaryIO, name: str, items: Iterable[tuple[str, object]], encode: Callable[[object], bytes]
) -> None:
    out.write(b",\n" + encode(name) + b": {")
    separator = b"\n"
    for key, value in items:
        out.write(separator + encode(key) + b": " + encode(value))
        separator = b",\n"
    out.write(b"}")


def _name(key: Key) -> str:
    """A file of a second repository is keyed repository//path; no path has "//" in it."""
    repository, path = key
    return path if repository is None else f"{repository}//{path}"


def _key(name: str) -> Key:
    repository, separator, path = name.rpartition("//")
    return (repository, path) if separator else (None, path)


def _totals(totals: Totals) -> dict[str, dict[str, float | None]]:
    def shown(ratio: Ratio) -> dict[str, float | None]:
        return {"covered": ratio.covered, "total": ratio.total, "percent": ratio.percent}

    return {field.name: shown(getattr(totals, field.name)) for field in fields(totals)}


def _file(file: FileCoverage) -> dict[str, object]:
    """What the file has; an absent part is left out."""
    parts: dict[str, object] = {
        "lines": dict(file.lines.items()),
        "branches": {line: {arm.key: arm.hits for arm in arms} for line, arms in file.branches.by_line().items()},
        "functions": list(file.functions),
        "source_hash": file.source_hash,
        "inexact": sorted(file.inexact),
    }
    entry: dict[str, object] = {"mode": file.mode, "totals": _totals(file.totals)}
    entry |= {name: value for name, value in parts.items() if value}
    if isinstance(file.blocks, Blocks):
        entry["blocks"] = list(file.blocks)
        entry |= {"lines_by": file.blocks.lines_by} if file.blocks.lines_by else {}
    elif file.blocks:
        entry["blocks"] = file.blocks
    return entry


def _slice(by_file: Mapping[Key, int]) -> dict[str, str]:
    return {_name(key): to_ranges(compress(naturals(), marks(by_file[key]))) for key in sorted(by_file, key=_name)}


def _source(source: Provenance) -> dict[str, object]:
    """What is known of a source; the rest is left out."""
    known = {field.name: getattr(source, field.name) for field in fields(source) if field.name != "report"}
    if source.capture:
        default = CaptureId()
        known["capture"] = {
            field.name: getattr(source.capture, field.name)
            for field in fields(default)
            if getattr(source.capture, field.name) != getattr(default, field.name)
        }
    return {name: value for name, value in known.items() if value not in ("", None)}


def _read(file: Input, data: bytes) -> Report:
    try:
        with collector_off():
            schema = msgspec.json.decode(data, type=_Schema).schema
            if schema != SCHEMA:
                hint = "a newer covey reads it" if schema.startswith("covey.report/") else ""
                raise FormatError(f"schema {schema[:60]!r}, not {SCHEMA!r}", path=file.name, hint=hint)
            raw = msgspec.json.decode(data, type=_Report)
        files = [_coverage(name, entry, file.name) for name, entry in raw.files.items()]
        blocks = [one.blocks for one in files if isinstance(one.blocks, Blocks) and one.blocks.lines_by]
        reached = sum(one.spanned for one in blocks)
        if reached > MOST_NAMED + len(data):
            raise ValueError(f"blocks that reach over {reached} lines")
        counts = [one.layout[4::WIDTH] for one in blocks if one.lines_by == "start"]
        repeated = sum(sum(one) - len(one) + one.count(0) for one in counts)
        if repeated > MOST_REPEATED:
            raise ValueError(f"{repeated} statements in the places of others")
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        origins = [replace(_origin(entry, file.name), report=digest) for entry in raw.sources]
        return Report.of(files, origins, _slices(raw.slices), raw.notes)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FormatError(f"damaged report: {error}", path=file.name) from None


def _coverage(name: str, entry: _File, file: str) -> FileCoverage:
    repository, path = _key(name)
    lines = {line_of(line): check_hits(hits, file) for line, hits in entry.lines.items()}
    arms = [
        Arm(line_of(line), key, check_hits(hits, file))
        for line, by_key in entry.branches.items()
        for key, hits in by_key.items()
    ]
    found = [
        Function(title, line_of(first), last and line_of(last), check_hits(hits, file))
        for title, first, last, hits in entry.functions
    ]
    blocks: Blocks | Literal["conflict"] | None = None
    if entry.blocks is not None:
        blocks = "conflict"
        if isinstance(entry.blocks, list):
            blocks = Blocks.of((_block(row, file) for row in entry.blocks), entry.lines_by)
    return FileCoverage(
        path,
        Lines.of(lines),
        Branches.of(arms),
        Functions.of(found),
        blocks,
        entry.mode,
        repository,
        entry.source_hash,
        frozenset(entry.inexact),
    )


def _block(row: tuple[int, int, int, int, int, int], file: str) -> Block:
    line_of(row[0])
    line_of(row[2])
    check_hits(row[4], file)
    return Block(*row[:5], check_hits(row[5], file))


def _origin(entry: Mapping[str, Any], file: str) -> Provenance:
    """A source; members that this version does not know are left out."""
    known = {field.name: entry[field.name] for field in fields(Provenance) if field.name in entry}
    capture, when = known.pop("capture", None), known.pop("collected_at", None)
    if any(not isinstance(value, str) for value in known.values()):
        raise ValueError("a source's members are text")
    source = Provenance(**known)
    if capture is not None:
        source = replace(source, capture=msgspec.convert(capture, CaptureId))
    return replace(source, collected_at=utc(when, file)) if when is not None else source


def _slices(raw: Mapping[str, Mapping[str, str]]) -> dict[str, dict[Key, int]]:
    left = MOST_SLICED
    slices: dict[str, dict[Key, int]] = {}
    for name, by_file in raw.items():
        slices[name] = {}
        for path, ranges in by_file.items():
            count, last = counted(ranges, LAST_LINE)
            left -= count + (last >> 3)
            if left < 0:
                raise ValueError(f"slices of more than {MOST_SLICED} lines")
            repository, relative = _key(path)
            if not is_relative(relative):
                raise ValueError(f"not a repository-relative path: {relative!r}")
            slices[name][repository, relative] = bit_set(ranges, LAST_LINE)
    return slices
