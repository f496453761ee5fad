"""Istanbul's and V8's data from somebody who means harm, or of a tool that had a bad day."""

from __future__ import annotations

import base64
import json
import tracemalloc

import pytest

from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.istanbul import FORMAT as ISTANBUL
from covey.formats.sourcemap import SourceMap, beside, of_data_url, url_of
from covey.formats.sources import CheckoutSources, NoSources
from covey.formats.v8 import FORMAT as V8
from covey.loops import vlq


def read(fmt, document, sources=None):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return fmt.read([Input.of_bytes("x", data)], sources or NoSources())


def span(first=1, column=0, last=1, end=5):
    return {"start": {"line": first, "column": column}, "end": {"line": last, "column": end}}


def entry(**parts):
    empty = {"path": "/srv/a.js", "statementMap": {}, "fnMap": {}, "branchMap": {}, "s": {}, "f": {}, "b": {}}
    return {"/srv/a.js": empty | parts}


def script(source, *functions, **parts):
    """Functions: (name, *ranges)."""
    told = [
        {"functionName": name, "isBlockCoverage": True,
         "ranges": [dict(zip(("startOffset", "endOffset", "count"), one, strict=True)) for one in ranges]}
        for name, *ranges in functions
    ]  # fmt: skip
    return {"url": "file:///srv/a.js", "functions": told} | ({"source": source} if source is not None else {}) | parts


BAD = {
    "line 0": entry(statementMap={"0": span(0)}, s={"0": 1}),
    "a line beyond all": entry(statementMap={"0": span(2**31)}, s={"0": 1}),
    "a column beyond all": entry(statementMap={"0": span(1, 0, 1, 2**40)}, s={"0": 1}),
    "less than no hits": entry(statementMap={"0": span()}, s={"0": -1}),
    "counts of another map": entry(statementMap={"0": span()}, s={"1": 1}),
    "arms of another map": entry(branchMap={"0": {"loc": span()}}, b={"7": [1]}),
    "a text for a count": entry(statementMap={"0": span()}, s={"0": "1"}),
    "a list for a map": entry(statementMap=[], s={}),
    "no maps": {"/srv/a.js": {"path": "/srv/a.js"}},
    "blocks over all lines": entry(
        statementMap={str(n): span(1, n, 9_999_999, 1) for n in range(8)}, s={str(n): 1 for n in range(8)}
    ),
    "a damaged source map": entry(inputSourceMap={"version": 3, "sources": ["a"], "mappings": "!!"}),
    "a source map beyond all columns": entry(inputSourceMap={"version": 3, "sources": ["a"], "mappings": "ggggggI"}),
    "deep": b'{"a":{"path":"a","statementMap":' + b"[" * 100_000 + b"]" * 100_000,
    "cut off": json.dumps(entry()).encode()[:-2],
}


@pytest.mark.parametrize("case", BAD)
def test_istanbul_is_refused(case):
    with pytest.raises(FormatError) as caught:
        read(ISTANBUL, BAD[case])
    assert caught.value.path == "x"


def test_istanbul_of_odd_places_and_counts():
    """What source maps and NaN make of real reports."""
    maps = {
        "0": {"start": {"line": 3, "column": 4}, "end": {"line": 3, "column": None}},
        "1": {"start": {"line": 5, "column": -1}, "end": {"line": 4, "column": 0}},
        "2": {"start": {"line": 3, "column": 4}, "end": {"line": 3, "column": None}},
        "3": span(9),
    }
    report = read(ISTANBUL, entry(statementMap=maps, s={"0": None, "1": 2**70, "2": 7, "3": 1}))
    file = report.files[None, "srv/a.js"]
    assert dict(file.lines) == {3: 7, 5: 2**63 - 1, 9: 1}
    assert (file.totals.statements.covered, file.totals.statements.total) == (4, 4)


@pytest.mark.parametrize(
    "path", ["/etc/../../x.js", "..\\..\\x.js", "C:\\work\\x.js", "a\0b.js", "../" * 50 + "x.js", ""]
)
def test_no_path_leaves_the_repository(path):
    for report in (
        read(ISTANBUL, {path or "x": entry()["/srv/a.js"] | {"path": path}}),
        read(V8, [script("a", ("", (0, 1, 1))) | {"url": "file:///" + path}]),
    ):
        for _, found in report.files:
            assert not found.startswith("/")
            assert ".." not in found.split("/")


def test_a_source_map_reads_nothing_beside_the_checkout(tmp_path):
    (tmp_path / "secret.ts").write_text("secret\n")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "a.js").write_text("a\n//# sourceMappingURL=../secret.map\n")
    (tmp_path / "secret.map").write_text(json.dumps({"version": 3, "sources": ["x"], "mappings": "AAAA"}))
    for name in ("../secret.ts", "/../secret.ts", str(tmp_path / "secret.ts"), f"file://{tmp_path}/secret.ts"):
        source_map = {"version": 3, "sourceRoot": "../..", "sources": [name], "mappings": "AAAA"}
        kept = {"lineLengths": [1], "data": source_map, "url": None}
        document = {"result": [script(None, ("", (0, 1, 1)))], "source-map-cache": {"file:///srv/a.js": kept}}
        report = read(V8, document, CheckoutSources(checkout))
        assert not any(file.lines for file in report.files.values())
    text = (checkout / "a.js").read_text()
    report = read(V8, {"result": [script(None, ("", (0, len(text), 1)))]}, CheckoutSources(checkout))
    assert {path for _, path in report.files} == {"a.js"}  # its map was not looked at


BAD_V8 = {
    "a range that ends before it begins": [script("a", ("", (5, 1, 1)))],
    "a range before the text": [script("a", ("", (-1, 1, 1)))],
    "a range beyond all": [script("a", ("", (0, 2**31, 1)))],
    "less than no hits": [script("a", ("", (0, 1, -1)))],
    "a function without ranges": [script("a", ("",))],
    "a text for an offset": [script("a", ("", ("0", 1, 1)))],
    "no functions": [{"url": "file:///srv/a.js"}],
    "deep": b'{"result":[{"scriptId":"1","url":"file:///a.js","functions":' + b"[" * 100_000,
    "cut off": json.dumps({"result": [script("a", ("", (0, 1, 1)))]}).encode()[:-3],
    "ranges too deep inside each other": [script("a" * 9000, ("f", *((n, 9000 - n, n) for n in range(3000))))],
}


@pytest.mark.parametrize("case", BAD_V8)
def test_v8_is_refused(case):
    with pytest.raises(FormatError) as caught:
        read(V8, BAD_V8[case])
    assert caught.value.path == "x"


def test_many_ranges_over_many_lines_are_refused():
    text = "\n" * 100_000 + "x"
    functions = [(f"f{n}", (n, len(text) - n, 1)) for n in range(800)]
    scripts = [script(text, *functions) | {"url": f"file:///srv/{n}.js"} for n in range(3)]
    assert len(read(V8, scripts[:1]).files) == 1
    with pytest.raises(FormatError, match="over each other"):
        read(V8, scripts)


def test_many_functions_in_one_place():
    whole = {"name": "f", "decl": span(), "loc": span()}
    functions = {str(n): whole for n in range(20_000)}
    report = read(ISTANBUL, entry(fnMap=functions, f=dict.fromkeys(functions, 1)))
    (file,) = report.files.values()
    assert len(file.functions) == 20_000
    assert {"f", "f@0", "f@0.2", "f@0.3"} <= set(file.functions.names)


def test_three_functions_of_one_name_on_one_line_are_called_by_their_columns():
    functions = {str(n): {"name": "f", "decl": span(1, n), "loc": span(1, n)} for n in (0, 4, 9)}
    (file,) = read(ISTANBUL, entry(fnMap=functions, f=dict.fromkeys(functions, 1))).files.values()
    assert file.functions.names == ("f", "f@4", "f@9")


BAD_MAPS = {
    "no base 64": {"sources": ["a"], "mappings": "AA!A"},
    "two numbers": {"sources": ["a"], "mappings": "AA"},
    "an endless number": {"sources": ["a"], "mappings": "gggggggggggggggggggggggggggggB"},
    "a number not ended": {"sources": ["a"], "mappings": "AAAg"},
    "a source that is not there": {"sources": ["a"], "mappings": "ACAA"},
    "a line above the first": {"sources": ["a"], "mappings": "AADA"},
    "a column beyond all": {"sources": ["a"], "mappings": "ggggggI"},
    "a column before all": {"sources": ["a"], "mappings": "hgggggI"},
    "too many lines": {"sources": ["a"], "mappings": ";" * 3_000_000},
    "too many sources": {"sources": ["a"] * 200_000, "mappings": ""},
    "sections in disorder": {"sections": [
        {"offset": {"line": n, "column": 0}, "map": {"sources": [], "mappings": ""}} for n in (5, 1)
    ]},
    "sections within sections": {"sections": [{"offset": {"line": 0, "column": 0}, "map": {"sections": []}}]},
    "a section far away": {"sections": [
        {"offset": {"line": 2**40, "column": 0}, "map": {"sources": [], "mappings": ""}}
    ]},
    "a section that reaches too far": {"sections": [
        {"offset": {"line": 0, "column": 9}, "map": {"sources": ["a"], "mappings": "+/////DAAA"}}
    ]},
    "numbers for sources": {"sources": [1], "mappings": ""},
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_MAPS)
def test_source_maps_are_refused(case):
    with pytest.raises(ValueError, match=r"."):
        SourceMap.of(json.dumps({"version": 3} | BAD_MAPS[case]).encode())


def test_segments_cost_little():
    tracemalloc.start()
    vlq.decoded("AAAA," * 300_000, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_where_a_text_says_its_map_is():
    assert url_of(b"a\n//# sourceMappingURL=a.js.map\n") == "a.js.map"
    assert url_of(b"x = 'sourceMappingURL=no'\n//@ sourceMappingURL=b.map") == "b.map"
    assert url_of(b"/*# sourceMappingURL=c.map */") == "c.map"
    assert url_of(b"nothing") is None
    assert of_data_url("data:application/json;charset=utf-8;base64," + base64.b64encode(b"{}").decode()) == b"{}"
    assert of_data_url("data:application/json,%7B%7D") == b"{}"
    assert of_data_url("data:text/html,x") is None
    assert beside("/srv/dist/a.js", "../src/a.ts") == "/srv/src/a.ts"
    assert beside("/srv/dist/a.js", "file:///other/a%20b.ts") == "/other/a b.ts"
    assert beside("/srv/dist/a.js", "webpack://shop/./src/a.ts") == "/srv/dist/src/a.ts"
    assert beside("/srv/dist/a.js", "webpack://shop/./src/a.vue?1a2b#c") == "/srv/dist/src/a.vue"
    assert beside("/srv/dist/a.js", "file:///other/a%3Fb.ts?c") == "/other/a?b.ts"
    assert beside("/srv/dist/a.js", "a.vue?1a2b") == "/srv/dist/a.vue?1a2b"


TEXT = "a\nfunction f() {\n  return '😀'\n}\n"


@pytest.mark.parametrize("before", [0, 62])
def test_what_stood_before_the_text_is_taken_off(before):
    """Node before 10.16, and what wraps modules by itself, compile a longer text; offsets are UTF-16 units."""
    length = len(TEXT) + 1
    whole = ("", (0, length + (66 if before else 0), 1))
    inner = ("f", (2 + before, length - 1 + before, 0))
    file = read(V8, [script(TEXT, whole, inner)]).files[None, "srv/a.js"]
    assert dict(file.lines) == {1: 1, 2: 0, 3: 0, 4: 0}


def test_a_byte_order_mark_counts_for_nothing():
    document = [script("\ufeff" + TEXT, ("", (0, len(TEXT) + 1, 1)), ("f", (2, len(TEXT), 0)))]
    assert dict(read(V8, document).files[None, "srv/a.js"].lines) == {1: 1, 2: 0, 3: 0, 4: 0}


def test_scripts_of_a_server_and_of_nobody():
    urls = ["https://shop.example/js/a.js?v=3", "node:fs", "", "evalmachine.<anonymous>", "file:///x/node_modules/b.js"]
    report = read(V8, [script(TEXT, ("", (0, len(TEXT) + 1, 1))) | {"url": url} for url in urls])
    assert {path for _, path in report.files} == {"js/a.js"}


def test_two_builds_of_one_file_in_one_report():
    """Under two names that lie in one place; the user could not take them apart."""
    one = entry(statementMap={"0": span(1)}, s={"0": 3})["/srv/a.js"]
    other = entry(statementMap={"0": span(2)}, s={"0": 0})["/srv/a.js"] | {"path": "/srv/./a.js"}
    report = read(ISTANBUL, {"/srv/a.js": one, "/srv/./a.js": other})
    assert dict(report.files[None, "srv/a.js"].lines) == {1: 1, 2: 0}
    assert report.notes == ("srv/a.js is told of twice, with other statements: only which lines ran is kept",)
