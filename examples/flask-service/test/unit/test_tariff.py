from __future__ import annotations

import pytest
from parcels.tariff import HEAVIEST, Parcel, price


@pytest.mark.parametrize(
    ("grams", "country", "cents"),
    [(1, "DE", 390), (1_000, "DE", 390), (1_001, "DE", 620), (HEAVIEST, "DE", 1_190), (400, "FR", 890)],
)
def test_price_grows_with_weight_and_distance(grams, country, cents):
    assert price(Parcel(grams, country)) == cents


def test_express_at_home_has_a_fixed_surcharge():
    assert price(Parcel(700, "DE", express=True)) == 890


@pytest.mark.parametrize("grams", [0, -3, HEAVIEST + 1])
def test_weights_that_nobody_carries(grams):
    with pytest.raises(ValueError, match=r"weighs|heavier"):
        price(Parcel(grams, "DE"))
