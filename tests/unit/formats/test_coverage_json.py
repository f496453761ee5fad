"""The report of `coverage json` where it calls one file of the repository by several names."""

from __future__ import annotations

import json

from covey.formats.base import Input
from covey.formats.coveragepy import FORMAT
from covey.formats.sources import CheckoutSources, NoSources
from covey.model.counted import leads_to
from covey.model.paths import Alias
from covey.model.report import bits


def entry(ran, missing, taken, not_taken):
    return {
        "executed_lines": ran, "missing_lines": missing, "executed_branches": taken, "missing_branches": not_taken,
        "summary": {"covered_lines": len(ran), "num_branches": 2},
        "contexts": {str(line): ["one"] for line in ran},
        "functions": {"f": {"executed_lines": ran[1:], "missing_lines": missing, "start_line": 2}},
    }  # fmt: skip


def test_two_files_of_one_place_are_one(tmp_path):
    (tmp_path / "src/pkg").mkdir(parents=True)
    (tmp_path / "src/pkg/mod.py").write_text("x = 1\ndef f(a):\n    if a:\n        return 1\n    return 2\n")
    copy = ".tox/py312/lib/python3.12/site-packages/pkg/mod.py"
    files = {
        "src/pkg/mod.py": entry([1], [2, 3, 4, 5], [], [[3, 4], [3, 5]]),
        copy: entry([1, 2, 3, 4], [5], [[3, 4]], [[3, 5]]),
    }
    data = json.dumps({"meta": {"format": 3, "branch_coverage": True}, "files": files}).encode()
    sources = CheckoutSources(tmp_path, [Alias("*/site-packages", "src", "[paths]")])
    report = FORMAT.read([Input.of_bytes("x.json", data)], sources)
    (file,) = report.files.values()
    assert dict(file.lines) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 0}
    assert [(arm.key, arm.hits) for arm in file.branches] == [(leads_to(4), 1), (leads_to(5), 0)]
    assert list(file.functions) == [("f", 2, None, 1)]
    assert report.slices == {"test:one": {file.key: bits([1, 2, 3, 4])}}
    assert report.notes == ("several files of x.json are src/pkg/mod.py in the repository",)


def test_without_a_count_of_what_ran_the_lines_count():
    """coverage.py always tells it; who makes such a report otherwise may not."""
    told = entry([1, 2], [3], [], []) | {"summary": {}, "contexts": {}, "functions": {}}
    data = json.dumps({"meta": {"format": 3, "branch_coverage": False}, "files": {"a.py": told}}).encode()
    (file,) = FORMAT.read([Input.of_bytes("x.json", data)], NoSources()).files.values()
    assert dict(file.lines) == {1: 1, 2: 1, 3: 0}
