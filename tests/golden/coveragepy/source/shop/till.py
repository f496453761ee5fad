"""What a basket costs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


def total(basket, discount=0):
    """The sum, less the discount."""
    cost = sum(
        price * count
        for price, count in basket
    )
    if discount:
        cost -= discount
    if cost < 0:
        cost = 0
    return cost


def receipt(basket):
    lines = []
    for price, count in basket:
        if count == 0:
            continue
        lines.append(f"{count} x {price}")
    return lines


def refund(cost):
    if cost:
        return -cost
    return 0


def debug(basket):  # pragma: no cover
    print(basket)
