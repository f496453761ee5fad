"""Completion as a person has it: in a real bash at a terminal, and what zsh and fish are handed."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys

import pytest

from covey import plugins
from covey.cli import app
from covey.cli.showing import SORTS
from covey.flows.show import known

INSERT_ALL = b"\x1b*"  # readline's insert-completions: everything that <Tab> would offer
TO_THE_BEGINNING = b"\x01"


@pytest.fixture
def place(tmp_path):
    for file in ("cov/a.out", "cov/b.info", "cov/inner/c.xml", "sources/main.go"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x")
    program = tmp_path / "bin" / "covey"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m covey "$@"\n')
    program.chmod(0o755)
    return tmp_path


@pytest.fixture
def bash(place):
    """The words that are on the line once everything that fits its end is put in."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("there is no bash: install it")
    environment = {
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "HOME": str(place), "TERM": "dumb", "PS1": "", "PS2": "",
        "INPUTRC": os.devnull, "COLUMNS": "4000",
    }  # fmt: skip

    def bash(line):
        keyboard, screen = pty.openpty()
        process = subprocess.Popen(
            [shell, "--norc", "--noprofile", "-i"],
            stdin=screen, stdout=screen, stderr=screen, cwd=place, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(screen)
        typed = line.encode() + INSERT_ALL + TO_THE_BEGINNING + b"printf '<%s>' \n"
        os.write(keyboard, b'eval "$(covey completion bash)"; bind "set bell-style none"\n' + typed + b"exit\n")
        seen = b""
        try:
            while piece := os.read(keyboard, 1 << 16):
                seen += piece
        except OSError:  # the shell has gone, and the terminal with it
            pass
        finally:
            os.close(keyboard)
            process.kill()
            process.wait()
        found = re.search(rb"<covey>(?:<[^>\r\n]*>)+", seen)
        assert found, seen
        return re.findall("<([^>]*)>", found[0].decode())[1:]

    return bash


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("covey report cov/", ["report", "cov/a.out", "cov/b.info", "cov/inner"]),
        ("covey report cov/a.out cov/b", ["report", "cov/a.out", "cov/b.info"]),
        ("covey report -o cov/i", ["report", "-o", "cov/inner"]),
        ("covey merge --output cov/a", ["merge", "--output", "cov/a.out"]),
        ("covey report --part unit=cov/b", ["report", "--part", "unit=cov/b.info"]),
        ("covey report --checkout so", ["report", "--checkout", "sources"]),
        ("covey report --from coverage", ["report", "--from", "coveragepy"]),
        ("covey report --format ht", ["report", "--format", "html"]),
        ("covey report --sort c", ["report", "--sort", "cover"]),
        ("covey report --metric fu", ["report", "--metric", "functions"]),
        ("covey report --thr", ["report", "--threshold"]),
        ("covey rep", ["report"]),
        ("covey config coll", ["config", "collect"]),
        ("covey run sources/m", ["run", "sources/main.go"]),
    ],
)
def test_bash_completes(bash, line, given):
    assert sorted(bash(line)) == sorted(given)  # the shell lists files in the folder's own order


@pytest.fixture
def offered(place):
    """What a shell is handed for words: (kind, value) of each."""

    def offered(*words, shell="fish"):
        environment = {**os.environ, "_COVEY_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(["covey", *words])}
        environment["COMP_CWORD"] = words[-1] if shell == "fish" else str(len(words))
        done = subprocess.run(
            [sys.executable, "-m", "covey"], capture_output=True, text=True, timeout=60, cwd=place, env=environment
        )
        assert done.stderr == ""
        rows = done.stdout.strip().splitlines()
        if shell == "fish":
            return [tuple(row.partition("\t")[0].split(",")) for row in rows]
        return list(zip(rows[::3], rows[1::3], strict=True))

    return offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_shells_that_do_not_break_words_are_handed_whole_ones(offered, shell):
    inner = [("plain", "unit=cov/a.out"), ("plain", "unit=cov/b.info"), ("plain", "unit=cov/inner/")]
    assert offered("report", "--part", "unit=cov/", shell=shell) == inner
    assert offered("report", "--part", "unit=nowhere/", shell=shell) == []
    assert offered("report", "--part", "uni", shell=shell) == []
    assert offered("report", "cov/a", shell=shell) == [("file", "cov/a")]


def test_every_verb_is_offered(offered):
    assert offered("") == [("plain", verb) for verb in app.VERBS]


def test_names_are_those_that_are_taken(offered):
    def values(*words):
        return {value for _, value in offered(*words)}

    assert values("report", "--from", "") == set(plugins.names("formats"))
    assert values("report", "--format", "") == set(known())
    assert values("merge", "--format", "") == {"json", *plugins.written()}
    assert values("report", "--sort", "") == set(SORTS.split(", "))


def test_a_warning_is_not_for_who_only_types(offered, monkeypatch):
    monkeypatch.setenv("COVEY_REPORT_THRESHOLD", "0.8")
    assert offered("report", "--threshold", "0.5", "cov/a") == [("file", "cov/a")]
