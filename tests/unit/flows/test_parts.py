"""What inputs that no part has reach together, whether they are added up in columns or file by file."""

from __future__ import annotations

import io

from covey.flows.parts import with_other
from covey.formats.base import Input
from covey.formats.gocover import FORMAT
from covey.formats.sources import NoSources
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report, bits, lines_of


def profile(*rows):
    text = "mode: count\n" + "".join(f"{row}\n" for row in rows)
    return FORMAT.read([Input("x.out", lambda: io.BytesIO(text.encode()))], NoSources())


def test_what_any_of_them_covers_whatever_its_layout():
    reports = [
        profile("m/a.go:1.1,3.2 2 1", "m/a.go:5.1,6.2 1 0", "m/b.go:1.1,2.2 1 0"),
        profile("m/a.go:1.1,3.2 2 0", "m/a.go:5.1,6.2 1 7", "m/b.go:1.1,2.2 1 0"),
        profile("m/a.go:1.1,2.2 2 0", "m/a.go:8.1,9.2 1 1"),
        Report.of([FileCoverage("m/a.go", Lines.of({20: 1, 21: 0})), FileCoverage("c.py", Lines.of({4: 1}))]),
        profile("m/d.go:1.1,1.9 1 1"),
    ]
    *same, last = with_other(iter(reports), {"unit"})
    assert same == reports
    assert not last.files
    assert {key[1]: lines_of(ran) for key, ran in last.slices["part:other"].items()} == {
        "m/a.go": [1, 2, 3, 5, 6, 8, 9, 20],
        "c.py": [4],
        "m/d.go": [1],
    }


def test_reports_that_tell_their_parts_are_in_none_besides():
    file = FileCoverage("a.py", Lines.of({1: 1, 2: 1}))
    told = Report.of([file], slices={"part:e2e": {file.key: bits([1])}})
    assert list(with_other([told], {})) == [told]
    assert [list(one.slices) for one in with_other([told, Report.of([file])], {"other", "other inputs"})] == [
        ["part:e2e"],
        [],
        ["part:other inputs inputs"],
    ]
