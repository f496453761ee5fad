"""What the environment asks of the agent. Read once, at start; a value that cannot be read is named and ignored.

| variable | meaning | default |
| --- | --- | --- |
| `COVEY_AGENT` | `1` switches activation by environment on | off |
| `COVERAGE_PORT` | first port the helper tries | 9095 |
| `COVEY_AGENT_SOURCE` | folders, packages or modules to record, separated by `:` or `,` | the application |
| `COVEY_AGENT_OMIT` | globs of paths not to record, separated likewise (`*` crosses `/`) | none |
| `COVEY_AGENT_SPOOL` | root of the spool | `/dev/shm/covey`, else a temporary folder |
| `COVEY_AGENT_SPOOL_MAX` | bytes of a folder's segments (`k`, `m`, `g`); cached code has as much again | 16m |
| `COVEY_AGENT_TOKEN_FILE` | file with the token that the helper wants | none |
| `COVEY_AGENT_BIND` | address the helper binds; another than loopback requires a token | 127.0.0.1 |
| `COVEY_AGENT_CORE` | `monitoring`, `probes` or `ctrace` | the best there is |
"""

from __future__ import annotations

import os
import sys

DEFAULT_PORT = 9095
DEFAULT_SPOOL_MAX = 16 << 20
SMALLEST_SPOOL_MAX = 64 << 10
CORES = ("monitoring", "probes", "ctrace")
_UNITS = {"k": 10, "m": 20, "g": 30}


class Settings:
    """port: int; source, omit: tuples of text; spool: text or ""; spool_max: bytes; token_file, bind, core: text.

    `problems` lists, for people, what was set and could not be understood."""

    __slots__ = ("bind", "core", "omit", "port", "problems", "source", "spool", "spool_max", "token_file")

    def __init__(self, environ) -> None:
        self.problems = []
        self.port = self._read(environ, "COVERAGE_PORT", DEFAULT_PORT, _port)
        self.source = _several(environ.get("COVEY_AGENT_SOURCE", ""))
        self.omit = _several(environ.get("COVEY_AGENT_OMIT", ""))
        self.spool = environ.get("COVEY_AGENT_SPOOL", "")
        self.spool_max = self._read(environ, "COVEY_AGENT_SPOOL_MAX", DEFAULT_SPOOL_MAX, _size)
        self.token_file = environ.get("COVEY_AGENT_TOKEN_FILE", "")
        self.bind = environ.get("COVEY_AGENT_BIND", "") or "127.0.0.1"
        self.core = self._read(environ, "COVEY_AGENT_CORE", best_core(), _core)

    def _read(self, environ, name, default, understand):
        text = environ.get(name, "").strip()
        if not text:
            return default
        try:
            return understand(text)
        except ValueError as error:
            self.problems.append(f"{name}={text[:80]!r}: {error}; using {default}")
            return default


def read(environ=os.environ) -> Settings:
    """The settings of this process."""
    return Settings(environ)


def best_core() -> str:
    """`monitoring` where the interpreter has `sys.monitoring` (3.12 and later), else `probes`."""
    return "monitoring" if hasattr(sys, "monitoring") else "probes"


def _several(text):
    # An address like C:\ cannot occur: agents run on Linux.
    return tuple(part.strip() for part in text.replace(",", os.pathsep).split(os.pathsep) if part.strip())


def _port(text):
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError("not a port")
    return port


def _size(text):
    shift = _UNITS.get(text[-1].lower(), 0)
    size = int(text[:-1] if shift else text) << shift
    if size < SMALLEST_SPOOL_MAX:
        raise ValueError("less than 64k")
    return size


def _core(text):
    if text not in CORES:
        raise ValueError("not one of " + ", ".join(CORES))
    if text == "monitoring" and best_core() != "monitoring":
        raise ValueError("needs Python 3.12")
    return text
