"""Output files are whole or not there; what lay there before is not lost to a full disk."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from covey.errors import UsageError
from covey.flows.show import show
from covey.model.counted import Lines
from covey.model.journal import Journal
from covey.model.manifest import Capture
from covey.model.provenance import Target
from covey.model.report import FileCoverage, Report
from covey.render.base import Options
from covey.render.whole import whole

REPORT = Report.of([FileCoverage("a.py", Lines.of({1: 1, 2: 0}))])


@pytest.mark.parametrize("name", ["text", "markdown", "json", "lcov", "cobertura", "coveragepy"])
def test_a_failure_midway_keeps_what_was_there_and_leaves_nothing_else(tmp_path, name, monkeypatch):
    out = tmp_path / "report"
    show(REPORT, name, out, Options())
    before = out.read_bytes()

    def full(_descriptor, _mode):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(UsageError, match="report: No space left on device"):
        show(REPORT, name, out, Options())
    assert out.read_bytes() == before
    assert os.listdir(tmp_path) == ["report"]


def test_modes_and_links_stay(tmp_path):
    out, link = tmp_path / "out", tmp_path / "link"
    out.write_text("old")
    out.chmod(0o640)
    link.symlink_to(out)
    with whole(link) as stream:
        stream.write(b"new")
    assert (link.is_symlink(), out.read_text(), stat.S_IMODE(out.stat().st_mode)) == (True, "new", 0o640)
    before = os.umask(0o027)
    try:
        with whole(tmp_path / "fresh") as stream:
            stream.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


def test_a_pipe_is_written_to_and_never_taken_away(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        show(REPORT, "json", pipe, Options())
        assert os.read(reader, 100_000).startswith(b'{"schema"')
        with pytest.raises(ValueError, match="midway"), whole(pipe):
            raise ValueError("midway")
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full, as Linux has it")
def test_a_device_that_is_full_is_said(tmp_path):
    link = tmp_path / "full"  # should it be taken away after all, then only this
    link.symlink_to("/dev/full")
    with pytest.raises(UsageError, match="No space left"):
        show(REPORT, "json", link, Options())
    assert link.is_symlink()


@pytest.mark.parametrize("name", ["metadata.json", "journal.jsonl"])
@pytest.mark.parametrize("left", [["metadata.json"], ["journal.jsonl"], ["metadata.json", "journal.jsonl"]])
def test_a_bundle_s_own_account_is_not_overwritten(tmp_path, name, left):
    bundle = tmp_path / "b"
    journal = Journal.begin(bundle, "e2e", {}, "")
    journal.add(Capture(Target("shop"), datetime.now(UTC)), {"capture.json": b"{}"})
    journal.finish()
    for file in {"metadata.json", "journal.jsonl"} - set(left):
        (bundle / file).unlink()
    before = {file: (bundle / file).read_bytes() for file in left}
    (tmp_path / "link.json").symlink_to(bundle / name)
    for out in (bundle / name, tmp_path / "link.json"):
        with pytest.raises(UsageError, match="all captures would be lost") as caught:
            show(REPORT, "json", out, Options())
        assert "-o" in caught.value.hint
    assert {file: (bundle / file).read_bytes() for file in left} == before
    show(REPORT, "json", bundle / "report.json", Options())


def test_a_report_may_be_called_as_a_manifest_is(tmp_path):
    for _ in range(2):
        show(REPORT, "json", tmp_path / "metadata.json", Options())


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="Is a directory"):
        show(REPORT, "json", tmp_path, Options())
