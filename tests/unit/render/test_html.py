"""The HTML folder as files: names, replacing, refusing, sameness of bytes, what stands in a page without scripts."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
import shown_project

from covey.errors import UsageError
from covey.formats.pyfiles import PythonFiles
from covey.formats.sources import NoSources
from covey.model.blocks import Block, Blocks
from covey.model.counted import Arm, Branches, Lines
from covey.model.report import FileCoverage, Report, bits
from covey.model.scope import Scope
from covey.render.base import Options
from covey.render.html import RENDERER
from covey.render.page_names import page_names


def render(report, folder, **options):
    RENDERER.render(report, folder, Options(**options))
    return folder


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def only_page(folder):
    (page,) = (folder / "files").iterdir()
    return page.read_text()


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1])


def test_equal_reports_give_equal_bytes_and_a_second_run_replaces_the_first(tmp_path):
    options = {"texts": shown_project.Checkout(), "title": "Own"}
    one = tree(render(shown_project.own(), tmp_path / "one", **options))
    render(shown_project.hostile(), tmp_path / "two", **options)
    assert tree(render(shown_project.own(), tmp_path / "two", **options)) == one
    assert sum(name.startswith("files/") for name in one) == len(shown_project.own().files)


def test_a_report_that_could_not_be_finished_leaves_nothing_and_one_that_was_killed_is_replaced(tmp_path):
    class Broken:
        def text(self, file):
            raise OSError(28, "No space left on device")

    with pytest.raises(UsageError, match="No space left"):
        render(shown_project.own(), tmp_path / "full", texts=Broken())
    assert list((tmp_path / "full").iterdir()) == []
    folder = render(shown_project.own(), tmp_path / "killed")
    (folder / "index.html").unlink()  # it is written last
    assert tree(render(Report(), folder)) == tree(render(Report(), tmp_path / "fresh"))


@pytest.mark.parametrize("reached", ["", "assets", "files", "old"])
def test_what_a_killed_run_has_left_is_taken_away_however_far_it_came(reached, tmp_path):
    (tmp_path / "killed/.covey-abcdefgh" / reached).mkdir(parents=True)
    assert tree(render(Report(), tmp_path / "killed")) == tree(render(Report(), tmp_path / "fresh"))
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["assets", "files", "index.html"]


def test_a_signal_while_a_report_takes_its_place_is_heard_afterwards(tmp_path, monkeypatch):
    folder = render(shown_project.hostile(), tmp_path / "out")
    plain = Path.rename

    def rename(self, target):
        os.kill(os.getpid(), signal.SIGINT)
        return plain(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        render(shown_project.own(), folder)
    monkeypatch.undo()
    assert tree(folder) == tree(render(shown_project.own(), tmp_path / "fresh"))


def test_two_runs_into_one_folder_write_one_after_the_other(tmp_path):
    """The first is in the middle of its pages when the second begins."""
    others = []

    class Slow:
        def text(self, file):
            if not others:
                others.append(threading.Thread(target=render, args=(shown_project.own(), tmp_path / "out")))
                others[0].start()
                others[0].join(0.5)

    render(shown_project.hostile(), tmp_path / "out", texts=Slow())
    others[0].join()
    assert tree(tmp_path / "out") == tree(render(shown_project.own(), tmp_path / "fresh"))


def test_a_folder_with_anything_else_is_refused_and_kept(tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html><title>Mine</title>")
    with pytest.raises(UsageError, match="holds other files"):
        render(Report(), tmp_path)
    assert tree(tmp_path) == {"index.html": b"<!doctype html><title>Mine</title>"}


def test_a_file_a_stream_and_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        render(Report(), tmp_path / "file")
    with pytest.raises(UsageError, match="cannot write"):
        render(Report(), tmp_path / "file" / "below")
    with pytest.raises(UsageError, match="is a folder"):
        RENDERER.render(Report(), io.BytesIO(), Options())


def test_a_linked_folder_inside_an_old_report_is_not_emptied(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "keep.txt").write_text("x")
    folder = render(Report(), tmp_path / "report")
    (folder / "files").rmdir()
    (folder / "files").symlink_to(other)
    render(Report(), folder)
    assert (other / "keep.txt").read_text() == "x"


def test_page_names_are_safe_and_unique_where_case_does_not_count():
    keys = [(None, name) for name in shown_project.EVIL_NAMES] + [
        ("one", "a/b.py"),
        ("two", "a/b.py"),
        ("on", "e/a/b.py"),
    ]
    names = list(page_names(keys).values())
    assert len({name.lower() for name in names}) == len(keys)
    assert all(re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,90}\.html", name) for name in names), names
    assert page_names(keys[5:6])[keys[5]] == page_names(keys)[keys[5]]


class Structure(HTMLParser):
    """Elements that are open at the end, and scripts by their attributes."""

    def __init__(self):
        super().__init__()
        self.open, self.scripts, self.handlers = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "rect", "path", "input", "br", "img"):
            self.open.append(tag)
        if tag == "script":
            self.scripts.append(dict(attrs))
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag


def test_hostile_names_and_texts_stay_text(tmp_path):
    folder = render(
        shown_project.hostile(), tmp_path / "out", texts=shown_project.Given(shown_project.EVIL_TEXTS), title="<x>"
    )
    for path in folder.rglob("*.html"):
        page = path.read_text()
        found = Structure()
        found.feed(page.replace("/>", ">"))
        assert not found.open, path.name
        assert not found.handlers
        assert {script.get("type", script.get("src", "?").rpartition("/")[2]) for script in found.scripts} <= {
            "application/json",
            "page.js",
            "index.js",
            "source.js",
        }
        assert "\u202e" not in page


def test_a_page_without_scripts_has_numbers_marks_and_words(tmp_path):
    lines = {1: 5, 2: 0, 3: 1, 4: 0}
    file = FileCoverage("a.py", Lines.of(lines), Branches.of([Arm(3, "?0", 1), Arm(3, "?1", 0)]))
    slices = {"part:unit": {file.key: bits([1, 3])}, "part:e2e": {file.key: bits([1])}}
    page = only_page(
        render(
            Report.of([file], slices=slices),
            tmp_path / "out",
            texts=shown_project.Given({"a.py": b"a\nb\nc\nd\n# e\n"}),
        )
    )
    assert '<pre class="numbers">\n1\n2\n3\n4\n5</pre>' in page
    assert '<pre class="marks" id="marks">\n+\n-\n~\n-\n \n</pre>' in page
    assert '<pre class="text" id="text">\na\nb\nc\nd\n# e</pre>' in page
    assert "<dt>Not reached</dt><dd>2, 4</dd>" in page
    assert "<dt>Partly reached</dt><dd>3</dd>" in page
    assert "<dt>Only in unit</dt><dd>3</dd>" in page
    assert data_of(page) == {
        "hits": [5, 0, 1, 0],
        "arms": [3, 3],
        "took": "10",
        "parts": [["e2e", "2"], ["unit", "a"]],
        "others": [],
    }


def test_number_columns_of_every_length_are_whole(tmp_path):
    counts = (1, 9, 10, 11, 99, 100, 101, 1500, 3, 999, 1000, 2500, 10_000, 12_345)
    files = [FileCoverage(f"f{count}.py", Lines.of({1: 1})) for count in counts]
    texts = shown_project.Given({f"f{count}.py": b"x\n" * count for count in counts})
    folder = render(Report.of(files), tmp_path / "out", texts=texts)
    for path in (folder / "files").iterdir():
        column = re.search(r'<pre class="numbers">\n(.*?)</pre>', path.read_text(), re.S)[1].split("\n")
        assert column == [str(n) for n in range(1, len(column) + 1)]
        assert path.name.startswith(f"f{len(column)}.py")


def test_missing_other_and_shorter_sources_are_said(tmp_path):
    file = FileCoverage(
        "a.py", Lines.of({1: 1, 30: 0}), source_hash="sha256:" + "0" * 64, inexact=frozenset({"branches"})
    )
    page = only_page(render(Report.of([file]), tmp_path / "gone"))
    assert "was not found: only its line numbers are shown" in page
    assert "\n29\n30</pre>" in page
    page = only_page(render(Report.of([file]), tmp_path / "other", texts=shown_project.Given({"a.py": b"x\n"})))
    assert "not the version of the file that ran" in page
    assert "names line 30, and only 1 line is shown" in page
    assert "lower bound" in page


def test_a_line_number_from_outside_cannot_blow_up_a_page(tmp_path):
    file = FileCoverage("far.py", Lines.of({2**31 - 1: 0}))
    assert len(only_page(render(Report.of([file]), tmp_path / "out"))) < 3_000_000


def test_the_index_without_scripts_and_its_data(tmp_path):
    files = [
        FileCoverage("src/a.py", Lines.of({1: 1, 2: 0})),
        FileCoverage("b.go", Lines.of({1: 1}), blocks=Blocks.of([Block(1, 1, 1, 2, 4, 1)])),
    ]
    page = (render(Report.of(files), tmp_path / "out", title="Mine", digits=1) / "index.html").read_text()
    plain = re.search("<noscript>(.*)</noscript>", page)[1]
    assert re.sub("<[^>]+>", "|", plain).replace("||", "|").count("66.7%") == 0
    assert ">50.0%<" in plain
    assert ">b.go<" in plain
    assert ">66.7%<" in page.replace(plain, "")
    data = data_of(page)
    assert [file[0] for file in data["files"]] == ["b.go", "src/a.py"]
    assert [file[2:] for file in data["files"]] == [[1, 1, 0, 0, 0, 0, 4, 4], [1, 2, 0, 0, 0, 0, 1, 2]]
    assert data["statements"] is True


def test_two_repositories_and_an_empty_report(tmp_path):
    files = [FileCoverage("src/main.py", Lines.of({1: 1}), repository=name) for name in ("one", "two")]
    folder = render(Report.of(files), tmp_path / "out")
    assert len(list((folder / "files").iterdir())) == 2
    assert [file[0] for file in data_of((folder / "index.html").read_text())["files"]] == [
        "one//src/main.py",
        "two//src/main.py",
    ]
    assert "No code was measured." in (render(Report(), tmp_path / "none") / "index.html").read_text()


def test_pages_name_nothing_outside_their_folder(tmp_path):
    folder = render(shown_project.own(), tmp_path / "out", texts=shown_project.Checkout())
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text()
            markup = re.sub(r'<pre class="text".*?</pre>', "", text, flags=re.S)
            links = re.findall(r'(?:href|src)="([^"#][^"]*)"', markup) if path.suffix == ".html" else []
            assert all((path.parent / link.partition("#")[0]).is_file() for link in links), path
            assert path.suffix == ".html" or not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_the_index_says_first_what_the_figures_are_of(tmp_path):
    notes = ["one", "shown: what <x> reaches and y does not"]
    report = Report.of([FileCoverage("a.py", Lines.of({1: 1}))], notes=notes)
    index = (render(report, tmp_path) / "index.html").read_text()
    said = '<main><p class="shown">Shown: what &lt;x> reaches and y does not.</p><div class="overview'
    assert said in index.replace("&gt;", ">")
    assert '<p class="note">one</p>' in index
    assert index.count("reaches and y") == 1


def test_one_part_is_shown_too(tmp_path):
    file = FileCoverage("a.py", Lines.of({1: 1, 2: 1, 3: 0}))
    report = Report.of([file], slices={"part:unit": {file.key: bits([1, 2])}})
    index = (render(report, tmp_path) / "index.html").read_text()
    assert "What each part reaches" in index
    assert '<td class="n">2</td><td class="n only">2</td>' in index
    assert data_of(index)["files"][0][-1] == 2


def test_notes_that_only_explain_do_not_look_like_warnings(tmp_path):
    notes = [*PythonFiles(NoSources(), measured=False).notes, "amiss"]
    kept = Scope(exclude=("b.py",)).apply(Report.of([FileCoverage("b.py", Lines.of({1: 1}))], notes=notes))
    index = (render(kept, tmp_path / "out") / "index.html").read_text()
    plain = re.findall('<p class="note plain">(.*?)</p>', index)
    assert [note.partition(" ")[0] for note in plain] == ["counted:", "not"]
    assert re.findall('<p class="note">(.*?)</p>', index) == ["amiss"]
