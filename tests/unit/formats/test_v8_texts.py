"""Scripts whose text was recorded, as Playwright and Puppeteer do it, beside the files that their paths name."""

from __future__ import annotations

import base64
import json

import pytest

from covey.formats.base import Input
from covey.formats.sources import CheckoutSources, NoSources
from covey.formats.v8 import FORMAT
from covey.formats.v8text import WRAPPER

VUE = "<script setup>\nlet a = 1\nif (a > 1) {\n  a = 2\n}\n</script>\n<style>\np { color: red }\n</style>\n"
STYLE = 'import { a } from "/@vite/client"\nconst css = "p {}"\na(css)\n'
MAIN = "let x = 1\nx += 1\nexport { x }\n"


def whole(url, source, *inner):
    """A script all of which ran once, but for the ranges of functions f that never did; V8 sees no byte order mark."""
    ranges = [("", (0, len(source.removeprefix("\ufeff")), 1)), *(("f", (*one, 0)) for one in inner)]
    functions = [
        {"functionName": name, "isBlockCoverage": True,
         "ranges": [dict(zip(("startOffset", "endOffset", "count"), span, strict=True))]}
        for name, span in ranges
    ]  # fmt: skip
    return {"url": url, "scriptId": "1", "source": source, "functions": functions}


def mapped(url, source, text, name):
    """A script of as many lines as its source, each made of that line."""
    told = {"version": 3, "sources": [name], "sourcesContent": [text], "mappings": "AAAA" + ";AACA" * text.count("\n")}
    data = base64.b64encode(json.dumps(told).encode()).decode()
    where = (source.index("if"), source.index("}") + 1)
    return whole(url, f"{source}//# sourceMappingURL=data:application/json;base64,{data}\n", where)


def read(sources, *scripts):
    return FORMAT.read([Input.of_bytes("x.json", json.dumps(scripts).encode())], sources)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/App.vue").write_text(VUE)
    (tmp_path / "main.js").write_text(MAIN)
    return CheckoutSources(tmp_path)


def test_what_a_server_makes_of_a_part_of_a_file_is_not_counted_as_the_file(checkout):
    """Vite's script for the style of a Vue component, whose path is the component's once the query is off."""
    app = mapped("http://127.0.0.1:5173/src/App.vue", VUE, VUE, "App.vue")
    alone = read(checkout, app)
    assert alone.files[None, "src/App.vue"].lines.missing
    style = whole("http://127.0.0.1:5173/src/App.vue?vue&type=style&index=0&lang.css", STYLE)
    other = style | {"url": style["url"].replace("=0", "=1")}
    both = read(checkout, app, style, other)
    assert both.files == alone.files
    assert both.notes == ("scripts not counted, another text than ran: src/App.vue",)


def test_a_script_of_the_same_path_that_is_another_s_is_not_counted(checkout):
    report = read(checkout, whole("https://cdn.example.com/analytics/v3/main.js", "let other = 1\n" * 12))
    file = report.files[None, "main.js"]
    assert not file.lines
    assert file.inexact == {"lines"}
    assert report.notes == ("not known which lines ran, another text than ran: main.js",)


@pytest.mark.parametrize("url", ["http://127.0.0.1/main.js?t=17", "file:///srv/main.js"])
@pytest.mark.parametrize(
    ("source", "file"),
    [
        (MAIN, MAIN),
        (MAIN, "\ufeff" + MAIN),
        ("\ufeff" + MAIN, MAIN),
        (MAIN, MAIN.replace("\n", "\r\n")),
        (MAIN.replace("\n", "\r\n"), MAIN),
        (MAIN.join(WRAPPER), MAIN),
        (("\ufeff" + MAIN).join(WRAPPER), "\ufeff" + MAIN),
    ],
)
def test_what_is_no_difference(tmp_path, url, source, file):
    """Nor does it matter for the figures: they are those of the text that ran."""
    (tmp_path / "main.js").write_bytes(file.encode())
    report = read(CheckoutSources(tmp_path), whole(url, source))
    assert report.files[None, "main.js"].lines
    assert not report.notes
    (without,) = read(NoSources(), whole(url, source)).files.values()
    assert report.files[None, "main.js"].lines == without.lines


def test_a_file_that_is_no_utf8_cannot_be_compared(tmp_path):
    (tmp_path / "main.js").write_bytes("let ü = 1\n".encode("latin-1"))
    report = read(CheckoutSources(tmp_path), whole("http://127.0.0.1/main.js", "let ü = 1\n"))
    assert dict(report.files[None, "main.js"].lines) == {1: 1}


def test_the_text_that_ran_tells_which_of_two_files_it_is(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.js").write_text(f"let {name} = 1\n")
    report = read(CheckoutSources(tmp_path), whole("http://127.0.0.1/main.js", "let two = 1\n"))
    assert {path for _, path in report.files} == {"two/main.js"}


FACADE = 'import script from "./App.vue?vue&type=script"\nif (script) {\n}\nexport default script\n'


def bundled(names, texts):
    """A bundle of the sources one after the other, line by line."""
    mappings, before = [], (0, 0)
    for number, text in enumerate(texts):
        mappings += [f"A{'AC'[number > 0]}{_vlq(-before[1])}A"] + ["AACA"] * (text.count("\n") - 1)
        before = number, text.count("\n") - 1
    source = "".join(texts)
    told = {"version": 3, "sources": names, "sourcesContent": texts, "mappings": ";".join(mappings)}
    data = base64.b64encode(json.dumps(told).encode()).decode()
    return whole("http://127.0.0.1/js/app.js", f"{source}//# sourceMappingURL=data:application/json;base64,{data}\n")


def _vlq(number):
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    left, found = abs(number) << 1 | (number < 0), ""
    while True:
        left, low = left >> 5, left & 31
        found += digits[low | (32 if left else 0)]
        if not left:
            return found


@pytest.mark.parametrize(
    "names",
    [
        ["webpack://app/./src/App.vue?1a2b"],
        ["webpack://app/./src/App.vue?1a2b", "webpack://app/./src/App.vue?3c4d#x"],
        ["webpack://app/./src/App.vue", "webpack://app/./src/App.vue?3c4d"],
        ["webpack://app/./src/App.vue?1a2b", "webpack://app/./src/App.vue"],
    ],
)
def test_a_module_of_a_file_is_the_file_where_its_text_is(checkout, names):
    """webpack calls one of a file's modules plainly and the others with a query; which of them, nobody knows."""
    report = read(checkout, bundled(names, [VUE, FACADE][: len(names)]))
    file = report.files[None, "src/App.vue"]
    assert dict(file.lines) == dict.fromkeys(range(1, 10), 1)
    more = ("scripts not counted, another text than ran: src/App.vue",) if len(names) > 1 else ()
    assert report.notes == more


def test_without_the_file_the_module_without_a_query_is_it():
    report = read(NoSources(), bundled(["webpack://app/./App.vue?1", "webpack://app/./App.vue"], [FACADE, VUE]))
    (file,) = report.files.values()
    assert (file.path, len(file.lines)) == ("js/App.vue", 9)


def test_a_path_may_have_a_question_mark_in_it(tmp_path):
    (tmp_path / "js").mkdir()
    (tmp_path / "js/what?.js").write_text(MAIN)
    report = read(CheckoutSources(tmp_path), bundled(["what?.js"], [MAIN]))
    assert {path for _, path in report.files} == {"js/what?.js"}
