"""What covey says of coverage.py's data against what coverage.py says of it: report, JSON, XML and LCOV."""

from __future__ import annotations

import io
import json

import pytest
from coverage import Coverage, CoverageData
from coverage.results import Numbers
from oracle import coverage_project as project

from covey.formats.base import Input
from covey.formats.cobertura import FORMAT as COBERTURA
from covey.formats.coveragepy import FORMAT as COVERAGEPY
from covey.formats.lcov import FORMAT as LCOV
from covey.formats.segments import FORMAT as SEGMENTS
from covey.formats.sources import CheckoutSources
from covey.model.ranges import to_ranges
from covey.model.ratio import Ratio
from covey.model.report import lines_of


@pytest.fixture(scope="module", params=sorted(project.CONFIGS))
def recorded(request, tmp_path_factory):
    folder = project.lay_out(tmp_path_factory.mktemp(request.param), request.param)
    project.record(folder)
    return folder


def test_percentages_are_shown_as_by_coverage():
    """Also where two are equally near: it shows 62 for 62.5 %."""
    for total in (3, 7, 8, 16, 160, 999, 1600):
        for covered in range(total + 1):
            numbers = [Numbers(digits, 1, total, 0, total - covered) for digits in range(4)]
            assert [Ratio(covered, total).shown(digits) for digits in range(4)] == [
                one.pc_covered_str for one in numbers
            ]


def read(format_, folder, name=".coverage"):
    return format_.read([Input.of_path(folder / name)], CheckoutSources(folder))


def lines(report):
    """Path -> (executed, missing)."""
    return {
        path: ([n for n, hits in file.lines.items() if hits], file.lines.missing)
        for (_, path), file in report.files.items()
    }


def test_lines_and_branches_are_those_of_coverage_json(recorded):
    told = project.told(recorded)
    ours = read(COVERAGEPY, recorded)
    assert lines(ours) == {
        path: (entry["executed_lines"], entry["missing_lines"]) for path, entry in told["files"].items()
    }
    for path, entry in told["files"].items():
        summary, totals = entry["summary"], ours.files[None, path].totals
        assert totals.branches.total == summary.get("num_branches", 0), path
        assert totals.branches.covered == summary.get("covered_branches", 0), path
        missing = {
            (arm.line, int(arm.key.removeprefix("->"))) for arm in ours.files[None, path].branches if not arm.hits
        }
        assert missing == set(map(tuple, entry.get("missing_branches", []))), path
    assert ours.totals.lines.covered == told["totals"]["covered_lines"]
    assert ours.totals.lines.total == told["totals"]["num_statements"]


def test_the_json_report_reads_as_the_data_does(recorded):
    project.told(recorded)
    ours, from_json = read(COVERAGEPY, recorded), read(COVERAGEPY, recorded, "told.json")
    assert lines(from_json) == lines(ours)
    for key, file in ours.files.items():
        assert from_json.files[key].totals == file.totals, key
        assert {one.name for one in from_json.files[key].functions} == {one.name for one in file.functions}
    assert set(from_json.slices) == set(ours.slices)


def test_lcov_reads_as_the_data_does(recorded):
    project.coverage(recorded, "lcov", "-q", "-o", "told.lcov")
    ours, told = read(COVERAGEPY, recorded), read(LCOV, recorded, "told.lcov")
    assert lines(told) == lines(ours)
    for key, file in ours.files.items():
        assert told.files[key].functions == file.functions, key
        lcov = told.files[key].totals.branches
        # What it counts on a line is what it lists there, which leaves out arms that count but are not listed.
        assert (lcov.total - lcov.covered) == (file.totals.branches.total - file.totals.branches.covered), key


def test_xml_reads_as_the_data_does(recorded):
    project.coverage(recorded, "xml", "-q", "-o", "told.xml")
    ours, told = read(COVERAGEPY, recorded), read(COBERTURA, recorded, "told.xml")
    assert lines(told) == lines(ours)
    for key, file in ours.files.items():
        assert told.files[key].totals.branches == file.totals.branches, key


def test_the_dump_reads_as_the_database_does(recorded):
    data = CoverageData(str(recorded / ".coverage"))
    data.read()
    dump = data.dumps()
    data.close()
    ours = COVERAGEPY.read([Input.of_bytes("dump", dump)], CheckoutSources(recorded))
    assert ours.files == read(COVERAGEPY, recorded).files
    assert ours.slices == read(COVERAGEPY, recorded).slices


def test_what_we_write_is_what_coverage_reports(recorded, tmp_path, monkeypatch):
    ours = read(COVERAGEPY, recorded)
    out = io.BytesIO()
    COVERAGEPY.write(ours, out)
    (tmp_path / "written").write_bytes(out.getvalue())
    monkeypatch.chdir(recorded)
    config = project.CONFIGS[recorded.name.rstrip("0123456789")][0]
    coverage = Coverage(data_file=str(tmp_path / "written"), config_file=config)
    coverage.set_option("run:relative_files", True)
    coverage.load()
    coverage.json_report(outfile=str(tmp_path / "told.json"))
    coverage.get_data().close(force=True)
    told = json.loads((tmp_path / "told.json").read_text())
    assert lines(ours) == {
        path: (entry["executed_lines"], entry["missing_lines"]) for path, entry in told["files"].items()
    }


def test_a_capture_of_the_same_run_counts_as_the_data_does(recorded):
    """The same executed lines, handed over as our agent does, from a container's path: the same figures."""
    data = CoverageData(str(recorded / ".coverage"))
    data.read()
    ran = {path: to_ranges(sorted(data.lines(path))) for path in data.measured_files() if data.lines(path)}
    data.close()
    folder = str(recorded)
    files = {
        "/srv/" + path.removeprefix(folder).lstrip("/"): {"source_hash": None, "lines": text}
        for path, text in ran.items()
    }
    capture = {"schema": "covey.capture/1", "boot_id": "b", "processes": [{"pid": 1, "files": files}]}
    sources = CheckoutSources(recorded)
    report = SEGMENTS.read([Input.of_bytes("capture.json", json.dumps(capture).encode())], sources)
    ours, expected = lines(SEGMENTS.complete(report, sources)), lines(read(COVERAGEPY, recorded))
    assert ours == expected


def test_contexts_become_slices(tmp_path):
    folder = project.lay_out(tmp_path, "contexts")
    (folder / "test_it.py").write_text(
        "from app import branchy\n\ndef test_walk():\n    branchy.walk([2])\n\ndef test_never():\n"
        "    branchy.never(None)\n\ntest_walk()\ntest_never()\n"
    )
    project.coverage(folder, "run", "test_it.py")
    report = read(COVERAGEPY, folder)
    assert set(report.slices) == {"test:__main__.test_walk", "test:__main__.test_never"}
    never = report.slices["test:__main__.test_never"]
    told = CoverageData(str(folder / ".coverage"))
    told.read()
    told.set_query_contexts(["__main__.test_never"])
    executed = set(told.lines(str(folder / "app/branchy.py")))
    assert lines_of(never[None, "app/branchy.py"]) == sorted(executed & set(report.files[None, "app/branchy.py"].lines))
    told.close()
    project.told(folder)
    assert read(COVERAGEPY, folder, "told.json").slices == report.slices


def test_xml_of_two_sources_tells_that_one_file_is_missing(tmp_path, monkeypatch):
    for folder, text in (("one", "a = 1\nb = 2\n"), ("two", "c = 3\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mod.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    measured = Coverage(source=["one", "two"], data_file=None)
    measured.start()
    for folder in ("one", "two"):
        exec(compile((tmp_path / folder / "mod.py").read_text(), str(tmp_path / folder / "mod.py"), "exec"), {})
    measured.stop()
    measured.xml_report(outfile="coverage.xml")
    report = read(COBERTURA, tmp_path, "coverage.xml")
    assert report.totals.lines.total < 3
    assert any("of the 3 lines it counts are not in it" in note for note in report.notes)
