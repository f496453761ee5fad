"""covey's agent for Python: records which lines a process ran into a shared mapped file (a *segment*).

Standard library only, CPython 3.9 and later. Nothing here may change what the application does: an error of the
agent costs the agent's data, never the application's behaviour.
"""

from __future__ import annotations

VERSION = "0.1.0"
WIRE = "python/1"
