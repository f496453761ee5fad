"""The evidence page tells what `make prove` measured: cases by room, what was left out, tables that cases record."""

from __future__ import annotations

import runpy
from datetime import UTC, datetime
from pathlib import Path

EVIDENCE = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "evidence.py"))
RESULTS = """<testsuites><testsuite>
<testcase classname="tests.fuzz.test_formats" name="test_x[lcov]" time="180.2"><properties>
<property name="table" value="Fuzzing"/><property name="row" value="lcov"/><property name="inputs" value="90000"/>
</properties></testcase>
<testcase classname="tests.unit.model.test_merge" name="test_y" time="0.1"/>
<testcase classname="tests.laws.test_merge" name="test_u" time="9"><properties>
<property name="examples" value="3000"/></properties></testcase>
<testcase classname="tests.laws.test_merge" name="test_v" time="9"><properties>
<property name="examples" value="400"/></properties></testcase>
<testcase classname="tests.oracle.test_go" name="test_z" time="0"><skipped message="no go"/></testcase>
<testcase classname="tests.oracle.test_c" name="test_w" time="2"><failure message="1 != 2"/></testcase>
</testsuite></testsuites>"""


def test_the_page_tells_of_each_room_and_has_the_tables_that_cases_recorded(tmp_path):
    results = tmp_path / "prove.xml"
    results.write_text(RESULTS)
    page = EVIDENCE["page"](EVIDENCE["cases"](results), "0123456789ab", datetime(2026, 1, 2, tzinfo=UTC))
    assert "| unit/model | 1 | 0 | 0 | 0 | 0 |" in page
    assert "| oracle | 0 | 1 | 0 | 1 | 2 |" in page
    assert "2 property tests look at 400 to 3,000 examples, 3,400 in all." in page
    assert "Skipped: 1 x no go." in page
    assert "## Fuzzing\n\n|  | inputs |\n| --- | --- |\n| lcov | 90000 |\n" in page
