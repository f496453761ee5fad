"""Input N of a format: a function of N and the inputs kept so far, whenever and wherever it is made."""

from __future__ import annotations

from collections.abc import Sequence

from fuzz import structured
from fuzz.cases import ONLY, Case, size
from fuzz.mutations import ANY, LARGE, MOST, Dice, words

_NAMES = ["x", "y", "tmp.x", "../x", "covmeta.0", "a\nb", "ü"]


class Maker:
    """`kept` may grow meanwhile; N is then a function of what was kept when it was made."""

    def __init__(self, name: str, seeds: Sequence[Case], kept: Sequence[Case]) -> None:
        self._name = name
        self._seeds = seeds
        self._kept = kept
        self._words = words(data for case in seeds for _, data in case)

    def make(self, number: int) -> Case:
        dice = Dice(f"{self._name}:{number}")
        dice.words = self._words
        dice.others = [data for _, data in self._any(dice)]
        if not dice.randrange(200):
            return ((ONLY, dice.randbytes(dice.randrange(200))),)
        case = list(self._any(dice))
        if not dice.randrange(12):
            case = _together(case, self._any(dice), dice)
        for _ in range(dice.choice([1, 1, 1, 1, 2])):
            at = dice.randrange(len(case))
            case[at] = case[at][0], _changed(case[at][1], dice)
        return tuple(case)

    def _any(self, dice: Dice) -> Case:
        """One to begin with; of those kept rather a small one, for time."""
        if not self._kept or dice.randrange(2):
            return dice.choice(self._seeds)
        return min(dice.choice(self._kept), dice.choice(self._kept), key=size)


def _together(case: list[tuple[str, bytes]], other: Case, dice: Dice) -> list[tuple[str, bytes]]:
    """More files, or fewer, or of other names. Where names told nothing the files are numbered."""
    if all(name.startswith(ONLY) for name, _ in (*case, *other)):
        return [(f"{ONLY}{number}", data) for number, (_, data) in enumerate((*case, *other)[:6])]
    kind = dice.randrange(3)
    if kind == 0 and len(case) > 1:
        del case[dice.randrange(len(case))]
    elif kind == 1:
        at = dice.randrange(len(case))
        case[at] = dice.choice([*_NAMES, dice.choice(case)[0]]), case[at][1]
    else:
        case = [*case, *other][:8]
    return case


def _changed(data: bytes, dice: Dice) -> bytes:
    structure = structured.of(data)
    for _ in range(dice.choice([1, 1, 2, 3, 5, 8])):
        if not dice.randrange(120):
            data = dice.choice(LARGE)(data, dice)
        elif structure and dice.randrange(2):
            data = structure(data, dice)
        else:
            data = dice.choice(ANY)(data, dice)
        data = data[:MOST]
    if not dice.randrange(16):
        data = structured.wrapped(data, dice)
        if not dice.randrange(4):
            data = dice.choice(ANY)(data, dice)
    return data
