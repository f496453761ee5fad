"""Laws of the formats: what one holds comes back."""

from __future__ import annotations

import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from laws.reports import files, reports, some_blocks

from covey import plugins
from covey.formats.base import Input
from covey.formats.coveragedump import inserts
from covey.formats.sources import NoSources
from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.report import FileCoverage, Report, bits

NAMES = st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=12)
DIGITS = st.from_regex(r"[0-9]{1,2},[a-z0-9,]{1,3}", fullmatch=True)


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
    """Lines without their blocks, and no mode. Arms without a number get one, so only numbered ones here; a name is
    that of one function, and stands without its last line."""
    named = Branches.of(arm for arm in file.branches if not arm.key.startswith(("?", "->", "@")))
    seen = {}
    for function in file.functions:
        seen.setdefault(function.name, function._replace(last=None))
    functions = Functions.of(seen.values())
    lines = Lines(file.lines.numbers, file.lines.hits)
    return replace(file, lines=lines, branches=named, functions=functions, blocks=None, mode="count")


@given(reports(modes=("count",)))
def test_lcov_gives_back_what_it_holds(report):
    held = {key: held_by_lcov(file) for key, file in report.files.items()}
    assert there_and_back("lcov", replace(report, files=held)).files == held


def _last_line(name, first):
    """In lcov's own grammar a name that begins with digits and a comma is one that begins with the last line, so it
    alone is written after one."""
    head, comma, _ = name.partition(",")
    return first if comma and head.isdigit() else None


@given(
    files("a.c", modes=("count",)),
    st.lists(st.tuples(st.integers(1, 9), NAMES | DIGITS, st.integers(0, 3)), max_size=5),
)
def test_lcov_gives_back_arms_and_functions_of_any_name(file, rows):
    arms = {(line, f"0x{name}"): hits for line, name, hits in rows}
    functions = {name: Function(name, line, _last_line(name, line), hits) for line, name, hits in rows}
    file = replace(
        file,
        branches=Branches.of(Arm(line, key, hits) for (line, key), hits in arms.items()),
        functions=Functions.of(functions.values()),
    )
    assert there_and_back("lcov", Report.of([file])).files[file.key] == file


@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["f", "g", "f@2", "f@9", "f@9.2"]), st.integers(0, 3))))
def test_lcov_gives_back_every_function_where_several_have_one_name(rows):
    """The later ones under a name of their own, which then stays."""
    told = {(first, name): Function(name, first, None, hits) for first, name, hits in rows}
    report = Report.of([FileCoverage("a.js", Lines.of({1: 1}), functions=Functions.of(told.values()))])
    back = there_and_back("lcov", report)
    (file,) = back.files.values()
    assert sorted((one.first, one.hits) for one in file.functions) == sorted(
        (one.first, one.hits) for one in told.values()
    )
    assert there_and_back("lcov", back).files == back.files


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
    """Of Python's files: others have no place in it."""
    python = {key: file for key, file in report.files.items() if key[1].endswith(".py")}
    ran = {key: bits(line for line, hits in file.lines.items() if hits) for key, file in python.items()}
    tests = {name: {key: bit_set for key, bit_set in ran.items() if bit_set} for name in report.slices}
    back = there_and_back("coveragepy", replace(report, slices=tests))
    assert {key: bits(file.lines) for key, file in back.files.items()} == ran
    assert back.slices == {name: by_file for name, by_file in tests.items() if name.startswith("test:") and by_file}


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
