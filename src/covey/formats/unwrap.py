"""What lies around the content of an input, told by its first bytes and taken off while it is read.

    gzip (1f 8b), zstd (28 b5 2f fd)   unpacked, several members after each other too; within bounds, see below
    byte order mark of UTF-8           dropped
    byte order mark of UTF-16, UTF-32  decoded and handed on as UTF-8, as files that PowerShell's ">" wrote need it

What is packed twice is unpacked once. Without a mark no encoding is guessed: each format says how it reads bytes.
"""

from __future__ import annotations

import codecs
import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from covey.errors import FormatError, MissingExtra

MOST_UNPACKED = 1 << 30  # bytes
MOST_RATIO = 200  # reports pack to a tenth, seldom to a fiftieth
RATIO_FROM = 64 << 20  # bytes: what unpacks to less is harmless whatever its ratio
_PIECE = 1 << 18
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ENCODINGS = (  # the longer marks first: UTF-16's is how UTF-32's begins
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, ""),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(r"""(<\?xml[^>]*?)\s+encoding\s*=\s*(["'])[^"'>]*\2""")


class _Unpacker(Protocol):
    """As the modules lzma and compression.zstd have it; one a member."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def unwrapped(name: str, raw: BinaryIO) -> BinaryIO:
    """The content of an open file; `raw` is closed with it. Reading gives FormatError where the packing is damaged or
    out of bounds, MissingExtra for zstd where nothing is installed that unpacks it."""
    raw, head = _peeked(raw)
    if head.startswith(_GZIP):
        raw, head = _peeked(_Stream(raw, _unpacked(name, raw, _Gzip, "gzip")))
    elif head.startswith(_ZSTD):
        raw, head = _peeked(_Stream(raw, _unpacked(name, raw, _zstd(name), "zstd")))
    for mark, encoding in _ENCODINGS:
        if head.startswith(mark):
            raw.read(len(mark))
            return io.BufferedReader(_Stream(raw, _recoded(name, raw, encoding))) if encoding else raw
    return raw


def _peeked(raw: BinaryIO | io.RawIOBase) -> tuple[BinaryIO, bytes]:
    if isinstance(raw, io.BytesIO):
        return raw, raw.getbuffer()[:4].tobytes()
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw, _PIECE)  # type: ignore[type-var]
    return buffered, buffered.peek(4)[:4]


class _Stream(io.RawIOBase):
    """Pieces of bytes as a stream, closed together with where they come from."""

    def __init__(self, below: BinaryIO, pieces: Iterator[bytes]) -> None:
        self._below = below
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the writable buffer that io hands in
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._below.close()
        super().close()


class _Gzip:
    """zlib's unpacker with the names of lzma's."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail and not self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _zstd(name: str) -> Callable[[], _Unpacker]:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14's own
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            raise MissingExtra("zstd", f"{name}: unpacking zstd") from None

    def begin() -> _Unpacker:
        unpacker: _Unpacker = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 27})
        return unpacker

    return begin


def _unpacked(name: str, raw: BinaryIO, begin: Callable[[], _Unpacker], kind: str) -> Iterator[bytes]:
    taken = given = 0
    rest = b""
    while True:
        unpacker = begin()
        while not unpacker.eof:
            if unpacker.needs_input and not rest:
                rest = raw.read(_PIECE)
                taken += len(rest)
                if not rest:
                    raise FormatError(f"cut off in the middle of its {kind} packing", path=name, offset=taken)
            try:
                piece = unpacker.decompress(rest, _PIECE)
            except Exception as error:  # noqa: BLE001 - zlib.error or ZstdError, whose module may not be there
                raise FormatError(f"damaged {kind} packing: {error}", path=name, offset=taken) from None
            rest = b""
            given += len(piece)
            _check(name, taken, given)
            if piece:
                yield piece
        rest = unpacker.unused_data or raw.read(_PIECE)
        taken += len(rest) if not unpacker.unused_data else 0
        while rest and not rest.strip(b"\0"):  # padding, as tapes and block devices add it
            rest = raw.read(_PIECE)
            taken += len(rest)
        if not rest:
            return


def _check(name: str, taken: int, given: int) -> None:
    if given > MOST_UNPACKED:
        raise FormatError(f"unpacks to more than {MOST_UNPACKED} bytes", path=name)
    if given > RATIO_FROM and given > taken * MOST_RATIO:
        raise FormatError(
            f"unpacks to more than {MOST_RATIO} times its size, as only files made to do harm do",
            path=name, hint="unpack it yourself if you trust it",
        )  # fmt: skip


def _recoded(name: str, raw: BinaryIO, encoding: str) -> Iterator[bytes]:
    """The text in UTF-8; an XML declaration does not name the old encoding any more."""
    decoder = codecs.getincrementaldecoder(encoding)()
    first = True
    while True:
        piece = raw.read(_PIECE)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise FormatError(f"begins with a mark of {encoding} but is not: {error.reason}", path=name) from None
        if first:
            text, first = _DECLARED.sub(r"\1", text, count=1), False
        if text:
            yield text.encode("utf-8", "surrogatepass")
        if not piece:
            return
