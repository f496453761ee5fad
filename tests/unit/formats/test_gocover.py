"""Go's text profiles: what is accepted, how it counts, what is refused."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from covey.errors import FormatError
from covey.formats.base import Input
from covey.formats.gocover import FORMAT
from covey.formats.sources import CheckoutSources, NoSources
from covey.loops import gocover as loop
from covey.model.blocks import Block, Blocks
from covey.model.counted import Lines
from covey.model.report import FileCoverage, Report

GOLDEN = Path(__file__).parents[2] / "golden" / "gocover"
MODE = "mode: count\n"


def read(text, sources=None):
    data = text if isinstance(text, bytes) else text.encode()
    return FORMAT.read([Input.of_bytes("x", data)], sources or NoSources())


def blocks(text, name="a.go"):
    return list(read(text).files[None, name].blocks)


def written(report):
    out = io.BytesIO()
    FORMAT.write(report, out)
    return out.getvalue().decode()


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*")), ids=lambda path: path.name)
def test_totals_are_those_of_go(case):
    report = FORMAT.read([Input.of_path(case / "profile.out")], NoSources())
    told = json.loads((case / "expected.json").read_text())
    counted = [block for file in report.files.values() for block in file.blocks if block.first_line != told["without"]]
    covered = sum(block.statements for block in counted if block.hits)
    assert f"{100 * covered / sum(block.statements for block in counted):.1f}" == told["total"]
    if not told["without"]:
        assert covered == report.totals.statements.covered
    assert {file.mode for file in report.files.values()} == ({"set"} if "-set" in case.name else {"count"})


def test_what_go_wrote_in_order_is_written_byte_by_byte():
    for mode in ("set", "count"):
        text = next(GOLDEN.glob(f"*-{mode}/profile.out")).read_text()
        assert written(read(text)) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("C:\\src\\a.go:1.2,3.4 1 1", "src/a.go"),
        ("a b:c.go:1.2,3.4 1 1", "a b:c.go"),
        ("m/ü%d.go:1.2,3.4 1 1", "m/ü%d.go"),
        ("mode/mode:1.2,3.4 1 1", "mode/mode"),
        ("mode:1.2,3.4 1 1", "mode"),
        ("../../a.go:1.2,3.4 1 1", "a.go"),
        ("/etc/a.go:1.2,3.4 1 1", "etc/a.go"),
        ("a.go:b.go:1.2,3.4 1 1", "a.go:b.go"),
    ],
)
def test_a_line_is_read_from_its_right_end(text, name):
    assert blocks(MODE + text, name) == [Block(1, 2, 3, 4, 1, 1)]


def test_bytes_that_are_no_utf8_are_written_out():
    report = read(b"mode: set\na\xff\x1b.go:1.2,3.4 1 1\n")
    assert list(report.files) == [(None, "a%FF%1B.go")]
    assert read(written(report)).files == report.files


@pytest.mark.parametrize(
    "text",
    [
        MODE + "a.go:1.2,3.4 1 1",
        MODE.replace("\n", "\r\n") + "a.go:1.2,3.4 1 1\r\n",
        "\n" + MODE + "\na.go:1.2,3.4 1 1\n\n",
        MODE + MODE + "a.go:1.2,3.4 1 1\n" + MODE,
        MODE + "a.go:+1.02,3.4 1 +1\n",
        "\ufeff" + MODE + "a.go:1.2,3.4 1 1\n",
        "mode: atomic\na.go:1.2,3.4 1 1\n",
    ],
)
def test_accepts(text):
    report = read(text)
    assert list(report.files[None, "a.go"].blocks) == [Block(1, 2, 3, 4, 1, 1)]
    assert report.files[None, "a.go"].mode == "count"
    assert not report.notes


def test_a_block_that_is_there_several_times_is_one():
    lines = "a.go:1.2,3.4 2 5\nb.go:1.1,1.9 1 0\na.go:1.2,3.4 2 6\na.go:1.2,3.5 2 1\na.go:1.2,3.4 2 0\n"
    assert blocks(MODE + lines) == [Block(1, 2, 3, 4, 2, 11), Block(1, 2, 3, 5, 2, 1)]
    assert blocks("mode: set\n" + lines) == [Block(1, 2, 3, 4, 2, 1), Block(1, 2, 3, 5, 2, 1)]
    assert [file.path for file in read(MODE + lines).files.values()] == ["a.go", "b.go"]


def test_nested_blocks_of_one_start_stay_apart_and_lines_have_the_most():
    file = read(MODE + "a.go:1.2,9.4 2 5\na.go:1.2,3.4 1 0\na.go:5.1,6.2 0 99\n").files[None, "a.go"]
    assert len(file.blocks) == 3
    assert dict(file.lines) == dict.fromkeys(range(1, 10), 5)


def test_modes_that_differ_make_a_set_and_a_note():
    report = read("mode: count\na.go:1.2,3.4 2 5\nb.go:1.1,1.9 1 7\nmode: set\na.go:1.2,3.4 2 1\n")
    assert {name: (file.mode, list(file.blocks.hits)) for (_, name), file in report.files.items()} == {
        "a.go": ("set", [1]), "b.go": ("count", [7]),
    }  # fmt: skip
    assert "mode set" in report.notes[0]
    assert written(report).startswith("mode: set\n")
    assert written(report).endswith("b.go:1.1,1.9 1 1\n")


@pytest.mark.parametrize("count", [2**63, 2**64, 10**39])
def test_counts_saturate(count):
    text = f"a.go:1.2,3.4 1 {count}\n"
    assert blocks(MODE + text)[0].hits == 2**63 - 1
    assert blocks(MODE + text + "b.go:1.2,3.4 1 1\n" + text)[0].hits == 2**63 - 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a.go:1.2,3.4 1 1\n", 1),
        ("mode:\n", 1),
        ("mode: \n", 1),
        ("mode: regonly\na.go:1.2,3.4 1 1\n", 1),
        (MODE + "a.go:1.2,3.4 1\n", 2),
        (MODE + "a.go:1.2,3.4 1 -1\n", 2),
        (MODE + "a.go:1.2,3.4 1 1 \n", 2),
        (MODE + "a.go:1.2,3.4\t1 1\n", 2),
        (MODE + "a.go:1.2,3.4 1 1.0\n", 2),
        (MODE + "a.go:1.2,3.4 1 1_0\n", 2),
        (MODE + "a.go:1.2,3.4 1 1e3\n", 2),
        (MODE + "a.go:0.2,3.4 1 1\n", 2),
        (MODE + "a.go:3.2,1.4 1 1\n", 2),
        (MODE + "a.go:1.2,99999999999.4 1 1\n", 2),
        (MODE + "a.go:1.2,10000001.4 1 1\n", 2),
        (MODE + "a.go:1.4294967296,1.4 1 1\n", 2),
        (MODE + "a.go:1.2,3.4 1 1\na.go:1.2,,3.4 1 1\n", 3),
        (MODE + "a.go:1.2,3.4 1 1\nb.go\n", 3),
        (MODE + ":1.2,3.4 1 1\n", 2),
        (MODE + "x1.2,3.4 1 1\n", 2),
        (MODE + "a.go:1.2,3.4 1 1\nb.go:1.2,3.4 1 1\nc.go:1.2,3.4 1 1\nmode: x\n", 5),
    ],
)
def test_refuses_with_the_line(text, line):
    with pytest.raises(FormatError) as refused:
        read(text)
    assert (refused.value.path, refused.value.line) == ("x", line)


def test_refuses_what_cannot_be_one_source():
    with pytest.raises(FormatError, match=r"a\.go: a block at line 1 .* different numbers of statements"):
        read(MODE + "a.go:1.2,3.4 1 1\nb.go:1.2,3.4 1 1\na.go:1.2,3.4 2 1\n")
    spans = "".join(f"a.go:{line}.1,10000000.2 1 1\n" for line in range(1, 7))
    with pytest.raises(FormatError):
        read(MODE + spans)


def test_what_is_kept_between_profiles_changes_nothing(monkeypatch):
    """Profiles of one build are compared with the last; of other builds, and in pieces, they are read all the same."""
    text = next(GOLDEN.glob("*-count/profile.out")).read_text()
    other = "".join(line for line in text.splitlines(keepends=True) if ".3," not in line)
    moved = re.sub(r" (\d+)$", lambda found: f" {int(found[1]) + 3}", text, flags=re.MULTILINE)
    swapped = MODE + "".join(reversed(text.splitlines(keepends=True)[1:]))
    doubled = text + text
    texts = [text, moved, other, text, moved, swapped, moved, doubled, doubled, text.replace(" 1 ", " 01 "), moved, ""]
    for piece in (1 << 22, 100, 1000):
        monkeypatch.setattr("covey.formats.gocover._PIECE", piece)
        fresh = []
        for one in texts:
            monkeypatch.setattr(FORMAT, "_known", loop.Known())
            fresh.append(read(one).files)
        monkeypatch.setattr(FORMAT, "_known", loop.Known())
        assert [read(one).files for one in texts * 3] == fresh * 3


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(loop, "MOST_KNOWN", 10)
    monkeypatch.setattr(FORMAT, "_known", loop.Known())
    texts = [MODE + "".join(f"{name}{line}.go:{line}.1,{line}.2 1 1\n" for line in range(1, 30)) for name in "abc"]
    for text in texts * 3:
        assert len(read(text).files) == 29
    assert sum(len(file.starts) for file in FORMAT._known.files.values() if file) <= 10


def test_files_without_gos_blocks_are_a_block_a_line():
    other = FileCoverage("x.ts", blocks=Blocks.of([Block(3, 1, 9, 2, 1, 4)], "start"))
    report = Report.of(
        [FileCoverage("a.py", Lines.of({2: 3, 7: 0})), FileCoverage("b.go", Lines.of({1: 1}), blocks="conflict"), other]
    )
    assert written(report) == "mode: count\na.py:2.1,2.2 1 3\na.py:7.1,7.2 1 0\nb.go:1.1,1.2 1 1\nx.ts:3.1,3.2 1 4\n"
    back = read(written(report))
    assert {key: file.lines for key, file in back.files.items()} == {
        key: file.lines for key, file in report.files.items()
    }


def test_files_are_mapped_by_go_mod_and_called_by_import_path_again(tmp_path):
    for name, text in {"go.mod": "module example.com/m\n", "pkg/a.go": "package a\n", "fmt/print.go": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    sources = CheckoutSources(tmp_path)
    text = MODE + "example.com/m/pkg/a.go:1.1,2.2 1 1\nfmt/print.go:1.1,2.2 1 0\n"
    report = read(text, sources)
    assert [path for _, path in report.files] == ["elsewhere/fmt/print.go", "pkg/a.go"]
    assert dict(sources.located)["example.com/m/pkg/a.go"].rule == "go.mod example.com/m -> ."
    assert dict(sources.located)["fmt/print.go"].why.startswith("belongs to no module of the checkout")
    assert "\nexample.com/m/pkg/a.go:1.1,2.2 1 1\n" in written(FORMAT.named(report, sources))
