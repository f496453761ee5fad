"""What only one part reached, and which slices are compared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from covey.model.counted import Lines
from covey.model.ratio import Ratio
from covey.model.report import FileCoverage, Report, bits
from covey.render.slices import main_kind, only_bits, parts_of


@given(some.lists(some.integers(0, 2**80), max_size=5))
def test_only_is_what_no_other_has(bit_sets):
    for at, (mine, only) in enumerate(zip(bit_sets, only_bits(bit_sets), strict=True)):
        others = 0
        for place, other in enumerate(bit_sets):
            others |= other if place != at else 0
        assert only == mine & ~others


def test_parts_of_two_files():
    files = [FileCoverage(name, Lines.of(dict.fromkeys(range(1, 6), 1))) for name in ("a.py", "b.py")]
    a, b = files[0].key, files[1].key
    slices = {"part:unit": {a: bits([1, 2, 3])}, "part:e2e": {a: bits([3, 4]), b: bits([5])}, "test:x": {a: bits([5])}}
    e2e, unit = parts_of(Report.of(files, slices=slices))
    assert (e2e.name, e2e.lines, e2e.only, dict(e2e.per_file)) == ("e2e", Ratio(3, 10), 2, {a: bits([4]), b: bits([5])})
    assert (unit.name, unit.lines, unit.only, dict(unit.per_file)) == ("unit", Ratio(3, 10), 2, {a: bits([1, 2])})


def test_which_kind_is_compared():
    def kind(*names):
        return main_kind(Report(slices={name: {} for name in names}))

    assert kind() is None
    assert kind("part:unit") == "part"
    assert kind("part:unit", "component:a", "component:b") == "part"
    assert kind("component:a") is None
    assert kind("part:unit", "part:e2e", "component:a", "component:b") == "part"
    assert kind("component:a", "component:b", *(f"test:{n}" for n in range(50))) == "component"
    assert kind(*(f"test:{n}" for n in range(50))) is None
    assert kind("unit", "e2e") == ""
