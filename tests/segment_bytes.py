"""Segments made by hand, byte by byte, for what no writer would write."""

from __future__ import annotations

import struct

import agent_runs

layout = agent_runs.agent_module("segment")
BOOT = bytes(range(16))


def header(end: int, pid: int = 7, core: int = 1, flags: int = 0) -> bytes:
    head = bytearray(layout.HEADER_SIZE)
    struct.pack_into("<8sIIQ16sdHH4xQII", head, 0, b"COVEYSG1", pid, 0, 99, BOOT, 1.5, core, flags, end, 0, 0)
    struct.pack_into("<H5s", head, layout.PROGRAM, 5, b"app.p")
    struct.pack_into("<H4s", head, layout.WAKE, 4, b"\0abc")
    return bytes(head)


def record(path: bytes, now: bytes, before: bytes, flags: int = 0, digest: bytes = b"\7" * 32) -> bytes:
    lines = len(now) - 1 if now else 0
    padded = path.ljust(-(-len(path) // 8) * 8, b"\0")
    planes = now + before
    size = layout.record_size(len(path), lines)
    head = struct.pack("<II32sHH4x", size, lines, digest, len(path), flags)
    return (head + padded + planes).ljust(size, b"\0")


def segment(*records: bytes, **more) -> bytes:
    data = b"".join(records)
    return header(layout.HEADER_SIZE + len(data), **more) + data
