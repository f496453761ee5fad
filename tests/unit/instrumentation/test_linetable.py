"""Line tables: everything that can run is executable, nothing of the source is executed, nothing escapes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import warnings
from pathlib import Path

import agent_runs
import interpreters
import pytest

linetable = agent_runs.agent_module("linetable")
jsontext = agent_runs.agent_module("jsontext")
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")

SOURCE = '''"""doc"""
import sys


@property
def decorated(
    self,
    other=1,
):
    """doc"""
    yield (
        other
    )


async def waits():
    await other()


def one(): return 1


class C:
    attribute = 1

    def method(self):
        return lambda: [
            x
            for x in self
        ]
'''
# What runs when each is called: the body, never the line of `def`, unless the body is on it.
EXPECTED = {"decorated": {11, 12}, "waits": {17}, "one": {20}, "C": {23, 24, 26}}


@pytest.mark.parametrize("version", VERSIONS)
def test_bodies_without_their_prologue(version, tmp_path):
    (tmp_path / "source.py").write_text(SOURCE)
    code = (
        f"import sys; sys.path.insert(0, {str(agent_runs.AGENT)!r}); from covey_agent import linetable, masks, jsontext"
    )
    code += "; rows = linetable.code_rows(open('source.py', 'rb').read())"
    code += "; print(jsontext.dump([[a, b, [n for n, x in enumerate(c) if x]] for a, b, c in rows]))"
    done = agent_runs.run(interpreters.find(version), "-c", code, spool=None, cwd=tmp_path)
    assert done.stderr == ""
    rows = {name: (first, set(lines)) for name, first, lines in json.loads(done.stdout)}
    assert {"<module>", "C.method", "C.method.<locals>.<lambda>"} | set(EXPECTED) <= set(rows)
    for name, lines in EXPECTED.items():
        assert rows[name][1] <= lines
        assert rows[name][1]
    assert rows["C.method"] == (26, {27})
    assert {2, 16, 20, 23} <= rows["<module>"][1]
    assert rows["<module>"][0] == 1
    assert 0 not in set().union(*(lines for _, lines in rows.values()))


def test_all_that_a_trace_sees_is_executable(tmp_path):
    seen: dict[str, set[int]] = {}
    names = ("json.decoder", "textwrap", "string", "heapq", "statistics")
    modules = [__import__(name, fromlist=["x"]) for name in names]
    paths = {module.__file__: name for module, name in zip(modules, names, strict=True)}

    def trace(frame, event, _):
        path = frame.f_code.co_filename
        if path not in paths:
            return None
        if event == "line":
            seen.setdefault(path, set()).add(frame.f_lineno)
        return trace

    import heapq
    import statistics
    import textwrap

    sys.settrace(trace)
    try:
        json.loads('{"a": [1, "x", null]}')
        textwrap.wrap("word " * 40)
        heapq.nsmallest(3, range(9))
        statistics.median([1, 2, 3])
    finally:
        sys.settrace(None)
    assert len(seen) >= 3
    for path, lines in seen.items():
        rows = linetable.code_rows(Path(path).read_bytes())
        executable = {n for _, _, mask in rows for n, bit in enumerate(mask) if bit}
        assert lines <= executable


@pytest.mark.parametrize(
    "source", [b"def", b"\0", b"x = '\xff'", b"(" * 5000, b"# coding: nonsense\n", b"1 if 1 else" * 999, b"\xff\xfe"]
)
def test_what_does_not_compile_has_no_table(source):
    assert linetable.code_rows(source) is None


def test_nothing_of_it_is_executed_and_no_warning_escapes(tmp_path):
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inside = list(warnings.filters)
        assert linetable.code_rows(b"raise SystemExit(1)\nx = '\\d' is 1\nassert (1, 2)\n")
        assert warnings.filters == inside
    assert caught == []
    assert warnings.filters == before


def test_a_table_is_only_given_for_the_text_that_ran(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"x = 1\n")
    known = "sha256:" + hashlib.sha256(b"x = 1\n").hexdigest()
    tables = linetable.Tables(jsontext.quote)
    assert tables.get(str(path), known) == '"executable": "1", "code": [["<module>", 1, "1"]]'
    path.write_bytes(b"y = 1\n")
    assert tables.get(str(path), known)  # kept
    assert linetable.Tables(jsontext.quote).get(str(path), known) is None
    path.unlink()
    os.mkfifo(path)
    assert linetable.Tables(jsontext.quote).get(str(path), known) is None
    assert linetable.Tables(jsontext.quote).get(str(tmp_path), known) is None
    assert linetable.read_source("/a\0b", known) is None


def test_large_sources_are_left_out(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"#" * 200)
    known = "sha256:" + hashlib.sha256(b"#" * 200).hexdigest()
    assert linetable.read_source(str(path), known, 199) is None
    assert linetable.read_source(str(path), known, 200) == b"#" * 200
