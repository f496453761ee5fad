"""What a parcel costs, in cents."""

from __future__ import annotations

from dataclasses import dataclass

HOME = "DE"
NEAR = frozenset({"AT", "BE", "CZ", "DK", "FR", "LU", "NL", "PL"})
HEAVIEST = 31_500  # grams
# The price up to so many grams, for each zone.
STEPS = {
    "home": ((1_000, 390), (5_000, 620), (HEAVIEST, 1_190)),
    "near": ((1_000, 890), (5_000, 1_390), (HEAVIEST, 2_480)),
    "world": ((1_000, 1_690), (5_000, 3_450), (HEAVIEST, 7_900)),
}


@dataclass(frozen=True)
class Parcel:
    grams: int
    country: str
    express: bool = False

    @property
    def zone(self) -> str:
        if self.country == HOME:
            return "home"
        if self.country in NEAR:
            return "near"
        return "world"


def price(parcel: Parcel) -> int:
    """The price in cents; ValueError for a weight that nobody carries."""
    if parcel.grams <= 0:
        raise ValueError("a parcel weighs something")
    for limit, cents in STEPS[parcel.zone]:
        if parcel.grams <= limit:
            return cents + surcharge(parcel, cents)
    raise ValueError(f"heavier than {HEAVIEST} grams")


def surcharge(parcel: Parcel, cents: int) -> int:
    if not parcel.express:
        return 0
    if parcel.zone == "home":
        return 500
    if parcel.zone == "near":
        return max(900, cents // 2)
    return cents
