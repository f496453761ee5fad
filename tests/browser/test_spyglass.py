"""filtered.html in a real browser: a link of the lens shows its file, with and without scripts."""

from __future__ import annotations

import pytest
import shown_project

from covey.flows.spyglass import RENDERER
from covey.model.blocks import Block, Blocks
from covey.model.report import FileCoverage, Report
from covey.render.base import Options

pytestmark = pytest.mark.browser
SOURCE = b"package a\n\nfunc F() {\n\tprint(1) // <script>document.title='broken'</script>\n}\n"


@pytest.fixture(scope="module")
def page_path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts")
    names = [f"pkg/{letter}.go" for letter in "abc"]
    blocks = Blocks.of([Block(3, 10, 5, 2, 1, 0)], "touch")
    texts = shown_project.Given(dict.fromkeys(names, SOURCE))
    RENDERER.render(Report.of(FileCoverage(name, blocks=blocks) for name in names), folder, Options(texts))
    return folder / "filtered.html"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_link_shows_its_file(visit, page_path, scripts):
    page = visit(page_path, java_script_enabled=scripts)
    page.goto(page_path.as_uri() + "#file1")
    assert page.locator("section:visible h2").all_inner_texts() == ["pkg/b.go (0.0%)"]
    assert page.locator("section:visible .m").inner_text().startswith("func F() {")
    if scripts:
        assert page.locator("#files").input_value() == "file1"


def test_files_are_chosen_from_the_list(visit, page_path):
    page = visit(page_path)
    assert page.locator("section:visible h2").all_inner_texts() == ["pkg/a.go (0.0%)"]
    page.select_option("#files", "file2")
    page.wait_for_url("**/*#file2")
    assert page.locator("section:visible h2").all_inner_texts() == ["pkg/c.go (0.0%)"]
    assert page.title() == "Coverage"


def test_without_scripts_all_files_are_listed(visit, page_path):
    page = visit(page_path, width=360, java_script_enabled=False)
    assert page.locator("ol a").count() == 3
    page.locator("ol a").nth(2).click()
    assert page.locator("section:visible h2").all_inner_texts() == ["pkg/c.go (0.0%)"]
    assert not page.locator("ol").is_visible()
