"""--commit picks in each repository of which several commits are known, whatever tells them; no drop is silent."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from covey.errors import InputError, SourceMismatch
from covey.flows.merge import Reading, load
from covey.formats.sources import NoSources
from covey.model.bundle import place_of
from covey.model.manifest import Capture, Manifest, Process, StoredFile
from covey.model.provenance import Target

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SILENT = "some captures do not tell their commit; they are taken to be of the same as the others"
SEVERAL = [("a", "aaa1", "p1"), ("a", "aaa2", "p2"), ("a", "", "p4"), ("b", "bbb1", "p3"), ("", "", "p5")]


def in_bundle(folder, told):
    """told: (repository, commit, name), and minutes after START. What is of one name is of one process; each tells of
    one file."""
    kept = []
    for number, (repository, commit, name, *minutes) in enumerate(told):
        files = {f"/{name}{commit}.py": {"lines": "1-3"}}
        data = json.dumps({"schema": "covey.capture/1", "processes": [{"pid": 1, "files": files}]}).encode()
        target = Target("app", "ns", name, "app", pod_uid=name)
        directory = f"{place_of(target)}/{number}"
        (folder / directory).mkdir(parents=True)
        (folder / directory / "capture.json").write_bytes(data)
        kept.append(
            Capture(
                target,
                START + timedelta(minutes=sum(minutes)),
                directory,
                agent="python",
                format="segments",
                repository=repository,
                commit=commit,
                processes=(Process(1, "t"),),
                files=(StoredFile("capture.json", len(data), hashlib.sha256(data).hexdigest()),),
            )
        )
    (folder / "metadata.json").write_bytes(Manifest("e2e", START, tuple(kept)).to_bytes())
    return [str(folder)]


def report(repository, commit, name):
    source = {"repository": repository, "commit": commit, "digest": f"sha256:{name}", "capture": {"pod_uid": name}}
    table = {"schema": "covey.report/1", "sources": [source], "files": {f"{name}{commit}.py": {"lines": {"1": 1}}}}
    return json.dumps(table).encode()


def in_files(folder, told):
    folder.mkdir()
    for one in told:
        (folder / one[2]).write_bytes(report(*one))
    return [str(folder / one[2]) for one in told]


def in_both(folder, told):
    """The first half as files, the rest as a bundle, which is read before them."""
    folder.mkdir()
    half = len(told) // 2
    return in_files(folder / "files", told[:half]) + in_bundle(folder / "b", told[half:])


@pytest.fixture(params=[in_bundle, in_files, in_both, lambda *given: in_files(*given)[::-1]])
def inputs(request, tmp_path):
    return lambda told: request.param(tmp_path / "in", told)


def merged(names, commit="", **more):
    found = load(names, Reading(NoSources(), commit=commit), **more)
    return {path.removesuffix(".py") for _, path in found.files}, [note for note in found.notes if "commit" in note]


def left_out(notes):
    (note,) = [note for note in notes if note.startswith("left out: ")]
    name, _, commit = note.removeprefix("left out: ").rpartition(" is of commit ")
    return name.rpartition("/")[2], commit


def test_what_is_of_another_repository_or_tells_no_commit_stays(inputs):
    found, notes = merged(inputs(SEVERAL), "aaa1")
    assert found == {"p1aaa1", "p4", "p3bbb1", "p5"}
    assert left_out(notes) == ("p2", "aaa2")
    assert SILENT in notes
    assert len(notes) == 2


def test_without_it_several_commits_are_refused(inputs):
    with pytest.raises(SourceMismatch, match=r"inputs of a come from several commits: .*p1 from aaa1, .*p2 from aaa2"):
        merged(inputs(SEVERAL))


def test_what_begins_two_commits_picks_none(inputs):
    with pytest.raises(SourceMismatch, match="come from several commits"):
        merged(inputs(SEVERAL), "aaa")


def test_in_a_repository_of_several_it_leaves_out_all_it_does_not_pick(inputs):
    found, notes = merged(inputs([*SEVERAL, ("b", "bbb2", "p6")]), "aaa1")
    assert found == {"p1aaa1", "p4", "p5"}
    told = "\n".join(notes)
    assert all(f"{name} is of commit {commit}" in told for name, commit in (("p3", "bbb1"), ("p6", "bbb2")))


@pytest.mark.parametrize("told", [SEVERAL, SEVERAL[:1], SEVERAL[2:], [("a", "aaa1", "p1"), ("", "", "p5")]])
def test_a_commit_that_no_input_is_of_is_refused(inputs, told):
    with pytest.raises(InputError, match=r"no input is of commit ccc; there are: (aaa1|bbb1)"):
        merged(inputs(told), "ccc")


def test_inputs_of_one_commit_tell_of_nothing(inputs):
    assert merged(inputs([("a", "aaa1", "p1"), ("b", "bbb1", "p3")]), "aaa1") == ({"p1aaa1", "p3bbb1"}, [])
    assert merged([], parts={"e2e": []})[1] == []


def test_parts_are_of_one_merge(tmp_path):
    names = in_files(tmp_path / "in", SEVERAL)
    for parts in ({"e2e": names[1:2], "unit": names[:1]}, {"unit": names[:1], "e2e": names[1:2]}):
        assert merged(names[3:], "aaa1", parts=parts)[0] == {"p1aaa1", "p3bbb1", "p5"}


def test_many_that_are_left_out_are_one_note(tmp_path):
    told = [("a", "aaa2", f"p{number}") for number in range(5)]
    _, notes = merged(in_bundle(tmp_path / "b", [*told, ("a", "aaa1", "p9")]), "aaa1")
    assert notes == ["left out: p0, p1, p2 and 2 more are of commit aaa2"]


def test_what_was_replaced_does_not_come_back_for_what_is_left_out(tmp_path):
    """Of p1 a later capture tells the commit that an earlier one did not, of p2 an earlier one what a later did not."""
    told = [("a", "", "p1", 0), ("a", "aaa2", "p1", 5), ("a", "aaa2", "p2", 0), ("a", "", "p2", 5)]
    names = in_bundle(tmp_path / "b", [*told, ("a", "aaa1", "p3")])
    assert merged(names, "aaa1") == ({"p3aaa1"}, ["left out: p1, p2 are of commit aaa2"])
    found, notes = merged(names, "aaa2")
    assert found == {"p1aaa2", "p2"}
    assert "left out: p3 is of commit aaa1" in notes


def test_what_is_left_out_replaces_nothing(tmp_path):
    """An address without an identity of the process, collected at two commits."""
    early, late = ("a", "aaa1", "p1", 0), ("a", "aaa2", "p1", 5)
    for number, order in enumerate(([early, late], [late, early])):
        one = in_bundle(tmp_path / f"{number}", order)
        assert merged(one, "aaa1")[0] == {"p1aaa1"}
        assert merged(one, "aaa2")[0] == {"p1aaa2"}


@pytest.mark.parametrize("place", ["-", "pipe"])
def test_a_stream_is_looked_into_and_read_once(tmp_path, monkeypatch, place):
    names = in_files(tmp_path / "in", SEVERAL[1:2])
    data = report(*SEVERAL[0])
    if place == "-":
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    else:
        place = str(tmp_path / "pipe")
        os.mkfifo(place)
        writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data))
        writer.start()
    assert merged([*names, place], "aaa1")[0] == {"p1aaa1"}
    if place != "-":
        writer.join()


def test_a_damaged_input_is_told_as_without_it(tmp_path):
    names = in_files(tmp_path / "in", SEVERAL)
    (tmp_path / "in" / "p1").write_bytes(report(*SEVERAL[0]) + b"}")
    with pytest.raises(InputError, match="damaged report"):
        merged(names, "aaa1")
    reading = Reading(NoSources(), commit="aaa2", keep_going=True)
    assert {path for _, path in load(names, reading).files} == {"p2aaa2.py", "p4.py", "p3bbb1.py", "p5.py"}
    assert len(reading.failures) == 1
