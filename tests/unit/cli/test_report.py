"""`covey report` and `covey merge`: what they say of names and formats."""

from __future__ import annotations

import subprocess
import sys

import pytest

REPORT = '{"schema": "covey.report/1", "files": {"a.py": {"mode": "set", "lines": {"1": 1, "2": 0}}}}'


def run(folder, *arguments):
    (folder / "in.json").write_text(REPORT)
    return subprocess.run(
        [sys.executable, "-m", "covey", *arguments], capture_output=True, text=True, timeout=60, cwd=folder
    )


def test_an_unknown_format_is_answered_with_all_there_are(tmp_path):
    done = run(tmp_path, "report", "in.json", "--format", "htlm")
    assert done.returncode == 2
    assert "there is no format 'htlm'" in done.stderr
    for name in ("text", "markdown", "html", "json", "lcov", "cobertura"):
        assert name in done.stderr


def test_what_shows_a_report_does_not_take_the_place_of_an_input(tmp_path):
    done = run(tmp_path, "report", "in.json", "--format", "text", "-o", "in.json")
    assert (done.returncode, "in.json is one of the inputs" in done.stderr) == (2, True)
    assert (tmp_path / "in.json").read_text() == REPORT
    assert run(tmp_path, "merge", "in.json", "-o", "in.json").returncode == 0


def test_xml_is_led_to_its_format(tmp_path):
    assert "cobertura" in run(tmp_path, "report", "in.json", "--format", "xml").stderr


@pytest.mark.parametrize(
    ("name", "form"),
    [(".coverage", "coveragepy"), (".coverage.all", "coveragepy"), ("a.xml", "cobertura"), ("a.json", "native")],
)
def test_merge_says_which_format_it_wrote(tmp_path, name, form):
    done = run(tmp_path, "merge", "in.json", "-o", name)
    assert done.returncode == 0
    assert f"wrote {name} ({form})" in done.stderr
    assert run(tmp_path, "report", name, "--from", form).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--threshold", "50"], 0, ""),
        (["--fail-under", "50.1"], 1, "too low: 50.0% of lines ran, 50.1% is wanted"),
        (["--threshold", "51", "-o", "junit_coverage.xml"], 1, "wrote junit_coverage.xml"),
        (["--threshold", "1", "--metric", "branches"], 3, "no branches were measured"),
        (["--threshold", "101"], 2, "not from 0 to 100"),
        (["--threshold", "most"], 2, "is no percentage"),
        (["--sort", "size"], 2, "stmts"),
        (["--format", "spyglass"], 2, "fills a folder"),
        (["-o", "coverage.svg"], 0, "wrote coverage.svg"),
    ],
)
def test_what_is_asked_for_is_written_and_then_judged(tmp_path, arguments, code, said):
    done = run(tmp_path, "report", "in.json", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    if "-o" in arguments:
        assert (tmp_path / arguments[arguments.index("-o") + 1]).read_text().count("50") >= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "coverage.html"], "the HTML report is a folder"),
        (["--format", "html", "-o", "-"], "fills a folder"),
        (["--part", "u=in.json", "--how", "subtract"], "in order"),
        (["--part", "u=-", "--part", "v=-"], "standard input can be read once only"),
        (["--explain-paths", "-o", "paths.txt"], "standard output"),
        (["--explain-paths", "--format", "json"], "--json"),
    ],
)
def test_what_contradicts_itself_is_refused_and_nothing_written(tmp_path, arguments, said):
    done = run(tmp_path, "report", "in.json", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"in.json"}


@pytest.mark.parametrize("verb", ["report", "merge"])
def test_a_dash_is_standard_output(tmp_path, verb):
    done = run(tmp_path, verb, "in.json", "--format", "json", "-o", "-")
    assert done.stdout.startswith('{"schema"')
    assert {path.name for path in tmp_path.iterdir()} == {"in.json"}


@pytest.mark.parametrize("name", ["all.yaml", "foo", "coverage.JSONL"])
def test_merge_is_told_a_format_by_name_or_by_flag(tmp_path, name):
    done = run(tmp_path, "merge", "in.json", "-o", name)
    assert done.returncode == 2
    assert f"the name of {name} says no format" in done.stderr
    assert "--format" in done.stderr
    assert ".info (lcov)" in done.stderr
    assert not (tmp_path / name).exists()
    assert run(tmp_path, "merge", "in.json", "-o", name, "--format", "lcov").returncode == 0
    assert run(tmp_path, "merge", "in.json", "-o", "/dev/stdout").stdout.startswith('{"schema"')


@pytest.mark.parametrize(
    ("verb", "name", "said"),
    [
        ("report", "htlm", "did you mean html?"),
        ("merge", "colbertura", "did you mean cobertura?"),
        ("merge", "v8", "write Istanbul's JSON instead"),
        ("report", "gcov", "--format lcov"),
    ],
)
def test_a_format_that_cannot_be_written_is_told_before_anything_is_read(tmp_path, verb, name, said):
    done = run(tmp_path, verb, "nowhere", "--format", name)
    assert done.returncode == 2
    assert said in done.stderr
    assert "nowhere" not in done.stderr


def test_only_what_can_be_written_is_offered(tmp_path):
    said = run(tmp_path, "merge", "in.json", "--format", "nonsense").stderr
    assert "cobertura" in said
    assert not any(name in said for name in ("html", "gocovdata", "v8", "segments"))
    assert "v8" in run(tmp_path, "report", "in.json", "--from", "v9").stderr


def test_merge_writes_nothing_for_people(tmp_path):
    done = run(tmp_path, "merge", "in.json", "-o", "coverage.svg")
    assert done.returncode == 2
    assert "merge writes data, and badge is none" in done.stderr


def test_the_columns_metrics_and_laws_that_the_options_name_are_those_there_are():
    from covey.cli import reading, showing
    from covey.model import merge
    from covey.render import chosen, counting

    assert tuple(showing.SORTS.split(", ")) == chosen.SORTS
    assert showing.METRICS == counting.METRICS
    assert reading.HOWS == merge.HOWS
