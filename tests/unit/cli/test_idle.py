"""What was asked for and did nothing is told, with what would have done something."""

from __future__ import annotations

import html
import os
import subprocess
import sys

import pytest

LCOV = "SF:/app/dist/src/{name}\nDA:1,1\nDA:2,0\nend_of_record\n"


@pytest.fixture
def run(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "web/src").mkdir(parents=True)
    (tmp_path / "web/src/a.js").write_text("a\nb\n")
    (tmp_path / "in.info").write_text(LCOV.format(name="a.js"))

    def run(*arguments, settings=""):
        (tmp_path / "covey.toml").write_text(settings)
        command = [sys.executable, "-m", "covey", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
        return html.unescape(done.stdout) + done.stderr  # Markdown has them written out

    return run


def test_a_map_is_taken_as_it_was_copied_from_the_table(run, tmp_path):
    (tmp_path / "other/src").mkdir(parents=True)
    (tmp_path / "other/src/a.js").write_text("a\nb\n")  # so that the tail alone does not decide
    unplaced = run("report", "in.info")
    assert "app/dist/src/a.js" in unplaced
    assert "(covey report --explain-paths says why)" in unplaced
    for copied in ("app/dist", "/app/dist", "app/dist/"):
        done = run("report", "in.info", "--map", f"{copied}=web")
        assert "web/src/a.js" in done
        assert "note" not in done.lower()
        assert "--map" not in done


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("/srv=web", "--map /srv=web has no effect: no recorded path is under /srv; recorded is /app/dist/src/a.js"),
        ("/app/dist=webb", "it leads /app/dist/src/a.js to webb/src/a.js, and no such file exists"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_map_that_does_nothing_is_told(run, given, told, form):
    assert told in run("report", "in.info", "--map", given, "--format", form)


def test_a_map_where_nothing_is_to_be_mapped(run):
    run("merge", "in.info", "-o", "in.json")
    assert "the inputs name places in the repository already" in run("report", "in.json", "--map", "/x=y")


def test_settings_speak_of_other_inputs_too(run):
    idle = '[paths]\n"/srv" = "web"\n[report]\nmap = ["/x=web"]\nexclude = ["*.pb.go"]\ninclude = ["web/"]\n'
    assert "has no effect" not in run("report", "in.info", settings=idle)
    wrong = '[paths]\n"/app/dist" = "webb"\n'
    assert "--map /app/dist=webb has no effect: it leads" in run("report", "in.info", settings=wrong)


@pytest.mark.parametrize("flag", ["--include", "--exclude"])
def test_a_glob_that_matches_nothing_is_told(run, flag):
    told = f"{flag} nowhere/ has no effect: it does not match the only file"
    assert told in run("report", "in.info", flag, "nowhere/")
    assert "has no effect" not in run("report", "in.info", flag, "web/")
    assert "has no effect" not in run("report", "in.info", flag, "*.js")


def test_a_commit_of_data_without_commits_is_told(run):
    assert "--commit abc has no effect: no input tells of which commit it is" in run(
        "report", "in.info", "--commit", "abc"
    )


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_a_report_of_no_files_says_so(run, tmp_path, form):
    assert "no files count: all were left out" in run("report", "in.info", "--exclude", "web/", "--format", form)
    (tmp_path / "none.out").write_text("mode: set\n")
    assert "no files: the inputs hold the coverage of none" in run("report", "none.out", "--format", form)


def test_paths_without_a_place_are_explained_first(run, tmp_path):
    (tmp_path / "in.info").write_text(LCOV.format(name="a.js") + LCOV.format(name="zzz.js"))
    lines = run("report", "in.info", "--explain-paths").splitlines()
    assert lines[0].startswith("/app/dist/src/zzz.js: no place: ")
    assert any(line.startswith("/app/dist/src/a.js -> web/src/a.js") for line in lines[1:])
