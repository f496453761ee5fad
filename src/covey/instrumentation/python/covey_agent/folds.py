"""What a fold is made of (folding.py): layers, each one segment file, in which each path has one text.

Processes of one container may have loaded different texts of one file, and a process's entry of a capture has one text
a path. So a segment goes into the first layer that it agrees with, and into a new one, of which its process is the
first, when there is none. The last of LAYERS takes what agrees with none: what it tells of such a path is incomplete,
and the capture says so.
"""

from __future__ import annotations

import os

from covey_agent import reading
from covey_agent import segment as layout

LAYERS = 8
_PREFIX = "0-folded-"  # no process has pid 0, and it sorts before all others
_FRESH = "folded.new"
_EPOCHS = slice(layout.EPOCH_WANTED, layout.EPOCH_DONE + 4)


def is_fold(name: str) -> bool:
    """Whether a segment file is a fold, by its name."""
    return os.path.basename(name).startswith(_PREFIX)


class Layer:
    """One fold: the header of its first segment, and by (path, hash) what ran, as ints whose byte n is line n."""

    def __init__(self, name: str, segment: reading.Segment) -> None:
        self.name = name
        self.first = segment
        self.head = segment.data[: reading.HEADER]
        self.others = segment.folded
        self.flags = 0
        self.taken: list[str] = []
        self.known = segment.taken
        self._identities = {(segment.pid, segment.start_ticks)}
        self._texts: dict[str, str | None] = {}
        self._ran: dict[tuple[str, str | None], list[int]] = {}
        self._notes: dict[str, None] = {}
        self._missing: set[str] = set()

    def agrees(self, segment: reading.Segment) -> bool:
        """Whether each path of the segment has the same text here, or is not here."""
        seen: dict[str, str | None] = {}
        for record in segment.records:
            if record.not_recorded:
                continue
            text = seen.setdefault(record.path, self._texts.get(record.path, record.source_hash))
            if text != record.source_hash:
                return False
        return True

    def add(self, segment: reading.Segment) -> None:
        """Takes in what the segment holds."""
        self.flags |= segment.flags
        self._missing |= segment.missing
        for record in segment.records:
            if record.not_recorded:
                self._notes[record.path] = None
                continue
            self._texts[record.path] = record.source_hash
            found = self._ran.setdefault((record.path, record.source_hash), [0, 0, 0])
            found[0] = max(found[0], record.lines)
            found[1] |= int.from_bytes(segment.now(record), "little")
            found[2] |= int.from_bytes(segment.before(record), "little")
        segment.data = b""

    def count(self, name: str, segment: reading.Segment) -> None:
        """One more process is in it, unless it was before: a fold that was interrupted has left its file."""
        self.taken.append(name)
        identity = (segment.pid, segment.start_ticks)
        if name not in self.known and identity not in self._identities:
            self.others += 1 + segment.folded
        self._identities.add(identity)

    def pack(self) -> bytes:
        """The segment's bytes. Raises OSError when it would be one that nobody reads."""
        parts = [_record(path, None, layout.NOT_RECORDED) for path in self._notes]
        for (path, source_hash), (lines, now, before) in self._ran.items():
            planes = now.to_bytes(lines + 1, "little") + before.to_bytes(lines + 1, "little")
            parts.append(_record(path, source_hash, 0, lines, planes))
        parts += [_record(name, None, layout.TAKEN_IN) for name in self.taken]
        parts += [_record(name, None, layout.MISSING) for name in sorted(self._missing)]
        end = reading.HEADER + sum(map(len, parts))
        if end > reading.MAX_SEGMENT or len(self._ran) + len(self._notes) > reading.MAX_RECORDS:
            raise OSError("the fold would be too large")
        return b"".join([self._header(end), *parts])

    def _header(self, end):
        head = bytearray(self.head)
        head[layout.FLAGS : layout.FLAGS + 2] = self.flags.to_bytes(2, "little")
        head[layout.END : layout.END + 8] = end.to_bytes(8, "little")
        head[_EPOCHS] = bytes(8)
        head[layout.FOLDED : layout.FOLDED + 4] = min(self.others, 0xFFFFFFFF).to_bytes(4, "little")
        head[layout.WAKE : layout.WAKE + 2] = bytes(2)  # nobody is there to be woken
        return bytes(head)


def _record(path, source_hash, flags, lines=0, planes=b""):
    name = path.encode("utf-8", "surrogateescape")
    digest = bytes.fromhex(source_hash.partition(":")[2]) if source_hash else layout.UNKNOWN_HASH
    head = layout.record_head(name, digest, lines, flags)
    return (head.ljust(len(head) + 7 & ~7, b"\0") + planes).ljust(layout.record_size(len(name), lines), b"\0")


class Layers:
    """The folds of a spool's folder, of this boot."""

    def __init__(self, folder: str, boot: str) -> None:
        self._folder = folder
        self._layers: list[Layer] = []
        self._changed: list[Layer] = []
        self._used = set()
        for name in sorted(entry for entry in os.listdir(folder) if is_fold(entry)):
            self._used.add(name)
            try:
                segment = reading.read_segment(os.path.join(folder, name))
            except (OSError, reading.NotASegment):
                continue
            if segment.boot_id == boot and not segment.damaged:
                layer = Layer(name, segment)
                layer.add(segment)
                self._layers.append(layer)

    def take(self, name: str, segment: reading.Segment) -> bool:
        """Adds the segment with that file name; False for one that is left as it is."""
        if segment.damaged:
            return False
        layer = next((one for one in self._layers if one.agrees(segment)), None) or self._another(segment)
        layer.count(name, segment)
        layer.add(segment)
        if layer not in self._changed:
            self._changed.append(layer)
        return True

    def _another(self, segment):
        if len(self._layers) >= LAYERS:
            return self._layers[-1]
        number = next(number for number in range(1 << 20) if f"{_PREFIX}{number}{layout.SUFFIX}" not in self._used)
        name = f"{_PREFIX}{number}{layout.SUFFIX}"
        self._used.add(name)
        self._layers.append(Layer(name, segment))
        return self._layers[-1]

    def store(self) -> None:
        """Puts the layers that have changed in their place, each whole or not at all. Raises OSError."""
        fresh = os.path.join(self._folder, _FRESH)
        packed = [(layer, layer.pack()) for layer in self._changed]
        for layer, data in packed:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with open(os.open(fresh, flags, 0o600), "wb") as out:
                    out.write(data)
                os.rename(fresh, os.path.join(self._folder, layer.name))
            except OSError:
                try:
                    os.unlink(fresh)
                except OSError:
                    pass
                raise
