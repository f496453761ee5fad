"""A capture of covey's wire, checked before it becomes part of a bundle.

One process under test must not make a bundle that nobody can read: what a report would refuse costs this target here,
and not all the others later. The bounds are far above what an agent of covey's sends (its reply has at most 64 MiB).
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from covey.errors import AgentGarbled
from covey.loops.bounds import LAST_LINE
from covey.model.outside import clean
from covey.model.ranges import counted

SCHEMA = "covey.capture/1"
MOST_PROCESSES = 10_000
MOST_LINES = 40_000_000  # over all files, a sparse one counting for the bytes of its bit set: what a report reads
# Before anything is built: members of objects, and parts of lists and line ranges.
MOST_SIGNS = {b":": 2_000_000, b",": 8_000_000}

_T = TypeVar("_T", bound=msgspec.Struct)


class File(msgspec.Struct):
    lines: str
    source_hash: str | None = None


class Process(msgspec.Struct):
    pid: int
    started: str
    files: dict[str, File]
    epoch: int = 0
    complete: bool = True
    folded: int = 0


class Source(msgspec.Struct):
    executable: str = ""


class Window(msgspec.Struct):
    name: str
    files: dict[str, str]


class Capture(msgspec.Struct):
    """Of `covey.capture/1`, what is read now or by a report. The rest is kept as it came and not even built."""

    schema: str
    boot_id: str
    processes: list[Process]
    agent: str = "python"
    warnings: list[str] = []
    captured_at: str = ""
    sources: dict[str, Source] = {}
    windows: list[Window] = []
    not_recorded: list[str] = []


def check(body: bytes, port: int) -> Capture:
    """The capture in a reply's body; AgentGarbled for one that no report could read. Takes long where the body is long:
    not for the event loop."""
    for sign, most in MOST_SIGNS.items():
        if body.count(sign) > most:
            raise AgentGarbled(f"the agent on port {port} sends a capture with more than {most} {sign.decode()!r}")
    capture = decode(body, Capture, SCHEMA, port)
    if len(capture.processes) > MOST_PROCESSES:
        raise AgentGarbled(f"the agent on port {port} tells of more than {MOST_PROCESSES} processes")
    _check_lines(capture, port)
    return capture


def _check_lines(capture: Capture, port: int) -> None:
    left = MOST_LINES
    texts = [source.executable for source in capture.sources.values()]
    texts += (file.lines for process in capture.processes for file in process.files.values())
    texts += (lines for window in capture.windows for lines in window.files.values())
    for text in texts:
        try:
            count, last = counted(text, LAST_LINE)
        except ValueError as error:
            raise AgentGarbled(f"the agent on port {port} sends what are no lines: {clean(str(error))[:200]}") from None
        left -= count + (last >> 3)
        if left < 0:
            raise AgentGarbled(f"the agent on port {port} names more than {MOST_LINES} lines")


def decode(body: bytes, kind: type[_T], schema: str, port: int) -> _T:
    """A reply's body as what its schema says; AgentGarbled when it is not."""
    try:
        found = msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AgentGarbled(f"the agent on port {port} sends what is no {schema}: {clean(str(error))[:200]}") from None
    said = getattr(found, "schema", "")
    if said != schema:
        raise AgentGarbled(
            f"the agent on port {port} speaks {clean(said)[:60]!r}, this covey {schema!r}",
            hint="use the same version of covey in the image and here",
        )
    return found
