"""filtered.cov and filtered.html: one order, Go's names, sources of the checkout, what else is in the folder."""

from __future__ import annotations

import re

import pytest

from covey.errors import UsageError
from covey.flows.checkout import checkout_sources
from covey.flows.show import CheckoutTexts, show
from covey.model.blocks import Block, Blocks
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report
from covey.render.base import Options

SOURCE = "package {name}\n\nfunc F(n int) int {{\n\tif n > 3 && 2 < 5 {{\n\t\tn--\n\t}}\n\treturn n\n}}\n"
BLOCKS = Blocks.of([Block(3, 19, 4, 20, 1, 1), Block(4, 20, 6, 3, 1, 0), Block(7, 2, 7, 10, 1, 1)], "touch")
PATHS = ("a/z.go", "a/b/c.go", "main.go", "<b>.go")


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "go.mod").write_text("module example.test/m\n\ngo 1.20\n")
    for path in PATHS[:3]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(SOURCE.format(name="x"))
    return tmp_path


def written(checkout, report, folder, **options):
    texts = CheckoutTexts(checkout_sources(checkout))
    paths = show(report, "spyglass", folder, Options(texts, **options))
    assert paths == [folder / "filtered.cov", folder / "filtered.html"]
    return tuple(path.read_text() for path in paths)


def test_both_have_the_files_in_one_order_and_as_go_calls_them(checkout, tmp_path):
    report = Report.of(FileCoverage(path, blocks=BLOCKS) for path in PATHS)
    profile, page = written(checkout, report, tmp_path / "artifacts")
    names = list(dict.fromkeys(line.rpartition(":")[0] for line in profile.splitlines()[1:]))
    assert names == ["<b>.go", "example.test/m/a/b/c.go", "example.test/m/a/z.go", "example.test/m/main.go"]
    options = re.findall(r'<option value="file(\d+)">(.*?) \(66\.7%\)</option>', page)
    assert [(int(at), name.replace("&lt;", "<").replace("&gt;", ">")) for at, name in options] == list(enumerate(names))
    assert re.findall(r'<section class="file" id="file(\d+)">', page) == ["0", "1", "2", "3"]


def test_a_file_without_lines_is_in_neither_and_takes_no_number(checkout, tmp_path):
    files = [FileCoverage(path, Lines.of({1: 1, 2: 0})) for path in ("a/b.py", "z.py")]
    empty = [FileCoverage(path) for path in ("a/__init__.py", "m/__init__.py")]
    blank = FileCoverage("a/a.go", blocks=Blocks.of([], "touch"))
    profile, page = written(checkout, Report.of([*empty, *files, blank]), tmp_path / "artifacts")
    assert list(dict.fromkeys(line.rpartition(":")[0] for line in profile.splitlines()[1:])) == ["a/b.py", "z.py"]
    assert re.findall(r'<option value="file(\d+)">(.*?) \(', page) == [("0", "a/b.py"), ("1", "z.py")]
    assert re.findall(r'<section class="file" id="file(\d+)"><h2>(.*?) \(', page) == [("0", "a/b.py"), ("1", "z.py")]
    profile, page = written(checkout, Report.of(empty), tmp_path / "nothing")
    assert len(profile.splitlines()) == 1
    assert "<option" not in page


def test_sources_are_marked_run_by_run_and_stay_text(checkout, tmp_path):
    _, page = written(checkout, Report.of([FileCoverage("main.go", blocks=BLOCKS)]), tmp_path / "out", title="<i>")
    assert (
        'package x\n\n<span class="r">func F(n int) int {\n\tif n &gt; 3 &amp;&amp; 2 &lt; 5 {\n</span>'.replace(
            "&gt;", ">"
        )
        in page
    )
    assert '<span class="m">\t\tn--\n\t}\n</span><span class="r">\treturn n\n</span>}\n</pre>' in page
    assert "<i>" not in page


def test_a_file_without_source_tells_its_lines(checkout, tmp_path):
    _, page = written(checkout, Report.of([FileCoverage("gone.go", blocks=BLOCKS)]), tmp_path / "out")
    assert "was not found" in page
    assert "Lines that did not run: 5-6" in page


def test_it_is_written_beside_what_is_there_and_again_with_the_same_bytes(checkout, tmp_path):
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "build-log.txt").write_text("x")
    report = Report.of(FileCoverage(path, blocks=BLOCKS) for path in PATHS)
    assert written(checkout, report, folder) == written(checkout, report, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["build-log.txt", "filtered.cov", "filtered.html"]


def test_the_page_asks_for_nothing_and_runs_only_its_own_script(checkout, tmp_path):
    _, page = written(checkout, Report.of([FileCoverage("main.go", blocks=BLOCKS)]), tmp_path / "out")
    assert not re.search(r'(?:src|href)="(?!#file0")', page)
    assert "unsafe-inline" not in page
    assert page.count("<script") == page.count("<style") == 1


def test_several_repositories_and_a_stream_are_refused(checkout, tmp_path):
    files = [FileCoverage("main.go", Lines.of({1: 1}), repository=name) for name in ("one", "two")]
    with pytest.raises(UsageError, match="one repository"):
        written(checkout, Report.of(files), tmp_path / "out")
    with pytest.raises(UsageError, match="fills a folder"):
        show(Report(), "spyglass", __import__("io").BytesIO(), Options())
