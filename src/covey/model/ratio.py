"""Exact proportions: what every percentage, threshold and total is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Ratio:
    """`covered` of `total`; integers, 0 <= covered <= total. A monoid under +, with Ratio() as zero."""

    covered: int = 0
    total: int = 0

    def __add__(self, other: Ratio) -> Ratio:
        return Ratio(self.covered + other.covered, self.total + other.total)

    @property
    def percent(self) -> float | None:
        """0..100, or None when there is no code to cover."""
        return self.covered * 100 / self.total if self.total else None

    def below(self, threshold: Decimal | int) -> bool:
        """Whether this is under `threshold` percent, compared exactly; no code is never below."""
        return self.covered * 100 < threshold * self.total

    def shown(self, digits: int = 0) -> str:
        """The percentage for people, `digits` after the point, never a false 0 or 100; "-" without code.

        The rule is coverage.py's `display_covered` (7.x), and its arithmetic too: what would round to 0 or 100 but is
        not stays one step away, and of two equally near the even one is taken, as C, Go and Perl do.
        """
        covered, total = self.covered, self.total
        if not total:
            return "-"
        value, step = covered * 100 / total, 1 / 10**digits
        if covered and value < step:
            value = step
        elif covered < total and value > 100 - step:
            value = 100 - step
        return f"{value:.{digits}f}"


@dataclass(frozen=True, slots=True)
class Totals:
    """What a file, a folder or a report adds up to. A monoid under +."""

    lines: Ratio = Ratio()
    branches: Ratio = Ratio()
    functions: Ratio = Ratio()
    statements: Ratio = Ratio()

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.lines + other.lines,
            self.branches + other.branches,
            self.functions + other.functions,
            self.statements + other.statements,
        )
