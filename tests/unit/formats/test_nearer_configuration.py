"""A monorepo has several coverage configurations: the root's is taken, and a note names the nearer ones."""

from __future__ import annotations

import os
import sqlite3

import pytest

from covey.api import load

RULE = "counted: Python files by coverage.py's statements, with the exclusions of "


@pytest.fixture
def shop(tmp_path):
    """A checkout of two Python folders, a Go file and coverage.py's data of both Python files."""
    for path in ("ml/scorer/rank.py", "web/app.py"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("x = 1\n")
    (tmp_path / "a.info").write_text("SF:a.go\nDA:1,1\nend_of_record\n")
    (tmp_path / "a.go").write_text("package a\n")
    with sqlite3.connect(tmp_path / ".coverage") as base:
        base.executescript(
            f"""CREATE TABLE coverage_schema (version integer); INSERT INTO coverage_schema VALUES (7);
            CREATE TABLE meta (key text, value text); INSERT INTO meta VALUES ('has_arcs', '0');
            CREATE TABLE file (id integer primary key, path text);
            CREATE TABLE context (id integer primary key, context text); INSERT INTO context VALUES (1, '');
            CREATE TABLE line_bits (file_id integer, context_id integer, numbits blob);
            CREATE TABLE arc (file_id integer, context_id integer, fromno integer, tono integer);
            CREATE TABLE tracer (file_id integer primary key, tracer text);
            INSERT INTO file VALUES (1, '{tmp_path}/ml/scorer/rank.py'), (2, '{tmp_path}/web/app.py');
            INSERT INTO line_bits VALUES (1, 1, x'02'), (2, 1, x'02');"""
        )
    base.close()
    return tmp_path


def rules(report):
    return [note.removeprefix(RULE) for note in report.notes if note.startswith("counted: ")]


def settings(report):
    told = "coverage configuration: "
    return [note.removeprefix(told) for note in report.notes if note.startswith(told)]


def test_none_is_named_where_there_is_none(shop):
    (shop / "other").mkdir()
    (shop / "other" / ".coveragerc").write_text("[run]\n")  # of no file that counts
    (shop / "web" / "pyproject.toml").write_text('[project]\nname = "tool.coverage"\n')
    os.mkfifo(shop / "web" / "tox.ini")
    report = load(shop / ".coverage", checkout=shop)
    assert (rules(report), settings(report)) == (["coverage.py's defaults"], [])


@pytest.mark.parametrize(
    ("files", "rule", "told"),
    [
        ({"ml/.coveragerc": "[run]\n"}, "coverage.py's defaults", "ml/.coveragerc is not looked at: --checkout ml"),
        ({"ml/setup.cfg": "[coverage:run]\n", "ml/pyproject.toml": "[tool.coverage]\n", "web/.coveragerc.toml": ""},
         "coverage.py's defaults", "ml/setup.cfg and 1 more are not looked at: --checkout ml"),
        ({".coveragerc": "[run]\n", "ml/scorer/pyproject.toml": "x = 1\n[tool.coverage.run]\n"},
         ".coveragerc", "ml/scorer/pyproject.toml is not looked at: --checkout ml/scorer"),
    ],
)  # fmt: skip
def test_those_nearer_to_files_that_count_are_named(shop, files, rule, told):
    for path, text in files.items():
        (shop / path).write_text(text)
    report = load(shop / ".coverage", checkout=shop)
    assert rules(report) == [rule]
    assert settings(report) == [told]


def test_the_one_beside_the_files_of_the_root_is_the_one(shop):
    (shop / "web" / ".coveragerc").write_text("[run]\n")
    assert not settings(load(shop / ".coverage", checkout=shop / "web"))


def test_the_one_that_the_environment_names_is_the_one(shop, monkeypatch):
    (shop / "ml" / ".coveragerc").write_text("[run]\n")
    monkeypatch.setenv("COVERAGE_RCFILE", str(shop / "ml" / ".coveragerc"))
    assert not settings(load(shop / ".coverage", checkout=shop))


def test_the_rule_is_told_only_where_a_python_file_counts(shop):
    mixed = load(shop / ".coverage", shop / "a.info", checkout=shop)
    assert rules(mixed) == ["coverage.py's defaults"]
    (shop / "ml" / ".coveragerc").write_text("[run]\n")
    without = load(shop / ".coverage", shop / "a.info", checkout=shop, exclude=["*.py"])
    assert not rules(without)
    assert not settings(without)
