"""What the loops take at once is what the careful reader gives, of tracefiles of every shape, met once or again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.lcov import Lcov
from covey.formats.sources import NoSources

NUMBERS = st.sampled_from(
    ["0", "1", "2", "7", "12", "300", "9999999", "10000001", "3000000000", "007", "", "-1", "1.0"]
)
COUNTS = st.sampled_from(
    ["0", "1", "2", "5", "1000", "-", "-3", "", "x", "00", "1e3", "1.5e+06", "2.0", "1.5", " 4", "5-", "+1",
     str(2**63 - 1), str(2**64)]
)  # fmt: skip
FOUR = st.permutations(["f", "g", "h1", "h"])
SOME = FOUR | st.lists(st.sampled_from(["f", "g", "f@7"]), max_size=5)  # or several of one name, as in JavaScript
PLAIN = st.sampled_from(["0", "1", "3"])
NAMES = st.sampled_from(["f", "g", "f1", "a,b", "4,f", "ns::g(int, int)", "f ", "ü", ""])
ODD = st.sampled_from(
    ["", "# note", "TN:x", "VER:1", "MCDC:1,2,t,1,0,a", "FNF:2", "LH:", "BRF:x", "FNL:0,2,5", "FNA:0,3,one",
     "FNA:0,3", "end_of_record x", "nonsense", "SF:b.c", "DA:1,1,sum", "FNDA:3,nobody", "BRDA:1,e0,1,1"]
)  # fmt: skip


@st.composite
def records(draw, plain):
    """One section's records by kind, mostly as tools write them; ascending and distinct where `plain`."""
    few = st.integers(0, 4)
    lines = sorted(draw(st.sets(st.integers(1, 400), max_size=6)))
    named = draw(SOME)
    kinds = {
        "FN": [f"FN:{number},{name}" for number, name in zip(lines, named, strict=False)],
        "FNDA": [f"FNDA:{draw(few)},{name}" for name in draw(st.just(named) | FOUR)[: draw(few | st.just(5))]],
        "BRDA": [
            f"BRDA:{line},{block},{arm},{draw(st.sampled_from('-012'))}"
            for line in lines for block in draw(st.sampled_from(["0", "01", "10"])) for arm in (0, 1)
        ],
        "DA": [f"DA:{line},{draw(st.sampled_from([0, 0, 1, 5, 2**40]))}" for line in lines],
    }  # fmt: skip
    if not plain:
        kinds["DA"] += [f"DA:{draw(NUMBERS)},{draw(COUNTS)}" for _ in range(draw(few))]
        kinds["BRDA"] += [f"BRDA:{draw(NUMBERS)},{draw(PLAIN)},{draw(PLAIN)},{draw(COUNTS)}" for _ in range(draw(few))]
        kinds["FN"] += [f"FN:{draw(NUMBERS)},{draw(NAMES)}" for _ in range(draw(few))]
        kinds["FNDA"] += [f"FNDA:{draw(COUNTS)},{draw(NAMES)}" for _ in range(draw(few))]
        kinds["odd"] = draw(st.lists(ODD, max_size=2))
    found = [record for kind in draw(st.permutations(sorted(kinds))) for record in kinds[kind]]
    if not plain and draw(st.booleans()):
        found = draw(st.permutations(found))
    return found


@st.composite
def tracefiles(draw):
    sections = draw(st.lists(st.tuples(st.sampled_from(["a.c", "/b/c.c"]), st.booleans()), min_size=1, max_size=4))
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    found = []
    for path, plain in sections:
        found.append(["TN:", f"SF:{path}", *draw(records(plain)), "end_of_record"])
    if draw(st.booleans()):
        found.append(found[0])
    return end, found


def read(fmt, text):
    """What a reading gives, or where and why it refused."""
    try:
        report = fmt.read([Input.of_bytes("x", text.encode())], NoSources())
    except FormatError as error:
        return str(error)
    return report.files, report.notes


@given(tracefiles())
def test_at_once_or_line_by_line_is_the_same(case):
    end, sections = case
    fmt = Lcov()
    quick = "".join("".join(record + end for record in section) for section in sections)
    # the loops take no section that begins with two names; where it was refused, the line is the same
    slow = "".join("TN:x" + end + "".join(record + end for record in section[:1] + section) for section in sections)
    once = read(fmt, quick)
    assert read(fmt, quick) == once
    assert read(fmt, quick) == once  # now that all of its shapes are known
    carefully = read(Lcov(), slow)
    assert isinstance(once, str) == isinstance(carefully, str)
    if not isinstance(once, str):
        assert once == carefully
