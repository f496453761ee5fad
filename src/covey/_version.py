"""The version, a constant: asking package metadata costs more than all the rest of `covey --version`."""

from __future__ import annotations

VERSION = "0.1.0"
