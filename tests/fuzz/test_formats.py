"""Damaged files of every format are refused or read, and never more: no crash, no hang, no memory without bound."""

from __future__ import annotations

import json

import pytest
from fuzz import cases
from fuzz.campaign import tried

from covey import plugins

NAMES = plugins.names("formats")


@pytest.mark.parametrize("fuzzed", NAMES)
def test_a_mutated_file_is_refused_or_read_and_never_more(campaigns, fuzzed, record_property):
    result = campaigns[fuzzed].result()
    for name, value in {"table": "Fuzzing", "row": fuzzed, **result.figures}.items():
        record_property(name, value)
    assert result.inputs > 0
    told = [
        f"{path}\n{path.with_name(f'{path.stem}.txt').read_text()}\n"
        f"mend it, then: PYTHONPATH=tests .venv/bin/python -m fuzz {fuzzed} --keep NAME={path}"
        for path in result.found
    ]
    assert not told, "\n\n".join(told)


@pytest.mark.parametrize("name", NAMES)
def test_there_is_something_to_begin_with(name):
    assert cases.seeds(name, plugins.load("formats", name))


FOUND = [(path.parent.name, path) for folder in sorted(cases.FOUND.glob("*")) for path in cases.stored(folder)]


@pytest.mark.parametrize(("name", "path"), FOUND, ids=[f"{name}-{path.stem}" for name, path in FOUND])
def test_what_fuzzing_once_found_comes_to_what_it_should(name, path, tmp_path):
    """Within the bounds of fuzzing, in a process of its own."""
    expected = json.loads((path.parent / "expected.json").read_text())[path.stem]
    _, wrong, outcome = tried(name, cases.load(path), tmp_path, expected["input"])
    assert wrong == ""
    assert outcome == expected["outcome"]
