"""Laws of joining coverage.py's data: what is written as pages is what SQLite would have inserted, what goes through a
temporary file is what stays in memory, and order and grouping of inputs do not matter."""

from __future__ import annotations

import io
import sqlite3
from array import array

import pytest
from coverage import CoverageData
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import FormatError
from covey.formats import coverageunion
from covey.formats.base import Input
from covey.formats.coveragepy import FORMAT
from covey.formats.pieces import Pieces
from covey.formats.sources import NoSources
from covey.loops.arcpages import PAGE, ArcPages, width_of

TABLE = """
PRAGMA page_size=4096;
CREATE TABLE arc (file_id integer, context_id integer, fromno integer, tono integer,
  unique (file_id, context_id, fromno, tono));
"""
ENDS = st.integers(-40_000, 40_000) | st.sampled_from([-32_769, -32_768, 32_767, 32_768, -(2**23), 2**23 - 1, 10**7])
ARCS = st.sets(st.tuples(ENDS, ENDS), min_size=1, max_size=30)


def written(path, groups, widths=(2, 3)):
    """groups: (file, context, arcs), ascending."""
    packed = [
        (file, context, array("q", sorted((a << 32) + b for a, b in arcs)).tobytes()) for file, context, arcs in groups
    ]
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLE)
    begun = connection.serialize()
    roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
    width = max([width_of(piece) for _, _, piece in packed], default=2)
    with path.open("w+b") as out:
        out.write(begun)
        pages = ArcPages(out, len(begun) // PAGE, roots["arc"], roots["sqlite_autoindex_arc_1"], (*widths, width))
        for group in packed:
            pages.add(*group)
        count = pages.close()
        out.seek(28)
        out.write(count.to_bytes(4, "big"))


def is_what_was_meant(path, groups):
    meant = [(file, context, a, b) for file, context, arcs in groups for a, b in sorted(arcs)]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT * FROM arc NOT INDEXED").fetchall() == meant
    for row in meant[:: max(len(meant) // 50, 1)]:  # by the index
        where = "file_id = ? AND context_id = ? AND fromno = ? AND tono = ?"
        assert connection.execute(f"SELECT * FROM arc WHERE {where}", row).fetchall() == [row]
    connection.execute("INSERT OR IGNORE INTO arc SELECT * FROM arc")
    assert connection.execute("SELECT count(*) FROM arc").fetchone() == (len(meant),)
    connection.execute("INSERT INTO arc VALUES (0, 0, 0, 0)")
    connection.execute("DELETE FROM arc WHERE rowid % 2")
    connection.commit()
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@given(st.dictionaries(st.tuples(st.integers(1, 300), st.integers(1, 70_000)), ARCS, max_size=12))
def test_pages_are_what_sqlite_would_have_inserted(tmp_path_factory, groups):
    path = tmp_path_factory.mktemp("pages") / "data"
    rows = [(*key, groups[key]) for key in sorted(groups)]
    written(path, rows)
    is_what_was_meant(path, rows)


@pytest.mark.parametrize("count", [*range(130, 210), 290, 291, 292, 390, 408, 20_000, 40_000])
def test_pages_of_any_fill_hold_together(tmp_path, count):
    """Where a page, a level of pages or a chunk of rows is just full, or one more."""
    rows = [(1, 1, {(number, number + 1) for number in range(count)})]
    written(tmp_path / "data", rows)
    is_what_was_meant(tmp_path / "data", rows)


NAMES = st.sampled_from(["/srv/a.py", "/srv/b.py", "/srv/pkg/ü.py"])
CONTEXTS = st.sampled_from(["", "one", "two"])
LINES = st.sets(st.integers(1, 300), min_size=1, max_size=20)
SHARDS = st.lists(st.dictionaries(st.tuples(NAMES, CONTEXTS), LINES, min_size=1, max_size=5), min_size=1, max_size=4)


def shard(folder, number, ran, arcs):
    path = folder / f".coverage.{number}"
    data = CoverageData(basename=str(path))
    for (name, context), lines in sorted(ran.items()):
        data.set_context(context)
        ordered = sorted(lines)
        if arcs:
            data.add_arcs({name: zip([-1, *ordered], [*ordered, -1], strict=True)})
        else:
            data.add_lines({name: ordered})
    data.close(force=True)
    return Input.of_path(path)


def joined(files):
    out = io.BytesIO()
    FORMAT.unite(files, NoSources(), None).write(out)
    return out.getvalue()


def content(data):
    connection = sqlite3.connect(":memory:")
    connection.deserialize(data)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    query = "SELECT path, context, {} FROM {} JOIN file ON file.id = file_id JOIN context ON context.id = context_id"
    lines = set(connection.execute(query.format("numbits", "line_bits")))
    return lines, set(connection.execute(query.format("fromno, tono", "arc")))


@given(SHARDS, st.booleans())
def test_order_grouping_and_repetition_do_not_matter(tmp_path_factory, shards, arcs):
    folder = tmp_path_factory.mktemp("shards")
    files = [shard(folder, number, ran, arcs) for number, ran in enumerate(shards)]
    whole = joined(files)
    assert joined(files[::-1]) == whole
    assert joined([*files, *files[:2]]) == whole
    first = Input.of_bytes("first", joined(files[:1]))
    assert content(joined([first, *files[1:]])) == content(whole)


@given(SHARDS, st.booleans())
def test_what_goes_through_a_temporary_file_is_the_same(tmp_path_factory, shards, arcs):
    folder = tmp_path_factory.mktemp("shards")
    files = [shard(folder, number, ran, arcs) for number, ran in enumerate(shards)]
    whole = joined(files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverageunion, "_HELD", 150)
        patch.setattr(coverageunion, "_MOST_HELD", 150)
        patch.setattr(coverageunion, "_LARGE", 5000)
        patch.setattr(coverageunion, "_AT_ONCE", 64)
        assert joined(files) == whole


@pytest.mark.parametrize(("alike", "times"), [(True, 1), (False, 8)])
def test_arcs_that_others_repeat_get_more_room(tmp_path, monkeypatch, alike, times):
    """Else what is one already would be sorted anew with every shard."""
    files = []
    for number in range(20):
        context = "" if alike else f"test {number}"
        ran = {(f"/srv/{name}.py", context): {line for line in range(1, 100) if (line + number) % 5} for name in "abc"}
        files.append(shard(tmp_path, number, ran, arcs=True))
    whole = joined(files)
    put_away = []
    monkeypatch.setattr(
        Pieces, "put", lambda self, held, put=Pieces.put: (put_away.append(bool(held)), put(self, held))
    )
    monkeypatch.setattr(coverageunion, "_HELD", 8_000)
    monkeypatch.setattr(coverageunion, "_MOST_HELD", 32_000)
    assert joined(files) == whole
    assert sum(put_away) == times


@pytest.mark.parametrize(
    "row", ["1, 1, 'a', 2", "1, 1, 2, 'a'", "1, 1, x'00', 2", "1, 1, 99999999999, 2", "1, 1, 2.5, 3", "7, 1, 2, 3"]
)
def test_an_arc_that_is_none_is_refused_and_its_file_named(tmp_path, row):
    good = shard(tmp_path, 0, {("/srv/a.py", ""): {1, 2}}, arcs=True)
    bad = shard(tmp_path, 1, {("/srv/a.py", ""): {1, 2}}, arcs=True)
    connection = sqlite3.connect(bad.name)
    connection.execute(f"INSERT INTO arc VALUES ({row})")
    connection.commit()
    connection.close()
    with pytest.raises(FormatError) as caught:
        joined([good, bad])
    assert bad.name in str(caught.value.path)


def test_line_0_is_kept_where_it_is_a_number(tmp_path):
    data = CoverageData(basename=str(tmp_path / "data"))
    data.add_arcs({"/srv/a.py": [(-1, 0), (0, 3), (3, -1)]})
    data.close(force=True)
    arcs = content(joined([Input.of_path(tmp_path / "data")]))[1]
    assert {(start, end) for _, _, start, end in arcs} == {(-1, 0), (0, 3), (3, -1)}
