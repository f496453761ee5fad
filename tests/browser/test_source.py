"""A source page in a real browser: marks, hits, branches, parts, keys, at three widths, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
import shown_project

from covey.model.report import lines_of
from covey.render.base import untaken

pytestmark = pytest.mark.browser
LOOKS = (Path(__file__).parent / "looks.js").read_text()
NAME = "merge.py"
FILE = next(file for (_, path), file in shown_project.own().files.items() if path.endswith("/merge.py"))
PARTIAL = sorted({line for line, _ in untaken(FILE)})


def marked(page, kind):
    return page.evaluate(f"[...document.querySelectorAll('.rows .{kind}')].map((line) => Number(line.id.slice(1)))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1400])
def test_every_line_has_its_mark_in_any_width_and_light(visit, own, page_of, width, scheme):
    page = visit(page_of(own, NAME), width=width, color_scheme=scheme)
    text = (shown_project.ROOT / FILE.path).read_text().splitlines()
    assert page.locator(".rows code").all_text_contents() == [line or " " for line in text]
    assert marked(page, "missed") == FILE.lines.missing
    assert marked(page, "partial") == PARTIAL
    assert marked(page, "ran") == [n for n, hits in FILE.lines.items() if hits and n not in PARTIAL]
    assert page.get_by_role("heading", level=1).inner_text() == FILE.path
    assert f"{FILE.totals.lines.shown()}%" in page.locator(".figures").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(LOOKS) == []
    sign = page.evaluate("getComputedStyle(document.querySelector('.rows .missed .m'), '::after').content")
    assert sign == '"×"'


def test_hits_and_branches(visit, own, page_of):
    files = {path: file for (_, path), file in shown_project.own().files.items()}
    counted = next(
        file for file in files.values() if file.mode == "count" and file.branches and max(file.lines.hits) >= 25_000
    )
    page = visit(page_of(own, counted.path.rpartition("/")[2]))
    often = next(n for n, hits in counted.lines.items() if hits >= 25_000)
    assert page.locator(f"#L{often} .h").inner_text() == "25k"
    assert page.locator(f"#L{often} .h").get_attribute("title") in ("25,000 times", "25,001 times")
    line, arms = next(
        (line, arms) for line, arms in counted.branches.by_line().items() if any(arm.hits for arm in arms)
    )
    taken = sum(arm.hits > 0 for arm in arms)
    assert page.locator(f"#L{line} .arms").inner_text() == f"{taken}/{len(arms)}"


def test_a_set_file_shows_no_counts_and_names_where_branches_did_not_go(visit, own, page_of):
    files = [file for file in shown_project.own().files.values() if file.mode == "set" and untaken(file)]
    page = visit(page_of(own, files[0].path.rpartition("/")[2]))
    assert "".join(page.locator(".h").all_inner_texts()) == ""
    line, key = next((line, key) for line, key in untaken(files[0]) if key == "->-1")
    assert key
    assert page.locator(f"#L{line} .arms").get_attribute("title").endswith("not to exit")


HERE = "document.querySelector('.here').id"


def starts_of(file):
    """The first lines of a file's gaps."""
    off, code = {*file.lines.missing, *(line for line, _ in untaken(file))}, list(file.lines)
    return [n for at, n in enumerate(code) if n in off and (not at or code[at - 1] not in off)]


def test_keys_step_through_the_gaps(visit, own, page_of):
    page = visit(page_of(own, NAME))
    starts = starts_of(FILE)
    assert page.locator("#gaps").inner_text() == f"{len(starts)} gaps"
    for at, start in enumerate(starts[:4]):
        page.keyboard.press("n")
        assert page.evaluate(HERE) == f"L{start}"
        assert page.evaluate("document.activeElement.hash") == f"#L{start}"
        assert page.locator("#gaps").inner_text() == f"gap {at + 1} of {len(starts)}"
    page.keyboard.press("p")
    assert page.evaluate(HERE) == f"L{starts[2]}"
    box = page.locator(f"#L{starts[2]}").bounding_box()
    assert 0 < box["y"] < 900


def test_past_the_last_gap_comes_the_first_of_the_next_file_that_has_any_and_round(visit, own, page_of):
    gappy = [file for file in shown_project.own().files.values() if starts_of(file)]
    names = [file.path.rpartition("/")[2] for file in gappy]
    page = visit(page_of(own, names[-1]))
    for _ in starts_of(gappy[-1]):
        page.keyboard.press("n")
    page.keyboard.press("n")
    page.wait_for_url("**/*#first")
    assert page.get_by_role("heading", level=1).inner_text() == gappy[0].path
    assert page.evaluate(HERE) == f"L{starts_of(gappy[0])[0]}"
    assert page.locator("#gaps").inner_text().startswith("gap 1 of ")
    page.get_by_role("button", name="Previous gap").click()
    page.wait_for_url("**/*#last")
    assert page.get_by_role("heading", level=1).inner_text() == gappy[-1].path
    assert page.evaluate(HERE) == f"L{starts_of(gappy[-1])[-1]}"
    page.locator(".onward a").click()
    page.wait_for_url("**/*#first")
    assert page.get_by_role("heading", level=1).inner_text() == gappy[0].path


def test_keys_lead_to_other_files_and_back(visit, own, page_of):
    page = visit(page_of(own, NAME))
    before = page.url
    page.keyboard.press("]")
    page.wait_for_url(lambda url: url != before)
    assert page.get_by_role("heading", level=1).inner_text() > FILE.path
    page.keyboard.press("[")
    page.wait_for_url(before)
    page.keyboard.press("Escape")
    page.wait_for_url("**/index.html")


def test_parts_what_one_reaches_and_what_only_it_reaches(visit, own, page_of):
    slices = shown_project.own().slices
    unit, e2e = (set(lines_of(slices[f"part:{name}"][FILE.key])) for name in ("unit", "e2e"))
    page = visit(page_of(own, NAME))
    assert marked(page, "only") == sorted(unit ^ e2e)
    options = page.locator("#view option").all_inner_texts()
    assert options == [
        "all parts",
        "what e2e reaches",
        "what unit reaches",
        f"what only e2e reaches ({len(e2e - unit)})",
        f"what only unit reaches ({len(unit - e2e)})",
    ]
    page.select_option("#view", label=options[1])
    assert marked(page, "missed") == [n for n in FILE.lines if n not in e2e]
    page.select_option("#view", label=options[3])
    assert marked(page, "picked") == sorted(e2e - unit)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    assert page.evaluate("document.querySelector('.here').id") == f"L{min(e2e - unit)}"
    title = page.locator(f"#L{min(e2e & unit)} code").get_attribute("title")
    assert title == "in e2e, unit; test login"


def test_a_link_to_a_line_shows_it(visit, own, page_of):
    path = page_of(own, NAME)
    page = visit(path)
    page.goto(path.as_uri() + "#L120")
    assert page.locator("#L120").evaluate("(line) => line.classList.contains('here')")
    assert 0 < page.locator("#L120").bounding_box()["y"] < 900


def test_long_lines_wrap_on_request(visit, own, page_of):
    page = visit(page_of(own, NAME), width=360)
    wide = "document.querySelector('.code').scrollWidth > document.querySelector('.code').clientWidth"
    assert page.evaluate(wide)
    page.keyboard.press("w")
    assert not page.evaluate(wide)
    page.reload()
    assert page.locator("#wrap").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [360, 1400])
def test_without_scripts_it_reads(visit, own, page_of, width):
    page = visit(page_of(own, NAME), width=width, java_script_enabled=False)
    assert page.locator("#text").inner_text().startswith('"""')
    count = len((shown_project.ROOT / FILE.path).read_text().splitlines())
    heights = [page.locator(f"pre.{column}").bounding_box()["height"] for column in ("numbers", "marks", "text")]
    assert max(heights) - min(heights) < 20
    assert page.locator("pre.numbers").inner_text().split()[-1] == str(count)
    assert f"Not reached {FILE.lines.missing[0]}" in " ".join(page.locator("#spoken").inner_text().split())
    page.get_by_role("link", name="All files").click() if width > 400 else page.locator("#home").click()
    assert page.locator("noscript a").count() > 5


def test_landmarks(visit, own, page_of):
    page = visit(page_of(own, NAME))
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("navigation", name="Files").count() == 1
    assert page.locator(f"#L{FILE.lines.missing[0]} a").get_attribute("aria-label").endswith("did not run")


def test_a_source_that_is_gone(visit, own, page_of):
    page = visit(page_of(own, "gone.py"))
    assert "was not found" in page.locator(".note").inner_text()
    assert page.locator(".rows .n").all_inner_texts() == [str(n) for n in range(1, 10)]
    assert marked(page, "missed") == [2]


def test_hostile_texts_are_shown_and_do_nothing(visit, hostile):
    paths = sorted((hostile / "files").iterdir())
    page = visit(paths[0])
    for path in paths:
        page.goto(path.as_uri())
        assert "broken" not in page.title() or "document.title" in page.title()
        assert page.locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 1400, path
        assert page.locator(".rows .l").count() >= 1
    page.goto(next(path for path in paths if "img" in path.name).as_uri())
    assert page.locator("#L2 code").text_content() == "name = 'é'"
