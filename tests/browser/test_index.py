"""The index in a real browser: what it shows, sorts, filters and folds, at three widths, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
import shown_project

from covey.model.counted import Lines
from covey.model.ratio import Ratio
from covey.model.report import FileCoverage, Report
from covey.render.base import Options
from covey.render.counting import joint
from covey.render.html import RENDERER

pytestmark = pytest.mark.browser
LOOKS = (Path(__file__).parent / "looks.js").read_text()


def names(page):
    return page.locator("#body th bdi").all_inner_texts()


def column(page, at):
    return [int(text.replace(",", "")) for text in page.locator(f"#body td:nth-child({at})").all_inner_texts()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1400])
def test_it_shows_totals_parts_and_files_in_any_width_and_light(visit, own, width, scheme):
    page = visit(own / "index.html", width=width, color_scheme=scheme)
    report = shown_project.own()
    lines = report.totals.lines
    assert page.title() == f"Shop · unit and end-to-end · {joint(report.totals).shown()}%"  # as the text report has it
    tiles = page.locator(".tile").all_inner_texts()
    assert f"{lines.shown()}%" in tiles[0]
    assert f"{lines.covered:,} of {lines.total:,}" in tiles[0]
    assert f"{report.totals.branches.shown()}%" in tiles[1]
    assert [text.split()[0] for text in page.locator(".parts tbody tr").all_inner_texts()] == ["e2e", "unit"]
    assert "could not be mapped" in page.locator(".note").inner_text()
    assert names(page)[0] == "src"
    assert set(names(page)) >= {"covey/model", "merge.py", "report.py", "gone.py"}
    depths = [page.locator(f"#body .d{depth} bdi").first.bounding_box()["x"] for depth in (0, 1, 2)]
    assert depths[0] < depths[1] < depths[2]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(LOOKS) == []
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, light[4:-1].split(","))) > 128) == (scheme == "light")


def test_percentages_are_those_of_the_command_line(visit, own):
    page = visit(own / "index.html")
    pairs = [
        (covered, total)
        for total in (1, 3, 7, 8, 200, 999, 2_000_000)
        for covered in {0, 1, total // 3, total // 2, total - 1, total}
    ] + [(covered, total) for total in (16, 800, 1600) for covered in range(total)]  # where two are equally near
    for digits in (0, 1, 2):
        shown = page.evaluate("([pairs, digits]) => pairs.map(([c, t]) => covey.shown(c, t, digits))", [pairs, digits])
        assert shown == [f"{Ratio(*pair).shown(digits)}%" for pair in pairs]


def test_sorting_by_each_column_both_ways(visit, own):
    page = visit(own / "index.html")
    page.locator("#flat").check()
    head = page.locator("thead th", has_text="Missed")
    head.locator("button").click()
    assert column(page, 3) == sorted(column(page, 3), reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").click()
    assert column(page, 3) == sorted(column(page, 3))
    assert head.get_attribute("aria-sort") == "ascending"
    page.locator("thead th", has_text="File").locator("button").click()
    assert names(page) == sorted(names(page))
    assert page.locator("thead [aria-sort]").count() == 1


def test_folders_add_up_and_fold(visit, own):
    page = visit(own / "index.html")
    top = int(page.locator("#body tr").first.locator("td").nth(2).inner_text().replace(",", ""))
    assert top == shown_project.own().totals.lines.total
    before = names(page)
    page.get_by_role("button", name="covey/model").click()
    assert names(page) == ["src", "covey/model", "gone.py"]
    page.get_by_role("button", name="covey/model").click()
    assert names(page) == before
    page.get_by_role("button", name="Fold", exact=True).click()
    assert names(page) == ["src"]
    page.get_by_role("button", name="Unfold").click()
    assert names(page) == before


def test_the_filter_narrows_says_how_many_and_is_kept_on_the_way_back(visit, own):
    page = visit(own / "index.html")
    page.keyboard.press("/")
    page.keyboard.type("MODEL mer")
    assert names(page) == ["src/covey/model", "merge.py"]
    assert page.locator("#found").inner_text() == f"1 of {len(shown_project.own().files)}"
    page.get_by_role("link", name="merge.py").click()
    page.wait_for_url("**/files/*merge.py*")
    page.keyboard.press("u")
    page.wait_for_url("**/index.html")
    assert page.locator("#filter").input_value() == "MODEL mer"
    assert names(page) == ["src/covey/model", "merge.py"]
    page.locator("#filter").fill("no such file")
    assert page.locator(".empty").inner_text() == "No file matches."
    page.locator("#filter").press("Escape")
    assert len(names(page)) > 5


def test_only_files_with_gaps(visit, own):
    page = visit(own / "index.html")
    page.keyboard.press("g")
    page.keyboard.press("f")
    gaps = [
        path
        for (_, path), file in shown_project.own().files.items()
        if file.totals.lines.covered < file.totals.lines.total
        or file.totals.branches.covered < file.totals.branches.total
    ]
    assert names(page) == sorted(gaps)
    assert 0 < len(gaps) <= len(shown_project.own().files)


def test_keys_move_open_fold_and_help(visit, own):
    page = visit(own / "index.html")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.dataset.path") == "src/"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert names(page) == ["src", "covey/model", "gone.py"]
    assert page.evaluate("document.activeElement.dataset.path") == "src/covey/model/"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("j")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    assert "Filter files" in page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/files/*gone.py*")


def test_single_keys_can_be_switched_off(visit, own):
    page = visit(own / "index.html")
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("f")
    assert not page.locator("#flat").is_checked()
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()


def test_the_theme_that_is_chosen_holds_on_every_page(visit, own):
    page = visit(own / "index.html", color_scheme="light")
    page.get_by_role("button", name="Switch to dark theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark == "rgb(18, 22, 27)"
    page.get_by_role("link", name="merge.py").click()
    page.wait_for_url("**/files/*")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.keyboard.press("t")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(250, 249, 247)"


@pytest.mark.parametrize("width", [360, 1400])
def test_without_scripts_every_file_is_listed_and_linked(visit, own, width):
    page = visit(own / "index.html", width=width, java_script_enabled=False)
    links = page.locator("noscript a")
    assert links.count() == len(shown_project.own().files)
    assert page.locator(".tile").first.is_visible()
    assert page.locator("noscript").inner_text().count("src/covey/model/") == 1
    links.first.click()
    assert page.locator("#text").is_visible()


def test_landmarks_and_headings(visit, own):
    page = visit(own / "index.html")
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("heading", level=1).inner_text() == "Shop · unit and end-to-end"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the files"
    assert page.locator(".skip").bounding_box()["x"] >= 0


def test_hostile_names_are_shown_and_do_nothing(visit, hostile):
    page = visit(hostile / "index.html", width=360)
    page.keyboard.press("f")
    shown = names(page)
    assert shown_project.EVIL_NAMES[0] in shown
    assert "txt.\\u202eyp.evil" in shown
    assert {"a/b.py", "a_b.py", "Case.py", "case.py"} <= set(shown)
    assert "broken" not in page.title()
    assert page.locator("img, b").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("f")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_thousands_of_files_are_drawn_as_they_come_into_view(visit, tmp_path):
    files = [
        FileCoverage(f"src/p{n % 40}/m{n % 7}/file{n}.py", Lines.of({1: 1, 2: n % 3, 3: n % 2})) for n in range(4000)
    ]
    RENDERER.render(Report.of(files), tmp_path / "out", Options())
    page = visit(tmp_path / "out" / "index.html")
    assert page.locator("#body tr").count() == 41  # src and the folders in it
    page.keyboard.press("f")
    assert page.locator("#body tr").count() < 600
    page.locator("#filter").fill("file3999.py")
    assert names(page) == ["src/p39/m2/file3999.py"]
    page.locator("#filter").fill("")
    page.keyboard.press("Escape")  # out of the box: there letters are text
    page.keyboard.press("m")
    assert column(page, 3)[:3] == [2, 2, 2]
    for last in (299, 449):
        page.keyboard.press("End")
        page.locator("#body tr").nth(last).wait_for(state="attached")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#body tr").count() == 4000
