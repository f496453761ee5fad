"""Laws of the quick ways for Go's profiles: adding in columns gives what merging file by file gives, and what is kept
between reads changes nothing."""

from __future__ import annotations

import io
from array import array
from collections import Counter
from itertools import chain

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from covey.errors import CoveyError, SourceMismatch
from covey.formats.base import Input
from covey.formats.gocover import GoCover
from covey.formats.sources import NoSources
from covey.loops import columns, goblocks, lanes
from covey.loops import gocovdata as counts
from covey.loops import gocover as loop
from covey.model.blocks import Blocks
from covey.model.counted import Lines
from covey.model.merge import HOWS, counted_once, merge, with_slice
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Report
from covey.model.sheet import Sheet

COUNTS = st.integers(0, 3) | st.sampled_from([2**56 - 1, 2**56, 2**62, 2**63 - 1])
PATHS = ("a.go", "b/a.go", "b/b.go", "c.go", "d.go")
BUILDS = (
    [array("i", [1, 2, 3, 4, 1]), array("i", [1, 1, 2, 1, 1, 2, 1, 9, 9, 0]), array("i", [4, 4, 4, 9, 3])],
    [array("i", [1, 2, 3, 4, 2]), array("i", [1, 1, 2, 1, 1, 2, 1, 9, 9, 0]), array("i", [5, 1, 5, 2, 1])],
)


def layout_of(build, at):
    return BUILDS[build][at % 3] if at < 4 else BUILDS[0][0]


@st.composite
def sheets(draw):
    """Some files in some order of columns, mostly of one build and counted."""
    mode = draw(st.sampled_from(["count", "count", "set"]))
    chosen = draw(st.permutations(range(len(PATHS))))[: draw(st.integers(0, len(PATHS)))]
    pages, hits = {}, array("q")
    for at in chosen:
        layout = layout_of(draw(st.sampled_from([0, 0, 0, 1])), at)
        pages[None, PATHS[at]] = layout, len(hits), len(layout) // 5
        hits.extend(draw(COUNTS) for _ in range(len(layout) // 5))
    return Sheet({key: pages[key] for key in sorted(pages)}, hits, mode)


@st.composite
def others(draw):
    """A report that is no sheet, with a file of lines, or of Go's blocks, or of both kinds."""
    files = []
    for at in draw(st.sets(st.integers(0, len(PATHS) - 1), max_size=2)):
        layout = layout_of(draw(st.sampled_from([0, 0, 1])), at)
        hits = array("q", [draw(COUNTS) for _ in range(len(layout) // 5)])
        blocks = Blocks(layout, hits, "touch") if draw(st.booleans()) else None
        files.append(FileCoverage(PATHS[at], Lines.of(draw(st.dictionaries(st.integers(1, 9), COUNTS))), blocks=blocks))
    return {file.key: file for file in sorted(files, key=lambda file: file.path)}


@st.composite
def inputs(draw):
    """Several reports; some sheets come with the very same pages again, as shards of one build do."""
    found = []
    for number in range(draw(st.integers(1, 7))):
        files = draw(st.one_of(sheets(), sheets(), sheets(), others()))
        before = draw(st.sampled_from([one for one in found if isinstance(one.files, Sheet)] or [None]))
        if before is not None and draw(st.booleans()):
            hits = array("q", [draw(COUNTS) for _ in before.files.hits])
            files = Sheet(before.files.pages, hits, draw(st.sampled_from([before.files.mode, "count"])))
        found.append(Report(files, (Provenance(path=f"in{number}", digest=f"sha256:{number}"),)))
    return found


def outcome(reports, how, relaxed):
    try:
        merged = merge(reports, how, relaxed=relaxed)
    except SourceMismatch as error:
        return str(error)
    return dict(merged.files), merged.sources, merged.notes


def only(path, report):
    return Report({key: file for key, file in report.files.items() if key[1] == path}, report.sources)


def plain(report):
    return Report(dict(report.files.items()), report.sources)


@given(inputs(), st.sampled_from([*HOWS, *["sum"] * 6]), st.booleans())
def test_sheets_are_merged_as_their_files_are(reports, how, relaxed):
    if how in ("subtract", "intersect"):
        reports = (reports * 2)[:2]
        reports = [Report(one.files) for one in reports]
    assert_equal(reports, [*map(plain, reports)], how, relaxed)


def assert_equal(reports, others, how, relaxed):
    found, expected = outcome(reports, how, relaxed), outcome(others, how, relaxed)
    if isinstance(expected, str):  # of several files that differ either may be named
        path = found.partition(": the inputs ")[0]
        expected = outcome([only(path, report) for report in others], how, relaxed)
    assert found == expected


@given(inputs())
def test_sheets_are_counted_and_sliced_as_their_files_are(reports):
    assert counted_once(reports[0]).files == counted_once(plain(reports[0])).files
    assert with_slice(reports[0], "part:x").slices == with_slice(plain(reports[0]), "part:x").slices
    assert list(reports[0].files) == sorted(reports[0].files)


@given(st.lists(st.lists(COUNTS, max_size=5), max_size=9), st.integers(1, 40))
@example([[2**56 - 1, 1]], 130)
@example([[2**56 - 1], [0, 2**63 - 1, 5], [1]], 43)
def test_a_total_is_the_sum_of_its_columns(several, times):
    total, wanted = lanes.Total(), array("q")
    for row in several * times:
        column = array("q", row)
        total.add(column)
        wanted, column = (
            array("q", [*one, *[0] * (max(len(wanted), len(column)) - len(one))]) for one in (wanted, column)
        )
        wanted = array("q", map(columns.saturating_add, wanted, column))
    assert total.hits() == wanted


@given(st.data())
def test_hits_are_laid_out_where_the_spots_say(data):
    sizes = data.draw(st.lists(st.integers(0, 3), max_size=6))
    hits = array("q", range(1, sum(sizes) + 1))
    begins = [sum(sizes[:at]) for at in range(len(sizes))]
    order = data.draw(st.permutations(range(len(sizes))))
    spots, wanted = [], []
    for at in order:
        wanted += [0] * data.draw(st.integers(0, 2))
        spots.append((len(wanted), begins[at], sizes[at]))
        wanted += hits[begins[at] : begins[at] + sizes[at]]
    size = len(wanted) + data.draw(st.integers(0, 2))
    got = lanes.laid_out(hits, lanes.joined(data.draw(st.permutations(spots))), size)
    assert list(got) == wanted + [0] * (size - len(wanted))


NAMES = ("m/a.go", "m/b.go", "m/C: 1.go", "m/d/ü.go")
LINES = {
    name: [[f"{at + 1}.{build + 1},{at + 2}.9 {at % 3} " for at in range(2 + number)] for build in (0, 1)]
    for number, name in enumerate(NAMES)
}


@st.composite
def profiles(draw):
    """One profile: some files in any order, mostly of one build, now and then again, its lines seldom out of order."""
    lines = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=6, unique=draw(st.booleans()))):
        starts = LINES[name][draw(st.sampled_from([0, 0, 0, 1]))]
        if draw(st.sampled_from([False] * 5 + [True])):
            starts = draw(st.permutations(starts))[: draw(st.integers(1, len(starts)))]
        lines += [f"{name}:{start}{draw(COUNTS)}" for start in starts]
    mode = draw(st.sampled_from(["set", "count", "count", "atomic"]))
    middle = draw(st.sampled_from([[], [], [], ["mode: set"], ["mode: count"], [""]]))
    cut = draw(st.integers(0, len(lines)))
    return "\n".join([f"mode: {mode}", *lines[:cut], *middle, *lines[cut:], ""]).encode()


def read(fmt, text, number):
    try:
        return fmt.read([Input.of_bytes(f"p{number}", text)], SOURCES)
    except CoveyError as error:
        return str(error)


SOURCES = NoSources()


@given(st.lists(profiles(), min_size=1, max_size=7))
def test_a_profile_reads_the_same_whatever_was_read_before(texts):
    kept = GoCover()
    for _ in range(2):
        for number, text in enumerate(texts):
            mine, fresh = read(kept, text, number), read(GoCover(), text, number)
            assert isinstance(mine, str) == isinstance(fresh, str)
            if isinstance(mine, str):
                assert mine == fresh
            else:
                assert dict(mine.files) == dict(fresh.files)
                assert (mine.sources, mine.notes) == (fresh.sources, fresh.notes)


@given(st.lists(profiles(), min_size=1, max_size=7), st.booleans())
def test_profiles_merge_the_same_whatever_was_read_before(texts, relaxed):
    kept = GoCover()
    for _ in range(3):
        mine = [read(kept, text, number) for number, text in enumerate(texts)]
    fresh = [read(GoCover(), text, number) for number, text in enumerate(texts)]
    mine, fresh = ([one for one in some if not isinstance(one, str)] for some in (mine, fresh))
    assert_equal(mine, fresh, "sum", relaxed)


def runs_of(known, lines, cuts):
    """What the runs of lines that come in pieces say of each block, all together."""
    found, waiting, at = Counter(), [], 0
    for cut in [*sorted(cuts), len(lines)]:
        waiting += lines[at:cut]
        done = loop.runs(waiting, known, DECODE, got := [], last=cut == len(lines))
        at = cut
        del waiting[:done]
        for part in chain.from_iterable(map(loop.parts, got)):
            for block in Blocks(part.layout, part.hits) if part.layout else ():
                found[part.name, *block[:5]] += block.hits + 1
    assert not waiting
    return found


DECODE = msgspec.json.Decoder(list[int]).decode


@given(profiles(), profiles(), st.data())
def test_lines_in_pieces_are_the_same_runs(before, text, data):
    lines = text.split(b"\n")[1:-1]
    cuts = data.draw(st.lists(st.integers(0, len(lines)), max_size=4))
    known = loop.Known()
    for _ in range(2):
        runs_of(known, before.split(b"\n")[1:-1], [])
    assert runs_of(known, lines, cuts) == runs_of(loop.Known(), lines, [])


@pytest.mark.parametrize("mode", ["set", "count"])
def test_what_every_test_binary_shows_is_added_up_in_columns(mode):
    """As `go test -coverpkg=./...` writes it: all files, once a package that has tests."""
    once = "".join(f"{name}:{start}1\n" for name in NAMES for start in LINES[name][0])
    text = f"mode: {mode}\n{once * 5}".encode()
    kept = GoCover()
    first, *_, last = (read(kept, text, number) for number in range(4))
    assert isinstance(last.files, Sheet)
    assert dict(first.files) == dict(last.files)
    assert {hits for file in last.files.values() for hits in file.blocks.hits} == {1 if mode == "set" else 5}
    out = io.BytesIO()
    kept.write(last, out)
    assert out.getvalue().count(b"\n") == once.count("\n") + 1


@st.composite
def processes(draw):
    """What several processes of a build counted: (package, function, counters) each, seldom a function twice or with
    another number of counters."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=8))
    found = []
    for _ in range(draw(st.integers(1, 6))):
        chosen = sorted(draw(st.sets(st.integers(0, len(sizes) - 1))))
        chosen += draw(st.sampled_from([[], [], [], [0], [0, 0]]))
        rows = [(at % 2, at, sizes[at] + draw(st.sampled_from([0] * 9 + [1]))) for at in chosen]
        found.append([(*row[:2], [draw(COUNTS | st.just(2**70)) for _ in range(row[2])]) for row in rows])
    return found


@given(processes())
def test_counters_of_processes_add_up_function_by_function(several):
    tally, wanted = counts.Tally(), {}
    for functions in several:
        numbers = [n for package, function, row in functions for n in (len(row), package, function, *row)]
        tally.add(numbers, len(functions))
        for package, function, row in functions:
            mine = wanted.setdefault(package << 32 | function, [])
            mine += [0] * (len(row) - len(mine))
            for at, count in enumerate(row):
                mine[at] = min(mine[at] + count, 2**63 - 1)
    assert {key: list(row) for key, row in tally.counters().items()} == wanted


@given(processes(), st.data())
def test_counters_that_are_cut_are_refused(several, data):
    functions = several[0]
    numbers = [n for package, function, row in functions for n in (len(row), package, function, *row)]
    cut = data.draw(st.integers(0, len(numbers)))
    if cut < len(numbers):
        with pytest.raises(ValueError, match="cut off"):
            counts.Tally().add(numbers[:cut], len(functions))


UNITS = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1))


@given(st.lists(st.tuples(UNITS, COUNTS), max_size=7), st.sampled_from([1, 2**32 - 1]))
def test_units_become_columns_in_order_each_place_once(rows, most):
    statements, wanted = {}, {}
    for unit, count in rows:
        statements.setdefault(unit[:4], set()).add(unit[4])
        wanted[unit] = min(wanted.get(unit, 0) + min(count, most), most)
    units, hits = [number for unit, _ in rows for number in unit], [count for _, count in rows]
    if any(len(several) > 1 for several in statements.values()):
        with pytest.raises(goblocks.UnlikeBlocksError):
            counts.arranged(units, hits, most)
    else:
        layout, found = counts.arranged(units, hits, most)
        assert [(*layout[at * 5 : at * 5 + 5], found[at]) for at in range(len(found))] == [
            (*unit, wanted[unit]) for unit in sorted(wanted)
        ]
