"""A report of 4,000 files in a real browser: it opens, sorts, filters, leads from gap to gap, reads without scripts."""

from __future__ import annotations

import pytest
import shown_project

from covey.model.counted import Arm, Branches, Function, Functions, Lines
from covey.model.report import FileCoverage, Report
from covey.render.base import Options
from covey.render.html import RENDERER

pytestmark = pytest.mark.browser
FILES = 4000
SOURCE = b"".join(b"line %d of a file <b>\n" % number for number in range(1, 261))


def made(number):
    """Every third file has no gaps; of the others line 7 (and each 40th of every seventh file) did not run."""
    lines = dict.fromkeys(range(1, 261, 2), number % 5 + 1)
    if number % 3:
        lines[7] = 0
        lines |= {line: 0 for line in range(41, 261, 40) if not number % 7}
    return FileCoverage(
        f"src/p{number % 40}/m{number % 7}/file{number}.py",
        Lines.of(lines),
        Branches.of([Arm(3, "0", 1), Arm(3, "1", number % 3 % 2 ^ 1)]),
        Functions.of([Function(f"f{number}", 1, 20, 1), Function("never", 41, None, 0)]),
    )


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large") / "report"
    report = Report.of(map(made, range(FILES)))
    texts = shown_project.Given(dict.fromkeys((path for _, path in report.files), SOURCE))
    RENDERER.render(report, folder, Options(texts, "Large"))
    return folder, report


def test_it_opens_sorts_and_filters(visit, large):
    folder, report = large
    page = visit(folder / "index.html")
    assert "4,000 files" in page.locator(".aside").last.inner_text()
    page.keyboard.press("f")
    page.keyboard.press("m")
    first = page.locator("#body tr").first
    most = max(file.totals.lines.total - file.totals.lines.covered for file in report.files.values())
    assert first.locator("td").nth(1).inner_text() == str(most)
    page.locator("thead th", has_text="Missed").locator("button").click()
    assert first.locator("td").nth(1).inner_text() == "0"
    page.keyboard.press("/")
    page.keyboard.type("p11 file11")
    shown = page.locator("#found").inner_text()
    assert shown == f"{sum('p11/' in path and 'file11' in path for _, path in report.files)} of 4,000"
    assert page.locator("#body tr").count() < 300  # rows are drawn as they come into view


def test_gaps_lead_from_the_index_through_the_files(visit, large):
    folder, report = large
    gappy = [path for (_, path), file in report.files.items() if file.lines.missing]
    page = visit(folder / "index.html")
    page.keyboard.press("f")
    listed = page.locator("#body th bdi").all_inner_texts()
    start = gappy.index(next(path for path in listed if path in gappy))
    page.keyboard.press("n")
    for path in gappy[start : start + 6]:
        page.wait_for_url("**/*#first")
        assert page.get_by_role("heading", level=1).inner_text() == path
        gaps = int(page.locator("#gaps").inner_text().split()[-1])
        for _ in range(gaps):
            page.keyboard.press("n")
        page.wait_for_function("name => ![name, undefined].includes(document.querySelector('h1')?.innerText)", arg=path)
    page.keyboard.press("p")
    page.wait_for_url("**/*#last")
    assert page.get_by_role("heading", level=1).inner_text() == gappy[start + 5]


def test_functions_can_be_chosen(visit, large, page_of):
    page = visit(page_of(large[0], "file1.py"))
    options = page.locator("#functions option").all_inner_texts()
    assert options == ["1 of 2 ran", "f1", "× never"]
    page.select_option("#functions", label="× never")
    assert page.evaluate("document.querySelector('.here').id") == "L41"


@pytest.mark.parametrize("width", [360, 1400])
def test_without_scripts_all_files_are_listed_folder_by_folder(visit, large, width):
    page = visit(large[0] / "index.html", width=width, java_script_enabled=False)
    assert page.locator("noscript a").count() == FILES
    assert page.locator("noscript .dir").count() == 280
    page.locator("noscript a").nth(FILES - 1).click()
    assert page.locator("#text").inner_text().startswith("line 1 of a file <b>")
    page.locator(".onward a").click()
    assert page.locator(".marks").is_visible()
