"""Parcel numbers: three digits of the depot, eight of the serial number, a check digit."""

from __future__ import annotations

from dataclasses import dataclass

WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7, 8, 6, 4)


@dataclass(frozen=True)
class Number:
    depot: str
    serial: str


def check_digit(digits: str) -> int:
    """By the rule of the Universal Postal Union: weighted sum, modulo 11."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11
    if rest == 10:
        return 0
    if rest == 11:
        return 5
    return rest


def parse(text: str) -> Number | None:
    """None for what is not a parcel number."""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != 12 or not digits.isdecimal():
        return None
    if check_digit(digits[:11]) != int(digits[11]):
        return None
    return Number(depot=digits[:3], serial=digits[3:11])


def issue(depot: int, serial: int) -> str:
    """The number of a new parcel, in groups as it is printed."""
    if not 0 <= depot < 1_000 or not 0 <= serial < 100_000_000:
        raise ValueError("out of range")
    digits = f"{depot:03}{serial:08}"
    digits += str(check_digit(digits))
    return " ".join((digits[:3], digits[3:7], digits[7:11], digits[11]))
