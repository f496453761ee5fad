"""What covey's own Python agent gives: `capture.json`, schema covey.capture/1 (docs/reference/wire.md)."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace

import msgspec

from covey.errors import FormatError
from covey.formats.base import Format, Input, Sources
from covey.formats.intake import clean, collector_off, provenance, utc
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import Report

SCHEMA = "covey.capture/1"
MOST_BYTES = 256 << 20
_NAMES_IT = re.compile(rb'\s*\{\s*"schema"\s*:\s*"covey\.capture/')


class File(msgspec.Struct):
    lines: str
    source_hash: str | None = None


class Process(msgspec.Struct):
    pid: int
    files: dict[str, File]
    started: str = ""
    epoch: int = 0
    complete: bool = True


class Source(msgspec.Struct):
    executable: str = ""


class Window(msgspec.Struct):
    name: str
    files: dict[str, str]


class Capture(msgspec.Struct):
    """The parts of a capture that are read; others may be there."""

    processes: list[Process]
    boot_id: str = ""
    captured_at: str = ""
    sources: dict[str, Source] = {}
    windows: list[Window] = []
    not_recorded: list[str] = []
    warnings: list[str] = []


class Segments(Format):
    """Reads only: an agent's segments cannot be made from a report."""

    name = "segments"
    only_read = "write covey's report: --format json"  # what an agent recorded cannot be made from a report

    def sniff(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - the content decides
        return _NAMES_IT.match(head) is not None

    def read(self, files: Sequence[Input], sources: Sources) -> Report:
        """The union over all processes of all files, mode "set", and a slice "test:NAME" for each closed window."""
        from covey.formats.recorded import Captured

        recorded = Captured(sources, files[0].name if files else "")
        origins: list[Provenance] = []
        for file in files:
            data = file.read(MOST_BYTES)
            capture = decode(file.name, data)
            recorded.take(file.name, capture)
            origins += _origins(capture, replace(provenance(file, data, self.name), agent="python"))
        return recorded.report(origins)

    def complete(self, report: Report, sources: Sources) -> Report:
        from covey.formats.pyfiles import complete

        return complete(report, sources)


FORMAT = Segments()


def decode(name: str, data: bytes) -> Capture:
    """The checked content; FormatError when it is damaged or of another major version."""
    try:
        with collector_off():
            raw = json.loads(data)
        schema = raw.get("schema") if isinstance(raw, dict) else None
        if schema != SCHEMA:
            hint = "a newer covey reads it" if str(schema).startswith("covey.capture/") else ""
            raise FormatError(f"schema {str(schema)[:60]!r}, not {SCHEMA!r}", path=name, hint=hint)
        return msgspec.convert(raw, Capture)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise FormatError(f"damaged capture: {error}", path=name) from None


def _origins(capture: Capture, source: Provenance) -> list[Provenance]:
    """One a process: each is a cumulative recording of its own."""
    with contextlib.suppress(FormatError):  # a capture is worth more than its time
        source = replace(source, collected_at=utc(capture.captured_at, source.path))
    return [
        replace(
            source,
            capture=CaptureId(
                "", "", 0, clean(capture.boot_id)[:64], process.pid, clean(process.started)[:64], process.epoch
            ),
        )
        for process in capture.processes
    ] or [source]
