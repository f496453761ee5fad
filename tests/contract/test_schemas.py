"""docs/reference/schemas, held against what the real command line and the real agent say and write."""

from __future__ import annotations

import copy
import io
import json
import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from agent_serving import ask
from fakes.agent_servers import covey, serving
from hypothesis import given
from jsonschema import Draft202012Validator, FormatChecker
from laws.reports import reports
from schema_documents import command, everything

from covey.formats.native import FORMAT
from covey.model.blocks import Block, Blocks
from covey.model.counted import Function, Functions, Lines
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import FileCoverage, Report

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "reference" / "schemas"
NAMED = sorted(
    {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r'"(covey\.[a-z]+/[0-9]+)"', path.read_text(encoding="utf-8"))
    }
)
GONE = object()  # in WRONG: the member is taken away
formats = FormatChecker(())


@formats.checks("date-time", raises=ValueError)
def _is_a_moment(value):
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def file_of(name):
    return SCHEMAS / f"{name.replace('/', '-')}.schema.json"


@cache
def schema(name):
    return json.loads(file_of(name).read_text(encoding="utf-8"))


def wrong_with(name, document):
    """What of a document is against its schema, each as a path and a sentence; empty when it keeps to it."""
    found = Draft202012Validator(schema(name), format_checker=formats).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def parts_of(node):
    """Every schema inside a schema."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts_of(inner)


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    return everything(tmp_path_factory.mktemp("said"))


def test_each_schema_that_the_source_names_has_a_file_and_a_line_on_the_page():
    assert {path.name for path in SCHEMAS.iterdir()} == {file_of(name).name for name in NAMED}
    page = (SCHEMAS.parent / "schemas.md").read_text(encoding="utf-8")
    assert [name for name in NAMED if f"[`{name}`](schemas/{file_of(name).name})" not in page] == []


@pytest.mark.parametrize("name", NAMED)
def test_a_schema_is_one_and_explains_each_member(name):
    Draft202012Validator.check_schema(schema(name))
    assert (schema(name)["title"], schema(name)["$id"]) == (name, f"urn:covey:schema:{name}")
    defined = schema(name).get("$defs", {})
    mute = [
        member
        for part in parts_of(schema(name))
        for member, rule in part.get("properties", {}).items()
        if "type" in part or "additionalProperties" in part  # not the conditions of if, then and oneOf
        if "description" not in rule | defined.get(rule.get("$ref", "").rpartition("/")[2], {})
    ]
    assert mute == []


def test_what_two_schemas_share_is_the_same_in_both():
    shared = defaultdict(set)
    for name in NAMED:
        for part, rule in schema(name).get("$defs", {}).items():
            shared[part].add(json.dumps(rule, sort_keys=True))
    differ = {part for part, rules in shared.items() if len(rules) > 1}
    assert differ <= {"capture", "source", "row"}  # of a report and of an agent's capture: other things


@pytest.mark.parametrize("name", NAMED)
def test_what_covey_says_keeps_to_its_schema(name, said):
    assert said[name]
    assert [wrong for document in said[name] for wrong in wrong_with(name, document)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "golden" / "segments").glob("*/capture.json")), ids=str)
def test_captures_of_every_python_keep_to_their_schema(path):
    assert wrong_with("covey.capture/1", json.loads(path.read_bytes())) == []


def test_the_fakes_speak_as_the_agent_does():
    with serving(covey()) as server:
        replies = [ask(server.port, "/covey/1/identity"), ask(server.port, "/covey/1/capture")]
        replies += [ask(server.port, "/covey/1/epoch", method="POST", body=body) for body in (b"{}", b'{"name": "x"}')]
    for reply in replies:
        assert wrong_with(reply.json["schema"], reply.json) == []


def written(report):
    out = io.BytesIO()
    FORMAT.write(report, out)
    return json.loads(out.getvalue())


ORIGIN = Provenance("shop", digest=f"sha256:{'0' * 64}", collected_at=datetime.now(UTC), capture=CaptureId(pid=7))
FUNCTION = Function("f", 1, None, 3)
FULL = Report.of(
    [
        FileCoverage(
            "a.go",
            Lines.of({1: 2}),
            functions=Functions.of([Function("f", 1, None, 3)]),
            blocks=Blocks.of([Block(1, 1, 2, 9, 2, 3)], "touch"),
        ),
        FileCoverage("b.go", blocks="conflict", inexact=frozenset({"branches"})),
        FileCoverage("src/main.py", mode="set", repository="https://git.example/x", source_hash=f"sha256:{'1' * 64}"),
    ],
    [ORIGIN],
    {"part:unit": {(None, "a.go"): 0b10}},
    ["a note"],
)


@given(reports())
def test_any_report_keeps_to_its_schema(report):
    assert wrong_with("covey.report/1", written(replace(report, sources=(ORIGIN,)))) == []


def test_a_report_with_everything_keeps_to_its_schema():
    assert wrong_with("covey.report/1", written(FULL)) == []


WRONG = [
    ("covey.report/1", "totals lines percent", 101),
    ("covey.report/1", "totals lines total", -1),
    ("covey.report/1", "files * mode", "sum"),
    ("covey.report/1", "files * lines", {"0": 1}),
    ("covey.report/1", "files * lines", {"1": -1}),
    ("covey.report/1", "files * source_hash", "md5:0"),
    ("covey.report/1", "files * blocks", [[1, 1, 2, 9, 2]]),
    ("covey.report/1", "files * functions", [["f", 0, None, 1]]),
    ("covey.report/1", "files", {"../a.py": {"mode": "set", "totals": {}}}),
    ("covey.report/1", "slices", {"part:unit": {"a.py": "3-"}}),
    ("covey.report/1", "sources 0 collected_at", "yesterday"),
    ("covey.report/1", "sources 0 pod", ""),
    ("covey.bundle/1", "status", "done"),
    ("covey.bundle/1", "components", []),
    ("covey.bundle/1", "components 0 coverage_dir", "../elsewhere"),
    ("covey.bundle/1", "components 0 port", 65536),
    ("covey.bundle/1", "components 0 files 0 name", "a/b"),
    ("covey.bundle/1", "components 0 files 0 sha256", ""),
    ("covey.bundle/1", "components 0 processes 0 pid", "7"),
    ("covey.bundle/1", "collected_at", "2026-11-21T08:19:14+01:00"),
    ("covey.journal/1", "run schema", "covey.journal/2"),
    ("covey.journal/1", "run started", GONE),
    ("covey.journal/1", "failure", {"target": "a", "reason": "b", "what": "", "hint": ""}),
    ("covey.collect/1", "status", "done"),
    ("covey.collect/1", "collected 0 bytes", -1),
    ("covey.collect/1", "failures 0 hint", None),
    ("covey.discover/1", "targets 0 restart", "2"),
    ("covey.discover/1", "skipped 0 why", GONE),
    ("covey.reset/1", "reset", ["a", None]),
    ("covey.doctor/1", "findings 0 state", "fine"),
    ("covey.doctor/1", "findings", []),
    ("covey.config/1", "settings 0 setting", "collect"),
    ("covey.config/1", "settings 0 value", {"a": 1}),
    ("covey.paths/1", "paths", [{"recorded": "/x", "path": None}]),
    ("covey.paths/1", "paths 1 path", None),
    ("covey.plugins/1", "plugins 0 room", "stores"),
    ("covey.identity/1", "started", "2026-11-21 08:19"),
    ("covey.identity/1", "ports", [70000]),
    ("covey.capture/1", "processes 0 core", "magic"),
    ("covey.capture/1", "processes 0 files * lines", "1,,3"),
    ("covey.capture/1", "processes 0 files * source_hash", "0f"),
    ("covey.capture/1", "sources * code 0 1", 0),
    ("covey.capture/1", "sources", {"path": {}}),
    ("covey.epoch/1", "closed name", ""),
    ("covey.epoch/1", "late", [{"pid": 0, "started": "2026-11-21T08:19:14.250Z"}]),
    ("covey.window/1", "segments * *", ""),
    ("covey.window/1", "closed_at", "2026-11-21T08:19:14.250Z"),
]  # schema, where in a right document, and what is put there


def changed(document, where, value):
    """The document with one value in another's place; "*" in `where` is the first member."""
    fresh = node = copy.deepcopy(document)
    *way, last = where.split()
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node[next(iter(node)) if step == "*" else step]
    if value is GONE:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else next(iter(node)) if last == "*" else last] = value
    return fresh


@pytest.mark.parametrize(("name", "where", "value"), WRONG)
def test_a_wrong_document_is_refused(name, where, value, said):
    right = written(FULL) if name == "covey.report/1" else said[name][0]
    assert wrong_with(name, right) == []
    assert wrong_with(name, changed(right, where, value))


@pytest.mark.parametrize("name", NAMED)
def test_another_version_a_stranger_s_member_and_a_lack_are_refused(name, said):
    right = said[name][0]
    assert wrong_with(name, right | {"more": 1})
    assert wrong_with(name, [right])
    for member in right:
        assert wrong_with(name, {key: value for key, value in right.items() if key != member}), member
    if "schema" in right:
        assert wrong_with(name, right | {"schema": name.replace("/1", "/2")})
    assert {where.split()[0] for of, where, _ in WRONG if of == name}, "WRONG has nothing of this schema"


@pytest.mark.parametrize("name", ["covey.report/1", "covey.bundle/1", "covey.capture/1"])
def test_another_major_version_is_not_read_and_more_members_are(name, said, tmp_path):
    """The rule of versions on the page."""
    right = written(FULL) if name == "covey.report/1" else said[name][0]
    if name == "covey.bundle/1":
        right = right | {"components": [], "failures": [], "status": "empty"}
    file = tmp_path / ("metadata.json" if name == "covey.bundle/1" else "x.json")
    for document, code in ((right | {"more": 1}, 0), (right | {"schema": name.replace("/1", "/2")}, 2)):
        file.write_text(json.dumps(document))
        command("report", tmp_path if name == "covey.bundle/1" else file, cwd=tmp_path, code=code)
