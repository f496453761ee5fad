"""What a legacy agent's bytes are, told by the bytes alone: never by the key they came under, never by a sent name.

Three of the four legacy languages use one key for two contents, and their file names come from the process under test:
every name is made here, from the bytes and from numbers.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from covey.errors import AgentGarbled

META, COUNTERS = b"\x00cvm", b"\x00cwm"  # Go: internal/coverage/defs.go
SQLITE = b"SQLite format 3\x00"
# LLVM's INSTR_PROF_RAW_MAGIC, 64 and 32 bits, in both byte orders
PROFRAW = tuple(magic[::step] for magic in (b"\xfflprofr\x81", b"\xfflprofR\x81") for step in (1, -1))
_STEP = 2**20


@dataclass(frozen=True, slots=True)
class Decoded:
    """format: the name of the format that reads the files. delta: the agent forgets what it has given."""

    format: str
    files: Mapping[str, bytes]
    delta: bool = False


def one(data: bytes, pid: int, limit: int) -> Decoded:
    """A single content: coverage.py's dump or database, Istanbul's JSON, LLVM's raw profile.

    pid: as the identity headers give it, 0 when unknown. limit: bytes that a dump may unfold to. AgentGarbled for
    anything else.
    """
    if data.startswith(b"z"):
        _check_dump(data, limit)
        return Decoded("coveragepy", {"coverage.dump": data})
    if data.startswith(SQLITE):
        return Decoded("coveragepy", {"coverage.sqlite": data})
    if data.lstrip()[:1] == b"{":
        return Decoded("istanbul", {"coverage-final.json": data}, delta=True)
    if data.startswith(PROFRAW):
        return Decoded("llvm", {f"coverage-{pid}.profraw": data})
    raise AgentGarbled(f"the coverage it sends is of no known format: it begins with {data[:8].hex(' ')}")


def go(meta: bytes, counters: bytes, sent_name: str, pid: int) -> Decoded:
    """Go's pair of files, named as the runtime names them: by the hash in the bytes, the process and the time.

    sent_name: the counters' name as sent; only its two numbers are used. AgentGarbled when the two do not belong
    together.
    """
    if not meta.startswith(META) or len(meta) < 40:
        raise AgentGarbled("the Go meta-data it sends is none: its magic number or length is wrong")
    if not counters.startswith(COUNTERS) or len(counters) < 24:
        raise AgentGarbled("the Go counters it sends are none: their magic number or length is wrong")
    digest, other = meta[24:40], counters[8:24]
    if digest != other:
        raise AgentGarbled("the Go counters it sends belong to another binary than its meta-data")
    numbers = re.fullmatch(r"covcounters\.[0-9a-f]{1,64}\.(\d{1,10})\.(\d{1,20})", sent_name)
    process, nanoseconds = numbers.groups() if numbers else (str(pid), "0")
    name = digest.hex()
    return Decoded(
        "gocovdata",
        {f"covmeta.{name}": meta, f"covcounters.{name}.{int(process)}.{int(nanoseconds)}": counters},
    )


def _check_dump(data: bytes, limit: int) -> None:
    """Unfold a dump piece by piece, keeping nothing: a small one can hold gigabytes."""
    unfold = zlib.decompressobj()
    size, rest = 0, data[1:]
    try:
        while not unfold.eof:
            got = len(unfold.decompress(rest, _STEP))
            size, rest = size + got, unfold.unconsumed_tail
            if not got and not rest:
                break
            if size > limit:
                raise AgentGarbled(
                    f"the coverage it sends unfolds to more than {limit} bytes", hint="this is no honest agent"
                )
    except zlib.error as error:
        raise AgentGarbled(f"the coverage it sends is a damaged dump: {error}") from None
    if not unfold.eof:
        raise AgentGarbled("the coverage it sends is a dump that ends too early")
