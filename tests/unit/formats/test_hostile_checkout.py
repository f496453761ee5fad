"""A stranger's checkout: it is read, never run, never waited for, and its files are no way to others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import partial

import pytest

from covey.errors import ConfigError
from covey.flows.checkout import checkout_sources
from covey.flows.merge import Reading, load
from covey.formats import pyrules, pysource
from covey.formats.pyconfig import LARGEST
from covey.formats.pysource import arms, judge, read_rules

NAMES = [".coveragerc", ".coveragerc.toml", "setup.cfg", "tox.ini", "pyproject.toml"]


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "app.py").write_text("x = 1\n")
    return root


def report(root, files=("/srv/app.py",)):
    process = {"pid": 1, "files": {path: {"lines": "1"} for path in files}}
    capture = root.parent / "capture.json"
    capture.write_text(json.dumps({"schema": "covey.capture/1", "processes": [process]}))
    return load([str(capture)], Reading(checkout_sources(root)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", ["pipe", "device", "huge"])
def test_a_configuration_that_is_no_ordinary_file_is_not_opened(checkout, name, make):
    if make == "pipe":
        os.mkfifo(checkout / name)
    elif make == "device":
        (checkout / name).symlink_to("/dev/zero")
    else:
        with (checkout / name).open("wb") as file:
            file.truncate(LARGEST + 1)
    with pytest.raises(ConfigError, match="so no coverage configuration"):
        report(checkout)
    with pytest.raises(ConfigError, match="so no coverage configuration"):
        read_rules(checkout)


def test_a_folder_or_a_dangling_link_is_no_configuration(checkout):
    (checkout / ".coveragerc").mkdir()
    (checkout / "setup.cfg").symlink_to("nowhere")
    assert read_rules(checkout).file == ""


def test_a_link_out_of_the_checkout_shows_nothing_of_where_it_leads(checkout):
    (checkout.parent / "secret").write_text("root:x:0:0\n")
    (checkout / ".coveragerc").symlink_to("../secret")
    with pytest.raises(ConfigError) as caught:
        read_rules(checkout)
    assert "root:x" not in str(caught.value)


def test_a_message_shows_no_environment_variable(checkout, monkeypatch):
    monkeypatch.setenv("DEPLOY_TOKEN", "s3cr3t-value")
    (checkout / ".coveragerc").write_text("[report]\nexclude_lines = ((${DEPLOY_TOKEN}\n")
    with pytest.raises(ConfigError) as caught:
        read_rules(checkout)
    assert "s3cr3t" not in str(caught.value)
    assert "${DEPLOY_TOKEN}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.coverage]\nrun = 5\n"),
        ("pyproject.toml", "tool = 5\n"),
        ("pyproject.toml", "[tool.coverage.run]\nx = " + "[" * 50_000),
        (".coveragerc.toml", "run = []\n"),
        (".coveragerc", "[report]\nexclude_lines = (((\n"),
        (".coveragerc", "[run]\nomit = ***[[[\n"),
        (".coveragerc", "\0\0\0"),
        (".coveragerc", "[run\n"),
    ],
)
def test_a_configuration_that_is_none_is_one_clear_error(checkout, name, text):
    (checkout / name).write_text(text)
    with pytest.raises(ConfigError, match=re.escape(name)):
        read_rules(checkout)


def test_nothing_of_the_checkout_is_ever_imported_or_run(checkout):
    mark = checkout.parent / "ran"
    evil = f"open({str(mark)!r}, 'w').close()\n"
    for name in ("evil", "click", "coverage", "msgspec", "json", "sitecustomize", "usercustomize"):
        (checkout / f"{name}.py").write_text(evil)
    (checkout / "pack").mkdir()
    (checkout / "pack" / "__init__.py").write_text(evil)
    (checkout / ".coveragerc").write_text(
        "[run]\nplugins = evil\ndynamic_context = evil.context\nsource = evil, pack\nsource_pkgs = pack\n"
        "concurrency = gevent\nparallel = true\n[evil]\noption = 1\n"
    )
    capture = checkout.parent / "capture.json"
    files = {f"/srv/{name}.py": {"lines": "1"} for name in ("evil", "click", "app")}
    capture.write_text(json.dumps({"schema": "covey.capture/1", "processes": [{"pid": 1, "files": files}]}))
    covey = "from covey.cli.app import run; import sys; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-P", "-c", covey, "report", str(capture), "--format", "html", "-o", "../html"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
    assert "evil.py" in (checkout.parent / "html" / "index.html").read_text()


def test_a_source_too_large_to_be_judged_is_counted_by_what_ran_and_named(checkout, monkeypatch):
    monkeypatch.setattr(pysource, "MOST_TEXT", 1000)
    (checkout / "long.py").write_text("x = [" + "1," * 1000 + "]\n")
    found = report(checkout, ["/srv/app.py", "/srv/long.py"])
    assert found.files[None, "long.py"].inexact == {"lines", "missing"}
    assert any("very long" in note and "long.py" in note for note in found.notes)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_source_of_too_many_lines_is_not_judged(monkeypatch, end):
    monkeypatch.setattr(pysource, "MOST_LINES", 100)
    assert judge(b"x = 1" + end * 40, read_rules(None)) is not None
    assert judge(b"x = 1" + end * 201, read_rules(None)) is None


@pytest.mark.parametrize("codec", ["idna", "punycode", "undefined", "rot13", "zlib", "utf-7", "nobody", "\\0"])
def test_any_declared_encoding_is_survived(codec):
    judge(f"# coding: {codec}\nx = 1\n".encode() + b"# \xff\xfe" * 50_000 + b"\n", read_rules(None))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "-" * 200_000 + "1",
        "x" + ".a" * 200_000,
        "x" + "()" * 200_000,
        "lambda:" * 50_000 + "1",
        "if 1: pass\n" + "elif 1: pass\n" * 50_000,
        "".join(" " * depth + "if 1:\n" for depth in range(500)),
        'f"{' * 50_000,
        "x = 1\0",
    ],
    ids=["brackets", "minus", "dots", "calls", "lambdas", "elifs", "depth", "strings", "nul"],
)
def test_a_source_that_breaks_parsers_breaks_nothing(text):
    """Whether it is Python at all is another matter from version to version."""
    judged = judge(text.encode(), read_rules(None))
    assert judged is None or len(judged.statements)


ENDLESS = "(a+)+$"


@pytest.mark.parametrize("option", ["exclude_lines", "partial_branches"])
def test_a_pattern_that_would_never_end_is_named(checkout, monkeypatch, option):
    monkeypatch.setattr(pysource, "LONGEST", 0.1)
    (checkout / ".coveragerc").write_text(f"[report]\n{option} = {ENDLESS}\n")
    text = b"while x:\n    x = 1\n# " + b"a" * 60 + b"!\n"
    rules = read_rules(checkout)
    judging = partial(judge, text, rules) if option == "exclude_lines" else partial(arms, text, rules, [])
    with pytest.raises(ConfigError, match="exclusions") as caught:
        judging()
    assert option in caught.value.hint


def test_a_file_pattern_that_would_never_end_is_named(checkout, monkeypatch):
    monkeypatch.setattr(pyrules, "_LONGEST", 0.1)
    (checkout / ".coveragerc").write_text(f"[report]\nomit = {'*a' * 15}zz\n")
    (checkout / ("a" * 60 + ".py")).write_text("x = 1\n")
    with pytest.raises(ConfigError, match="patterns"):
        report(checkout, [f"/srv/{'a' * 60}.py"])


def test_a_configuration_that_takes_too_long_to_read_is_named(checkout, monkeypatch):
    monkeypatch.setattr(pysource, "LONGEST", 0.1)
    (checkout / "pyproject.toml").write_text(f"[{'a.' * 60_000}a]\n")
    with pytest.raises(ConfigError, match="took longer"):
        read_rules(checkout)


def test_a_source_of_very_many_functions_is_not_compiled():
    assert judge(b"def f(): pass\n" * (pysource.MOST_SCOPES + 1), read_rules(None)) is None


def test_a_message_does_not_quote_a_whole_configuration(checkout):
    (checkout / ".coveragerc").write_bytes(b"\0" * 100_000)
    with pytest.raises(ConfigError) as caught:
        read_rules(checkout)
    assert len(str(caught.value)) < 1000


def test_the_configuration_that_the_environment_names_is_the_only_one(checkout, monkeypatch):
    (checkout / ".coveragerc").write_text("[run]\nsource = elsewhere\n")
    mine = checkout.parent / "mine.ini"
    mine.write_text("[run]\nsource_pkgs = app\n[paths]\nall =\n    .\n    /srv\n")
    monkeypatch.setenv("COVERAGE_RCFILE", str(mine))
    rules = read_rules(checkout)
    assert (rules.file, rules.source_packages) == (str(mine), ("app",))
    assert report(checkout).files.keys() == {(None, "app.py")}


@pytest.mark.parametrize("make", [None, "pipe"])
def test_a_configuration_that_the_environment_names_must_be_there(checkout, monkeypatch, make):
    if make:
        os.mkfifo(checkout / "rc")
    monkeypatch.setenv("COVERAGE_RCFILE", str(checkout / "rc"))
    with pytest.raises(ConfigError, match="rc"):
        report(checkout)


def test_plugins_that_a_configuration_names_are_named_as_without_effect(checkout):
    (checkout / ".coveragerc").write_text("[run]\nplugins = covdefaults\n    django_coverage_plugin\n")
    assert any("covdefaults, django_coverage_plugin" in note and "never" in note for note in report(checkout).notes)
