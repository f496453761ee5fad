"""Pages of an SQLite file, for a table of four whole numbers a row and its unique index, in columns.

SQLite itself inserts a million such rows in half a second or more, and a merge of data with branches has tens of
millions. Here all cells have one size, so a page is a slice, and each byte of a cell is one column that is laid in at
once. The layout is SQLite's documented file format: leaf and interior pages of a table (13, 5) and of an index (10, 2),
cells in ascending order, records with their own header. Numbers may take more bytes there than they need.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import BinaryIO

PAGE = 4096
MOST_ROWS = (1 << 28) - 1  # that a row number of four bytes of seven bits holds
WIDTHS = {2: 2, 3: 3, 4: 4}  # bytes of a number -> its serial type
_LOCK = 0x40000000 // PAGE + 1  # the page that SQLite leaves empty
_CHUNK = 1 << 14  # rows that are laid out at a time
_SIGN = bytes(64) + b"\1" * 128 + b"\xff" * 64  # byte -> what a longer number has before it; 1: it may be none
_FLIP = bytes(byte ^ 0x80 for byte in range(256))
_SEVENS = bytes(range(128))
_LEAF_OF_TABLE, _LEAF_OF_INDEX, _TABLE, _INDEX = 13, 10, 5, 2


def unbiased(packed: bytes | bytearray) -> bytes:
    """Numbers from * 2**32 + to, each eight bytes as array('q') has them, as two numbers of 32 bits: to, then from,
    the lower byte first, each plus 2**31."""
    lanes = len(packed) // 8
    # One long number of lanes of 64 bits: the sign turned, which is plus 2**63, no lane carries into the next.
    turned = int.from_bytes(packed, sys.byteorder) ^ int.from_bytes(b"\0\0\0\0\0\0\0\x80" * lanes, "little")
    return (turned + int.from_bytes(b"\0\0\0\x80\0\0\0\0" * lanes, "little")).to_bytes(8 * lanes, "little")


def width_of(packed: bytes | bytearray) -> int:
    """How many bytes each `from` and `to` of such numbers needs: 2, 3 or 4. From half of what they hold on, one more:
    where `to` is below 0, the upper half of a number has one less than `from`."""
    little = sys.byteorder == "little"
    most = 2
    for at in (0, 4):
        one, two, three = (packed[at + byte if little else 7 - at - byte :: 8] for byte in (1, 2, 3))
        if one.translate(_SIGN) == two == three:
            continue
        if two.translate(_SIGN) != three:
            return 4
        most = 3
    return most


def leads_to_0(packed: bytes | bytearray) -> bool:
    """Whether an arc leads to line 0, or perhaps to one that is a multiple of 2**16."""
    low, high = (packed[0::8], packed[1::8]) if sys.byteorder == "little" else (packed[7::8], packed[6::8])
    return 0 in (int.from_bytes(low, "big") | int.from_bytes(high, "big")).to_bytes(len(low), "big")


class ArcPages:
    """Appends to `out`, which holds an SQLite file of `count` pages with an empty table of (file, context, from, to)
    and an empty unique index of these, whose only pages are `table` and `index`. `widths`: bytes of a number of each
    column, the last two alike; see `width_of`."""

    def __init__(self, out: BinaryIO, count: int, table: int, index: int, widths: tuple[int, int, int]) -> None:
        file, context, arc = widths
        types = bytes(WIDTHS[width] for width in (file, context, arc, arc))
        size = file + context + 2 * arc
        self._widths = widths
        self._pages = _Pages(out, count)
        self._rows = _Tree(self._pages, table, _LEAF_OF_TABLE, bytes([5 + size]) + bytes(4) + b"\5" + types, size)
        self._keys = _Tree(self._pages, index, _LEAF_OF_INDEX, bytes([10 + size]) + b"\6" + types + b"\4", size + 4)
        self._groups: list[tuple[int, int, int]] = []
        self._packed: list[bytes] = []
        self._held = self._done = 0

    def add(self, file: int, context: int, packed: bytes) -> None:
        """The arcs of one file in one context, ascending, none twice; files and contexts come ascending too."""
        self._groups.append((file, context, len(packed) // 8))
        self._packed.append(packed)
        self._held += len(packed) // 8
        if self._held >= _CHUNK:
            self._lay()

    def close(self) -> int:
        """Ends both trees; how many pages the file has."""
        self._lay()
        self._rows.close()
        self._keys.close()
        return self._pages.count

    def _lay(self) -> None:
        if not self._held:
            return
        if self._done + self._held > MOST_ROWS:
            raise ValueError(f"more than {MOST_ROWS} rows")
        values = self._columns(unbiased(b"".join(self._packed)))
        first, count = self._done + 1, self._held
        self._rows.add(count, _varints(first, count), values)
        numbers = array("I", range(first, first + count))
        if sys.byteorder == "little":
            numbers.byteswap()
        rowid = numbers.tobytes()
        self._keys.add(count, [], [*values, *(rowid[byte::4] for byte in range(4))])
        self._done += count
        self._held = 0
        self._groups.clear()
        self._packed.clear()

    def _columns(self, arcs: bytes) -> list[bytes]:
        """The bytes of the values of each row, a column each, the highest byte of a number first."""
        file, context, arc = self._widths
        files = b"".join([one.to_bytes(file, "big") * count for one, _, count in self._groups])
        contexts = b"".join([one.to_bytes(context, "big") * count for _, one, count in self._groups])
        columns = [files[byte::file] for byte in range(file)]
        columns += [contexts[byte::context] for byte in range(context)]
        for start in (4, 0):
            for byte in reversed(range(arc)):
                column = arcs[start + byte :: 8]
                columns.append(column.translate(_FLIP) if byte == 3 else column)
        return columns


class _Pages:
    def __init__(self, out: BinaryIO, count: int) -> None:
        self.out = out
        self.count = count

    def put(self, page: bytes) -> int:
        """Appends a page; its number."""
        self.count += 1
        if self.count == _LOCK:
            self.out.write(bytes(PAGE))
            self.count += 1
        self.out.write(page)
        return self.count


class _Tree:
    """Cells are `head`, in which what differs is zero, and `size` bytes of values. In an index, a cell between two
    pages lies in the page above; in a table, that tells the last row number of the page before."""

    def __init__(self, pages: _Pages, root: int, leaf: int, head: bytes, size: int) -> None:
        self._pages = pages
        self._root = root
        self._leaf = leaf
        self._cell = head + bytes(size)
        self._between = leaf == _LEAF_OF_INDEX
        self._fit = (PAGE - 8) // (len(self._cell) + 2)
        self._full = self._page_head(self._fit)
        self._rest = b""
        self._rows = 0  # in the pages that are out
        self._children: list[int] = []
        self._dividers: list[bytes] = []

    def add(self, count: int, rowids: Sequence[bytes], values: Sequence[bytes]) -> None:
        """rowids: byte columns after a cell's first byte; values: those at its end."""
        size = len(self._cell)
        cells = bytearray(self._cell * count)
        for at, column in chain(enumerate(rowids, 1), enumerate(values, size - len(values))):
            cells[at::size] = column
        data = self._rest + cells
        step = (self._fit + self._between) * size
        start = 0
        while len(data) - start > step:
            self._put(data[start : start + self._fit * size], self._fit)
            start += self._fit * size
            if self._between:
                self._divide(data[start : start + size])
                start += size
        self._rest = bytes(data[start:])

    def _put(self, cells: bytes, count: int) -> None:
        head = self._full if count == self._fit else self._page_head(count)
        self._children.append(self._pages.put(head + cells))
        self._rows += count
        if not self._between:
            self._dividers.append(_varint(self._rows))

    def _divide(self, cell: bytes) -> None:
        self._dividers.append(bytes(cell))
        self._rows += 1

    def _page_head(self, count: int) -> bytes:
        size = len(self._cell)
        start = PAGE - count * size
        pointers = b"".join([(start + at * size).to_bytes(2, "big") for at in range(count)])
        head = bytes([self._leaf, 0, 0]) + count.to_bytes(2, "big") + start.to_bytes(2, "big") + b"\0" + pointers
        return head + bytes(start - len(head))

    def close(self) -> None:
        size = len(self._cell)
        count = len(self._rest) // size
        if not count:
            return  # nothing came, or a table's pages came out even, which `add` prevents
        if not self._children and count <= self._fit:
            self._write_root(self._page_head(count) + self._rest)
            return
        if count > self._fit:  # one more than fits, in an index: that one may not be the last
            self._put(self._rest[: (count - 2) * size], count - 2)
            self._divide(self._rest[(count - 2) * size : (count - 1) * size])
            self._rest, count = self._rest[(count - 1) * size :], 1
        self._put(self._rest, count)
        if not self._between:
            self._dividers.pop()
        self._grow()

    def _grow(self) -> None:
        """Interior pages, level by level, over the children."""
        kind = _INDEX if self._between else _TABLE
        most = (PAGE - 12) // (max(map(len, self._dividers)) + 6) + 1  # children of a page
        children, dividers = self._children, self._dividers
        while len(children) > most:
            parts = -(-len(children) // most)
            ends = [len(children) * part // parts for part in range(parts + 1)]
            spans = list(pairwise(ends))
            above = [self._pages.put(_interior(kind, children[a:b], dividers[a : b - 1])) for a, b in spans]
            dividers = [dividers[end - 1] for end in ends[1:-1]]
            children = above
        self._write_root(_interior(kind, children, dividers))

    def _write_root(self, page: bytes) -> None:
        out = self._pages.out
        out.seek((self._root - 1) * PAGE)
        out.write(page)
        out.seek(0, 2)


def _interior(kind: int, children: Sequence[int], dividers: Sequence[bytes]) -> bytes:
    cells = [child.to_bytes(4, "big") + one for child, one in zip(children, dividers, strict=False)]
    at, pointers = PAGE, []
    for cell in cells:
        at -= len(cell)
        pointers.append(at.to_bytes(2, "big"))
    head = bytes([kind, 0, 0]) + len(cells).to_bytes(2, "big") + at.to_bytes(2, "big") + b"\0"
    head += children[-1].to_bytes(4, "big") + b"".join(pointers)
    return head + bytes(at - len(head)) + b"".join(reversed(cells))


def _varint(number: int) -> bytes:
    """In sevens of bits, the highest first; all but the last byte have their top bit."""
    found = [number & 127]
    while number := number >> 7:
        found.append(128 | number & 127)
    return bytes(reversed(found))


def _varints(first: int, count: int) -> list[bytes]:
    """The columns of four bytes each of the numbers from `first` on."""
    end = first + count
    columns = []
    for shift in (21, 14, 7):
        blocks = range(first >> shift, ((end - 1) >> shift) + 1)
        starts = [max(first, block << shift) for block in blocks]
        pieces = zip(blocks, starts, [*starts[1:], end], strict=True)
        columns.append(b"".join([bytes([128 | block & 127]) * (stop - start) for block, start, stop in pieces]))
    start = first & 127
    return [*columns, (_SEVENS * (count // 128 + 2))[start : start + count]]
