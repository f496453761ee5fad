"""Changes to bytes of any kind. Each takes the data and a `Dice`, and gives other data; none looks at the format."""

from __future__ import annotations

import random
import re
import struct
from collections import Counter
from collections.abc import Iterable, Sequence

MOST = 256 << 10  # bytes that an input grows to
NUMBERS = [
    b"-1", b"0", b"1", b"00", b"-0", b"1.5", b"255", b"256", b"65536", b"10000000", b"10000001", b"2147483647",
    b"2147483648", b"4294967296", b"9223372036854775807", b"9223372036854775808", b"18446744073709551616",
    b"1" + b"0" * 40, b"9" * 5000, b"1e9", b"1e999", b"-1e999", b"NaN", b"Infinity", b"0x10", b"1_0", b"+1", b" 1",
    "\u0663".encode(), "\u00b2".encode(), b"",
]  # fmt: skip
PIECES = [
    b"\0", b"\xff", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xef\xbf\xbf", "ü".encode(), "\u2028".encode(),
    "\u202e".encode(), b"\x1b[2J", b"\r", b"\r\n", b"\n", b"\n\n", b"\t", b" ", b"../../etc/x", b"/", b"//", b"/a",
    b"..", b".", b"./", b"C:\\x\\y", b"\\", b"\\u0000", b"\\ud800", b"%s%n", b"?0", b"'", b'"', b"''", b"<", b">",
    b"&", b"&lt;", b"&x;", b"&#0;", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"null", b"true", b"false", b"{}", b"[]",
    b",", b":", b";", b"=", b"|", b"#", b"(", b")", b"x" * 300, b"a/" * 2000, b"\x1f\x8b\x08", b"\xef\xbb\xbf",
]  # fmt: skip
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_WORD = re.compile(rb"[A-Za-z_][\w.$-]*")
_TOKEN = re.compile(rb"[A-Za-z_][\w.$-]{1,30}|\"[^\"\n]{0,40}\"|[A-Za-z]+:|[^\n]{3,120}\n")
_OPENERS = [
    (b"[", b"]"),
    (b"{", b"}"),
    (b'{"a":', b"}"),
    (b"<a>", b"</a>"),
    (b"(", b")"),
    (b'<package name="p">', b"</package>"),
]


class Dice(random.Random):
    """Chance, and what is known of the format: words of its files, and other whole inputs."""

    words: Sequence[bytes] = ()
    others: Sequence[bytes] = ()

    def place(self, data: bytes) -> int:
        return self.randrange(len(data) + 1)

    def span(self, data: bytes) -> tuple[int, int]:
        """Mostly a short one."""
        at = self.place(data)
        return at, min(len(data), at + int(2 ** self.uniform(0, self.choice([3, 6, 12]))))

    def piece(self) -> bytes:
        kind = self.randrange(4)
        if kind == 0:
            return self.randbytes(self.randrange(1, 9))
        if kind == 1:
            return self.choice(NUMBERS)
        return self.choice(self.words) if kind == 2 and self.words else self.choice(PIECES)


def words(seeds: Iterable[bytes], most: int = 600) -> list[bytes]:
    """The tokens and short lines that files of a format are made of, the frequent ones first."""
    found: Counter[bytes] = Counter()
    for seed in seeds:
        found.update(_TOKEN.findall(seed[:MOST]))
    return [word for word, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:most]]


def bytes_changed(data: bytes, dice: Dice) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 5)):
        if changed:
            at = dice.randrange(len(changed))
            changed[at] = dice.choice([changed[at] ^ 1 << dice.randrange(8), dice.randrange(256), 0, 255])
    return bytes(changed)


def cut_out(data: bytes, dice: Dice) -> bytes:
    begin, end = dice.span(data)
    return data[:begin] + data[end:]


def cut_off(data: bytes, dice: Dice) -> bytes:
    return data[: dice.place(data)]


def doubled(data: bytes, dice: Dice) -> bytes:
    begin, end = dice.span(data)
    at = dice.choice([begin, end, dice.place(data)])
    return data[:at] + data[begin:end] + data[at:]


def put_in(data: bytes, dice: Dice) -> bytes:
    at = dice.place(data)
    return data[:at] + dice.piece() + data[at:]


def written_over(data: bytes, dice: Dice) -> bytes:
    at, piece = dice.place(data), dice.piece()
    return data[:at] + piece + data[at + len(piece) :]


def number_changed(data: bytes, dice: Dice) -> bytes:
    found = _near(_NUMBER, data, dice)
    if not found:
        return put_in(data, dice)
    new = dice.choice(NUMBERS)
    if dice.randrange(2) and len(found[0]) < 300:
        other = _near(_NUMBER, data, dice)
        steps = b"%d" % (int(float(found[0])) + dice.choice([-1, 1, 2, 1000]) if len(found[0]) < 20 else 0)
        new = dice.choice([steps, other[0] if other else steps])
    return data[: found.start()] + new + data[found.end() :]


def word_changed(data: bytes, dice: Dice) -> bytes:
    found = _near(_WORD, data, dice)
    new = dice.choice(dice.words) if dice.words and dice.randrange(3) else dice.choice(PIECES)
    return data[: found.start()] + new + data[found.end() :] if found else put_in(data, dice)


def _near(kind: re.Pattern[bytes], data: bytes, dice: Dice) -> re.Match[bytes] | None:
    return kind.search(data, dice.place(data), len(data)) or kind.search(data)


def binary_number(data: bytes, dice: Dice) -> bytes:
    """A number of 1, 2, 4 or 8 bytes, in either order, is a hostile one."""
    kind = dice.choice("bhiqBHIQ")
    bits = 8 * struct.calcsize(f"<{kind}")
    values = (
        [-1, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0, 1] if kind.islower() else [0, 1, 2**bits - 1, 2 ** (bits - 1)]
    )
    new = struct.pack(dice.choice("<>") + kind, dice.choice(values))
    at = dice.place(data)
    return data[:at] + new + data[at + len(new) :]


def lines_moved(data: bytes, dice: Dice) -> bytes:
    rows = data.splitlines(keepends=True)
    if len(rows) < 2:
        return doubled(data, dice)
    one, two = dice.randrange(len(rows)), dice.randrange(len(rows))
    kind = dice.randrange(4)
    if kind == 0:
        del rows[one]
    elif kind == 1:
        rows.insert(two, rows[one])
    elif kind == 2:
        rows[one], rows[two] = rows[two], rows[one]
    else:
        joined = rows[one].rstrip(b"\r\n") + rows[two]
        rows[min(one, two)] = joined
        del rows[max(one, two)]
    return b"".join(rows)


def spliced(data: bytes, dice: Dice) -> bytes:
    """The head of one input and the tail of another, or the whole other after it."""
    other = dice.choice(dice.others) if dice.others else data
    if not dice.randrange(4):
        return data + other
    return data[: dice.place(data)] + other[dice.place(other) :]


def piece_of_another(data: bytes, dice: Dice) -> bytes:
    other = dice.choice(dice.others) if dice.others else data
    begin, end = dice.span(other)
    at, upto = dice.span(data)
    return data[:at] + other[begin:end] + data[dice.choice([at, upto]) :]


def grown(data: bytes, dice: Dice) -> bytes:
    """A stretch of it again and again, up to the bound."""
    begin, end = dice.span(data)
    times = int(2 ** dice.uniform(1, 18))
    most = max(0, MOST - len(data)) // max(1, end - begin)
    return data[:end] + data[begin:end] * min(times, most) + data[end:]


def nested(data: bytes, dice: Dice) -> bytes:
    """A stretch of it within many brackets, closed or not."""
    opener, closer = dice.choice(_OPENERS)
    times = min(int(2 ** dice.uniform(1, 16)), max(0, MOST - len(data)) // len(opener + closer))
    begin, end = dice.span(data)
    closing = closer * dice.choice([times, 0, times + 1])
    return data[:begin] + opener * times + data[begin:end] + closing + data[end:]


ANY = (
    bytes_changed, bytes_changed, cut_out, cut_out, cut_off, doubled, put_in, put_in, written_over, number_changed,
    number_changed, number_changed, word_changed, word_changed, binary_number, lines_moved, lines_moved, spliced,
    piece_of_another, piece_of_another,
)  # fmt: skip
LARGE = (grown, nested)  # seldom: they cost time
