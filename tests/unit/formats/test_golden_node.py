"""Istanbul's JSON and V8's data of the real tools, read as nyc and c8 themselves tell of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from oracle.node_tools import ours

from covey import plugins
from covey.flows.show import name_for
from covey.formats.base import Input
from covey.formats.sources import CheckoutSources, NoSources

GOLDEN = Path(__file__).parents[2] / "golden"
CHECKOUT = CheckoutSources(GOLDEN / "js")
CASES = sorted(
    (room, path.parent) for room in ("istanbul", "v8") for path in (GOLDEN / room).glob("*/expected.json")
)  # fmt: skip


def read(room, folder, sources=CHECKOUT):
    files = [Input.of_path(path) for path in sorted(folder.glob("*.json")) if path.name != "expected.json"]
    return plugins.load("formats", room).read(files, sources)


@pytest.mark.parametrize(("room", "folder"), CASES, ids=lambda value: getattr(value, "name", value))
def test_figures_are_those_of_the_tool(room, folder):
    expected = json.loads((folder / "expected.json").read_text())["files"]
    report = read(room, folder)
    assert {path for _, path in report.files} == set(expected)
    for (_, path), file in report.files.items():
        told = expected[path].pop("hits")
        assert {str(line): hits for line, hits in file.lines.items()} == told, path
        assert ours(file) == expected[path], path
    assert all(source.format == room for source in report.sources)


def test_without_the_text_only_that_it_ran_is_known():
    report = read("v8", next((GOLDEN / "v8").glob("*-module")), NoSources())
    file = report.files[None, "srv/shop/lib/module.mjs"]
    assert not file.lines
    assert file.inexact == {"lines"}
    assert report.notes == ("not known which lines ran, text not at hand: srv/shop/lib/module.mjs",)


def test_another_text_than_ran_is_not_counted(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "module.mjs").write_text((GOLDEN / "js" / "lib" / "module.mjs").read_text() + "// more\n")
    report = read("v8", next((GOLDEN / "v8").glob("*-module")), CheckoutSources(tmp_path))
    assert not report.files[None, "lib/module.mjs"].lines
    assert report.notes == ("not known which lines ran, another text than ran: lib/module.mjs",)


def test_a_bundle_needs_no_checkout_where_the_map_holds_the_sources():
    report = read("v8", next((GOLDEN / "v8").glob("*-bundle")), NoSources())
    assert {path for _, path in report.files} == {f"srv/shop/src/{name}.ts" for name in ("cart", "main", "tax")}
    assert all(file.lines for file in report.files.values())


def test_what_the_checkout_does_not_have_is_left_out(tmp_path):
    report = read("v8", next((GOLDEN / "v8").glob("*-module")), CheckoutSources(tmp_path))
    assert not report.files
    assert report.notes == ("left out, not in the checkout: srv/shop/lib/module.mjs",)


def test_functions_and_arms_of_nyc():
    report = read("istanbul", next((GOLDEN / "istanbul").glob("nyc-*[0-9]")))
    file = report.files[None, "lib/till.js"]
    named = {(one.name, one.first, one.last, one.hits) for one in file.functions}
    assert {("total", 4, 11, 1), ("refund", 19, 25, 0), ("(anonymous_3)", 15, 15, 1)} <= named
    assert [tuple(arm) for arm in file.branches if arm.line == 8] == [(8, "@25,0", 2), (8, "@25,1", 1)]
    assert [tuple(arm) for arm in file.branches if arm.line == 20] == [(20, "@2,0", 0), (20, "@2,1", 0)]


def test_the_name_that_nyc_gives_asks_for_its_format(tmp_path):
    assert name_for(tmp_path / "coverage-final.json", "native") == "istanbul"
    assert name_for(tmp_path / "coverage.json", "text") == "native"
