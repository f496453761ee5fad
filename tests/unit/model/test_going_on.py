"""A finished bundle that is gone on with: killed at any step it loses nothing, and one at a time writes to it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import sys
import warnings
from datetime import UTC, datetime

import pytest

from covey.errors import BundleError
from covey.model import disk, journal
from covey.model.bundle import Bundle
from covey.model.journal import Journal
from covey.model.manifest import Capture, Failure
from covey.model.provenance import Target

OURS = {journal.__file__, disk.__file__}
WHOLE = ("e2e", "partial", {"one": b"content of one", "two": b"content of two"}, {"ns/gone/app"}, {"namespace": "ns"})


def add(growing, pod):
    place = Target("shop", "ns", pod, "app", pod_uid=pod)
    entry = Capture(place, datetime(2026, 1, 1, tzinfo=UTC), agent="python", format="segments")
    growing.add(entry, {"capture.json": f"content of {pod}".encode()})


@pytest.fixture(params=["with its journal", "without its journal", "with an empty journal"])
def finished(request, tmp_path):
    growing = Journal.begin(tmp_path / "b", "e2e", {"namespace": "ns"}, "")
    for pod in ("one", "two"):
        add(growing, pod)
    growing.fail(Failure("ns/gone/app", "deadline"))
    growing.finish()
    told = tmp_path / "b" / "journal.jsonl"
    if request.param != "with its journal":
        told.unlink()
    if request.param == "with an empty journal":
        told.touch()
    return tmp_path / "b"


def test_what_else_lies_in_its_folder_is_told(tmp_path):
    (tmp_path / "cover.out").write_text("mode: set\n")
    growing = Journal.begin(tmp_path, "e2e", {}, "")
    assert "holds other files" in growing.notes[0]
    add(growing, "one")
    growing.finish()
    assert Bundle.open(tmp_path).others() == ["cover.out"]
    again = Journal.begin(tmp_path, "e2e", {}, "")
    assert again.notes == ()
    again.finish()


def test_of_a_bundle_alone_nothing_is_told(finished):
    assert Bundle.open(finished).others() == []
    again = Journal.begin(finished, "e2e", {}, "")
    assert again.notes == ()
    again.close()


def told(folder):
    bundle = Bundle.open(folder)
    content = {one.target.pod: bundle.read(one, one.files[0]) for one in bundle.captures}
    manifest = bundle.manifest
    return manifest.test, manifest.status, content, {one.target for one in manifest.failures}, dict(manifest.params)


def killed_at(step, act):
    """Whether `act`, in another process, came to that line of ours; it is dead from there on, nothing is tidied up."""
    left = step

    def trace(frame, event, _):
        nonlocal left
        if frame.f_code.co_filename not in OURS:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os._exit(9)
        return trace

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests do not matter to a child like this
        child = os.fork()
    if not child:
        try:
            sys.settrace(trace)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


def go_on(folder):
    Journal.begin(folder, "", {"namespace": "ns"}, "fresh").finish()


def test_killed_at_any_step_it_has_all_it_had(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the machine lives on; it would take most of the time
    folder = tmp_path / "tried"
    step = 0
    while True:
        shutil.copytree(finished, folder)
        killed = killed_at(step, lambda: go_on(folder))
        if Bundle.is_one(folder):
            assert told(folder) == WHOLE, step
        go_on(folder)
        assert told(folder) == WHOLE, step
        if not killed:
            break
        shutil.rmtree(folder)
        step += 1
    assert step > 30


def test_a_failure_outlasts_a_run_that_did_not_finish(finished):
    Journal.begin(finished, "", {}, "").close()
    go_on(finished)
    assert told(finished) == WHOLE


def test_a_failure_that_was_made_good_stays_so(tmp_path):
    """The manifest left it out; the journal of the runs before had it still."""
    folder = tmp_path / "b"
    for act in (lambda one: one.fail(Failure("ns/one/app", "deadline")), lambda one: add(one, "one"), lambda _: None):
        growing = Journal.begin(folder, "e2e", {}, "")
        act(growing)
        done = growing.finish()
    assert (done.status, done.failures) == ("complete", ())


def test_a_manifest_that_was_damaged_leaves_the_journal_to_go_by(finished):
    (finished / "metadata.json").write_text("{")
    if not (finished / "journal.jsonl").is_file() or not (finished / "journal.jsonl").stat().st_size:
        with pytest.raises(BundleError):
            go_on(finished)
        assert (finished / "metadata.json").read_text() == "{"
    else:
        go_on(finished)
        assert told(finished) == WHOLE


def test_a_name_of_another_test_changes_nothing(finished):
    had = (finished / "metadata.json").read_bytes()
    with pytest.raises(BundleError, match="of test 'e2e'"):
        Journal.begin(finished, "other", {}, "")
    assert (finished / "metadata.json").read_bytes() == had
    assert told(finished) == WHOLE


def test_the_journal_tells_what_was_there_before_what_happens(finished):
    Journal.begin(finished, "", {"namespace": "other"}, "").close()
    lines = [json.loads(line) for line in (finished / "journal.jsonl").read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == ["run", "capture", "capture", "failure", "run"]
    assert [line["run"]["collection_params"]["namespace"] for line in lines if "run" in line] == ["ns", "other"]
    assert not (finished / "metadata.json").exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOLCK, ""), (errno.ENOSYS, ""), (errno.EOPNOTSUPP, ""), (errno.EIO, "be locked")],
)
def test_a_file_system_without_locks_is_no_other_collector(finished, monkeypatch, number, words):
    def lock(stream, how):
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", lock)
    if words:
        with pytest.raises(BundleError, match=words):
            Journal.begin(finished, "", {}, "")
        return
    journal = Journal.begin(finished, "", {}, "")
    assert "without locks" in journal.notes[0]
    assert len(journal.finish().captures) == 2


def test_who_opened_the_journal_that_was_replaced_does_not_write_to_it(finished, monkeypatch):
    """Between opening and locking it another puts a new one in its place, and is done with the old one's lock."""
    real, holding = fcntl.flock, []

    def lock(stream, how):
        if not holding:
            holding.append(None)
            holding.append(Journal.begin(finished, "", {}, ""))
        real(stream, how)

    monkeypatch.setattr(fcntl, "flock", lock)
    with pytest.raises(BundleError, match="another covey"):
        Journal.begin(finished, "", {}, "")
    holding[1].close()
