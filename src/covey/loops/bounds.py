"""The greatest numbers that any report holds."""

from __future__ import annotations

LAST_LINE = 10_000_000  # a bit set of many more lines would be a way to fill the memory with few bytes
MOST_HITS = 2**63 - 1  # hits saturate here: columns hold signed numbers of 64 bits
