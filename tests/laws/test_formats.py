"""Laws of the formats: what one holds comes back, and nothing that comes in does more than be refused."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from laws.reports import files, reports, some_blocks

from covey import plugins
from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.coveragedata import inserts
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.report import Report, bits

GOLDEN = Path(__file__).parent.parent / "golden"
ROOMS = tuple(  # every format that has files of the real tool which can be read one by one
    name
    for name in plugins.names("formats")
    if (GOLDEN / name).is_dir() and getattr(plugins.load("formats", name), "unites", "") != "folder"
)
SEEDS = {
    room: [
        path.read_bytes()
        for path in sorted((GOLDEN / room).glob("*/*"))
        if path.is_file() and path.name != "expected.json" and path.parent.name != "source"
    ]
    for room in ROOMS
}
CHECKOUT = CheckoutSources(GOLDEN / "coveragepy/source")
NAMES = st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=12)


def there_and_back(name, report):
    fmt, out = plugins.load("formats", name), io.BytesIO()
    fmt.write(report, out)
    return fmt.read([Input.of_bytes("x", out.getvalue())], NoSources())


@st.composite
def with_blocks(draw):
    file = draw(files("pkg/d.go"))
    blocks = draw(st.one_of(st.none(), st.just("conflict"), some_blocks()))
    repository = draw(st.sampled_from([None, "https://example.com/o/r", "r"]))
    inexact = draw(st.frozensets(st.sampled_from(["branches", "lines"])))
    return replace(file, blocks=blocks, repository=repository, inexact=inexact, source_hash=draw(st.none() | NAMES))


@given(reports(), with_blocks(), st.lists(NAMES))
def test_native_is_the_identity(report, file, notes):
    whole = Report.of([*report.files.values(), file], report.sources, report.slices, notes)
    assert there_and_back("native", whole) == whole


def held_by_lcov(file):
    """Lines without their blocks, and no mode. Anonymous arms are numbered, so only named ones here; a name is that
    of one function."""
    named = Branches.of(arm for arm in file.branches if not arm.key.startswith("?"))
    seen = {}
    for function in file.functions:
        seen.setdefault(function.name, function)
    functions = Functions.of(seen.values())
    lines = Lines(file.lines.numbers, file.lines.hits)
    return replace(file, lines=lines, branches=named, functions=functions, blocks=None, mode="count")


@given(reports(modes=("count",)))
def test_lcov_gives_back_what_it_holds(report):
    held = {key: held_by_lcov(file) for key, file in report.files.items()}
    assert there_and_back("lcov", replace(report, files=held)).files == held


@given(files("a.c", modes=("count",)), st.lists(st.tuples(st.integers(1, 9), NAMES, st.integers(0, 3)), max_size=5))
def test_lcov_gives_back_arms_and_functions_of_any_name(file, rows):
    arms = {(line, f"0x{name}"): hits for line, name, hits in rows}
    # A name that begins with digits and a comma is, in lcov's own grammar, one that begins with the last line.
    functions = {f"f{name}()": Function(f"f{name}()", line, None, hits) for line, name, hits in rows}
    file = replace(
        file,
        branches=Branches.of(Arm(line, key, hits) for (line, key), hits in arms.items()),
        functions=Functions.of(functions.values()),
    )
    assert there_and_back("lcov", Report.of([file])).files[file.key] == file


@given(reports(modes=("count",)))
def test_cobertura_gives_back_lines_and_how_many_arms_ran(report):
    back = there_and_back("cobertura", report)
    assert set(back.files) == set(report.files)
    for key, file in report.files.items():
        assert back.files[key].lines == file.lines
        arms = [arm for arm in file.branches if arm.line in file.lines]
        ratio = back.files[key].branches.ratio
        assert (ratio.covered, ratio.total) == (sum(arm.hits > 0 for arm in arms), len(arms))


@given(reports(modes=("set",)))
def test_coverage_database_gives_back_what_ran(report):
    ran = {key: bits(line for line, hits in file.lines.items() if hits) for key, file in report.files.items()}
    tests = {name: {key: bit_set for key, bit_set in ran.items() if bit_set} for name in report.slices}
    back = there_and_back("coveragepy", replace(report, slices=tests))
    assert {key: bits(file.lines) for key, file in back.files.items()} == ran
    assert back.slices == {name: by_file for name, by_file in tests.items() if name.startswith("test:") and by_file}


@st.composite
def damaged(draw):
    """A file of the real tool with bytes changed, cut out, doubled or put in."""
    room = draw(st.sampled_from(ROOMS))
    data = bytearray(draw(st.sampled_from(SEEDS[room])))
    packed = data[:2] == b"z\x78" and draw(st.booleans())
    if packed:
        data = bytearray(zlib.decompress(data[1:]))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 1, 2, 7, 60]))
        kind = draw(st.sampled_from(["new", "twice", "digits"]))
        piece = {
            "new": draw(st.binary(max_size=8)),
            "twice": bytes(data[at : at + length]) * 2,
            "digits": draw(st.sampled_from([b"0", b"-1", b"99999999999999999999", b"1e9", b'"', b"'", b"<", b","])),
        }[kind]
        data[at : at + length] = piece
    return room, b"z" + zlib.compress(bytes(data)) if packed else bytes(data)


def attempt(fmt, data, sources):
    """The report, or None and the path that the refusal names; any other error is a failure."""
    try:
        return fmt.read([Input.of_bytes("x", data)], sources), ""
    except FormatError as error:
        return None, error.path


@given(damaged(), st.booleans())
def test_damage_is_refused_or_read_and_never_more(case, with_checkout):
    room, data = case
    fmt = plugins.load("formats", room)
    fmt.sniff("x", data[:4096])
    sources = CHECKOUT if with_checkout else NoSources()
    report, refused = attempt(fmt, data, sources)
    if report is None:
        assert refused == "x"
        return
    out = io.BytesIO()
    plugins.load("formats", "native").write(report, out)
    assert plugins.load("formats", "native").read([Input.of_bytes("y", out.getvalue())], sources) == report


@given(st.sampled_from([*ROOMS, "native"]), st.binary(max_size=200))
def test_any_bytes_at_all_are_refused_or_read(room, data):
    attempt(plugins.load("formats", room), data, NoSources())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def twisted(draw):
    """A capture or a native report in which one value is another."""
    schema = draw(st.sampled_from(["capture", "report"]))
    if schema == "capture":
        document = json.loads(draw(st.sampled_from(SEEDS["segments"])))
    else:
        out = io.BytesIO()
        plugins.load("formats", "native").write(draw(reports()), out)
        document = json.loads(out.getvalue())
    place, key = document, draw(st.sampled_from(sorted(document)))
    while isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
        place = place[key]
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = draw(JSON | st.sampled_from(["1-9999999", "9-1", "../../x", "/" * 99, "\0", "1" * 5000]))
    return "segments" if schema == "capture" else "native", json.dumps(document).encode()


@given(twisted())
def test_a_wrong_value_anywhere_is_refused_or_read(case):
    room, data = case
    report, _ = attempt(plugins.load("formats", room), data, CHECKOUT)
    assert report is None or all(".." not in path.split("/") and not path.startswith("/") for _, path in report.files)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
)
def test_a_dump_is_read_as_sqlite_wrote_it(rows):
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE context (id integer, context text -- it's a ; 'comment\n)")
    connection.executemany("INSERT INTO context VALUES (?, ?)", rows)
    text = "\n".join(connection.iterdump())
    connection.close()
    assert [row for _, row in inserts("x", text)] == rows


def test_seeds_are_there():
    assert all(SEEDS.values())
