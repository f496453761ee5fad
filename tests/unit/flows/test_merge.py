"""Reading what the user names: bundles, files, folders, standard input, parts; and what may be merged."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from encoding import encode

from covey.errors import BundleError, FormatError, InputError, SourceMismatch
from covey.flows import inputs
from covey.flows.checkout import checkout_sources
from covey.flows.merge import Reading, load
from covey.formats.sources import NoSources
from covey.model.manifest import Capture, Manifest, Process, StoredFile
from covey.model.provenance import Target
from covey.model.report import lines_of

GOLDEN = Path(__file__).parents[2] / "golden"
SOURCE = "def f(x):\n    if x:\n        return 1\n    return 2\n"
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def reading(tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "app.py").write_text(SOURCE)
    return Reading(checkout_sources(checkout))


def capture_json(processes):
    """processes: pid -> lines that ran in /srv/app.py."""
    return {
        "schema": "covey.capture/1",
        "agent": "python",
        "version": "0",
        "language_version": "3.12.1",
        "boot_id": "b",
        "epoch": 0,
        "captured_at": "2026-11-21T08:00:00Z",
        "processes": [
            {
                "pid": pid,
                "started": "s",
                "start_ticks": 1,
                "epoch": 0,
                "alive": True,
                "complete": True,
                "core": "probes",
                "program": "p",
                "files": {"/srv/app.py": {"source_hash": None, "lines": lines}},
            }
            for pid, lines in processes.items()
        ],
        "sources": {},
        "windows": [],
        "not_recorded": [],
        "warnings": [],
    }


def bundle(folder, *captures):
    """captures: (pod, minutes after START, {pid: lines}, commit)."""
    kept = []
    for number, (pod, minutes, processes, commit) in enumerate(captures):
        data = json.dumps(capture_json(processes)).encode()
        directory = f"shop/prod/{pod}/app/{number}"
        (folder / directory).mkdir(parents=True)
        (folder / directory / "capture.json").write_bytes(data)
        kept.append(
            Capture(
                target=Target("shop", "prod", pod, "app", pod_uid=f"uid-{pod}", container_id="c"),
                collected_at=START + timedelta(minutes=minutes),
                directory=directory,
                agent="python",
                format="segments",
                boot_id="b",
                repository="https://git.example/shop",
                commit=commit,
                processes=tuple(Process(pid, "s") for pid in processes),
                files=(StoredFile("capture.json", len(data), hashlib.sha256(data).hexdigest()),),
            )
        )
    (folder / "metadata.json").write_bytes(Manifest("e2e", START, tuple(kept)).to_bytes())
    return str(folder)


def covered(report):
    return [line for line, hits in report.files[None, "app.py"].lines.items() if hits]


def test_replicas_and_processes_unite(tmp_path, reading):
    name = bundle(tmp_path / "b", ("one", 0, {7: "1", 8: "1-3"}, "c1"), ("two", 0, {7: "1-2,4"}, "c1"))
    report = load([name], reading)
    assert covered(report) == [1, 2, 3, 4]
    assert {source.pod for source in report.sources} == {"one", "two"}
    assert {source.capture.pid for source in report.sources} == {7, 8}


def test_collecting_twice_counts_once(tmp_path, reading):
    early = bundle(tmp_path / "early", ("one", 0, {7: "1"}, "c1"))
    late = bundle(tmp_path / "late", ("one", 5, {7: "1-2,4"}, "c1"))
    once = load([late], reading)
    both = load([early, late], reading)
    assert both.files == once.files == load([late, early], reading).files
    assert both.sources == once.sources


def test_two_commits_are_refused_unless_one_is_picked(tmp_path, reading):
    name = bundle(tmp_path / "b", ("one", 0, {7: "1"}, "aaa1"), ("two", 0, {7: "1-3"}, "bbb2"))
    with pytest.raises(SourceMismatch, match="one from aaa1, two from bbb2") as caught:
        load([name], reading)
    assert "--commit" in caught.value.hint
    reading.commit = "aaa"
    assert covered(load([name], reading)) == [1]
    reading.commit = "ccc"
    with pytest.raises(InputError, match="ccc"):
        load([name], reading)


def test_an_unknown_commit_merges_with_a_note(tmp_path, reading):
    name = bundle(tmp_path / "b", ("one", 0, {7: "1"}, "c1"), ("two", 0, {7: "1-3"}, ""))
    assert any("commit" in note for note in load([name], reading).notes)


def test_parts_become_slices_and_are_merged(tmp_path, reading):
    e2e = bundle(tmp_path / "b", ("one", 0, {7: "1-3"}, ""))
    unit = tmp_path / "unit.json"
    unit.write_text(
        '{"schema": "covey.report/1", "files": {"app.py": {"mode": "set", "lines": {"1": 1, "2": 1, "3": 0, "4": 1}}}}'
    )
    report = load([], reading, {"unit": [str(unit)], "e2e": [e2e]})
    assert covered(report) == [1, 2, 3, 4]
    assert lines_of(report.slices["part:unit"][None, "app.py"]) == [1, 2, 4]
    assert lines_of(report.slices["part:e2e"][None, "app.py"]) == [1, 2, 3]


def test_what_no_part_names_is_a_part_too(tmp_path, reading):
    def written(name, lines):
        told = "".join(f"DA:{line},{int(line in lines)}\n" for line in range(1, 5))
        (tmp_path / name).write_text(f"TN:\nSF:app.py\n{told}end_of_record\n")
        return str(tmp_path / name)

    one, two, three = written("1.info", {1, 2}), written("2.info", {2, 3}), written("3.info", {4})
    parts = load([two, three], reading, {"unit": [one]}).slices
    assert {name: lines_of(files[None, "app.py"]) for name, files in parts.items()} == {
        "part:unit": [1, 2],
        "part:other": [2, 3, 4],
    }
    assert set(load([two], reading, {"other": [one]}).slices) == {"part:other", "part:other inputs"}
    assert set(load([], reading, {"unit": [one]}).slices) == {"part:unit"}
    assert not load([one, two], reading).slices
    told = tmp_path / "told.json"
    told.write_bytes(encode(load([], reading, {"e2e": [three]}), "native"))
    assert set(load([str(told)], reading, {"unit": [one]}).slices) == {"part:unit", "part:e2e"}


def test_a_difference_says_what_it_is_of_as_long_as_that_is_true(tmp_path, reading):
    for name, line in (("1.info", 1), ("2.info", 2)):
        (tmp_path / name).write_text(f"TN:\nSF:app.py\nDA:{line},1\nend_of_record\n")
    one, two = (str(tmp_path / name) for name in ("1.info", "2.info"))
    only = load([], reading, {"e2e": [one], "unit": [two]}, "subtract")
    assert only.notes == ("shown: what e2e reaches and unit does not",)
    assert load([one, two], reading, how="intersect").notes == (f"shown: what {one} and {two} both reach",)
    kept = tmp_path / "only.json"
    kept.write_bytes(encode(only, "native"))
    assert load([str(kept)], reading).notes == only.notes
    assert not load([str(kept), two], reading, how="max", relaxed=True).notes


def test_the_same_file_named_twice_counts_once(tmp_path, reading):
    info = tmp_path / "a.info"
    info.write_text("TN:\nSF:app.py\nDA:1,3\nend_of_record\n")
    assert load([str(info), str(info)], reading).files[None, "app.py"].lines[1] == 3


def test_a_folder_gives_what_is_known_in_it(tmp_path, reading):
    folder = tmp_path / "reports"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.info").write_text("TN:\nSF:app.py\nDA:1,1\nend_of_record\n")
    (folder / "b.info").write_text("TN:\nSF:app.py\nDA:2,1\nend_of_record\n")
    (folder / "notes.txt").write_text("nothing\n")
    assert covered(load([str(folder)], reading)) == [1, 2]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file in"):
        load([str(tmp_path / "empty")], reading)


def test_standard_input(monkeypatch, reading):
    text = b"TN:\nSF:app.py\nDA:1,1\nend_of_record\n"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    assert covered(load(["-"], reading)) == [1]


def test_what_no_format_claims_is_named(tmp_path, reading):
    file = tmp_path / "x.bin"
    file.write_bytes(b"\0\1\2 nothing that covey knows")
    with pytest.raises(FormatError, match="no format that covey knows"):
        load([str(file)], reading)


def test_an_unfinished_collection_is_not_read_as_one(tmp_path, reading):
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "journal.jsonl").write_text("")
    with pytest.raises(BundleError, match="unfinished"):
        load([str(folder)], reading)


def test_a_file_that_is_not_what_the_manifest_says_is_refused(tmp_path, reading):
    name = bundle(tmp_path / "b", ("one", 0, {7: "1"}, ""))
    stored = next((tmp_path / "b").rglob("capture.json"))
    stored.write_bytes(stored.read_bytes().replace(b'"1"', b'"4"'))
    with pytest.raises(BundleError, match="not what the manifest says"):
        load([name], reading)


def test_a_pipe_is_read_once(tmp_path, reading):
    """As in `covey report <(...)`: what was looked at to tell the format is gone from a pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"SF:app.py\nDA:2,7\nend_of_record\n",))
    writer.start()
    report = load([str(pipe)], reading)
    writer.join()
    assert dict(report.files[None, "app.py"].lines.items()) == {2: 7}


def test_what_never_ends_is_refused(reading, monkeypatch):
    monkeypatch.setattr(inputs, "MOST_STREAM", 10_000)
    with pytest.raises(InputError, match="/dev/zero is larger than"):
        load(["/dev/zero"], reading)


def test_a_name_that_is_no_utf_8_can_be_reported(tmp_path, reading):
    path = tmp_path / "b\udcff.info"
    path.write_text("SF:app.py\nDA:2,7\nend_of_record\n")
    report = load([str(path)], reading)
    assert report.sources[0].path.endswith("b\\udcff.info")
    assert b"udcff" in encode(report, "native")


def test_what_has_no_place_is_told_once_a_reason(reading, tmp_path):
    """Whatever the format, and only of files that are in the report."""
    section = "SF:/srv/{}\nDA:1,1\nend_of_record\n"
    text = "".join(map(section.format, ["app.py", *(f"lib/x{number}.c" for number in range(9)), "left/out.c"]))
    (tmp_path / "x.info").write_text(text)
    (tmp_path / "x.xml").write_text(
        '<coverage line-rate="1"><class name="x" filename="lib/x0.c"><lines><line number="1" hits="2"/></lines></class>'
        "</coverage>"
    )
    reading.scope = lambda report: replace(
        report, files={key: file for key, file in report.files.items() if "left" not in key[1]}
    )
    notes = load([str(tmp_path / "x.info"), str(tmp_path / "x.xml")], reading).notes
    (told,) = (note for note in notes if "place" in note)
    why, _, which = told.partition(": ")
    assert why == "without a place in the repository (no file of the repository has this name)"
    assert which == "lib/x0.c, srv/lib/x0.c, srv/lib/x1.c and 7 more (covey report --explain-paths says why)"


def test_captures_of_go_processes_in_a_bundle_are_what_go_wrote_in_one_folder(tmp_path):
    """Each with its covmeta, as an agent sends it; what a process sent later takes the place of what it sent before."""
    golden = GOLDEN / "gocovdata/go-1.26.8-count"
    (meta,), counters = golden.glob("covmeta.*"), sorted(golden.glob("covcounters.*"))
    kept = []
    for number, file in enumerate([*counters, counters[0]]):
        directory = f"depot/prod/pod/app/{number}"
        (tmp_path / directory).mkdir(parents=True)
        stored = []
        for one in (meta, file):
            data = one.read_bytes()
            (tmp_path / directory / one.name).write_bytes(data)
            stored.append(StoredFile(one.name, len(data), hashlib.sha256(data).hexdigest()))
        kept.append(
            Capture(
                target=Target("depot", "prod", "pod", "app", pod_uid="uid", container_id="c"),
                collected_at=START + timedelta(minutes=number),
                directory=directory,
                agent="go",
                format="gocovdata",
                boot_id="b",
                processes=(Process(int(file.name.split(".")[2]), "s"),),
                files=tuple(stored),
            )
        )
    (tmp_path / "metadata.json").write_bytes(Manifest("e2e", START, tuple(kept)).to_bytes())
    report = load([str(tmp_path)], Reading(NoSources()))
    folder = load([str(golden)], Reading(NoSources()))
    assert report.files == folder.files
    assert [source.capture.pid for source in report.sources] == [24010, 24006]
