"""Chromium without a window, on reports that were written to a folder and are opened from file://."""

from __future__ import annotations

import os
import shutil

import pytest
import shown_project

from covey.render.base import Options
from covey.render.html import RENDERER

NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


@pytest.fixture(scope="module")
def chromium():
    """A browser with a profile of its own, closed with the module: its event loop would be in other tests' way."""
    path = os.environ.get("COVEY_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no Chromium: install it (apt-get install chromium), or name one in COVEY_TEST_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: run `make setup`")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """visit(path, **context) -> page. At the end no page may have failed, said anything, or asked for the network."""
    opened, trouble = [], []

    def go(path, width=1400, height=900, **context):
        page = chromium.new_context(viewport={"width": width, "height": height}, **context).new_page()
        opened.append(page)
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("dialog", lambda dialog: (trouble.append("dialog"), dialog.dismiss()))
        page.on("request", lambda asked: asked.url.startswith("file://") or trouble.append(f"request: {asked.url}"))
        page.goto(path.as_uri())
        return page

    yield go
    for page in opened:
        page.context.close()
    assert trouble == []


@pytest.fixture(scope="session")
def own(tmp_path_factory):
    """The report of a part of covey itself."""
    return written(tmp_path_factory, shown_project.own(), shown_project.Checkout())


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    return written(tmp_path_factory, shown_project.hostile(), shown_project.Given(shown_project.EVIL_TEXTS))


def written(tmp_path_factory, report, texts):
    folder = tmp_path_factory.mktemp("html") / "report"
    RENDERER.render(report, folder, Options(texts, "Shop · unit and end-to-end"))
    return folder


@pytest.fixture(scope="session")
def page_of():
    """page_of(folder, "merge.py") -> the page of the source file so named."""

    def find(folder, name):
        (path,) = (folder / "files").glob(f"*{name}-*.html")
        return path

    return find
