from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from covey.errors import BundleError
from covey.model import manifest
from covey.model.bundle import Bundle, current, place_of, slug
from covey.model.journal import Journal
from covey.model.manifest import Capture, Failure, Manifest, Process
from covey.model.provenance import Target

NOW = datetime(2026, 11, 21, 8, 19, 14, tzinfo=UTC)
APP = Target("shop", "ns", "pod-1", "app", "reg/app:v1", "reg/app@sha256:ab", "uid-1", "cid-1", 0)


def capture(*pids, target=APP, port=9095, **more):
    processes = tuple(Process(pid, "start", 0) for pid in pids)
    given = {"agent": "python", "format": "segments", "boot_id": "b", "processes": processes}
    return Capture(target, NOW, port=port, **(given | more))


def begin(folder, test="", otherwise="covey-1"):
    return Journal.begin(folder, test, {"namespace": "ns"}, otherwise)


def made(folder, *entries, failures=()):
    journal = begin(folder, "e2e")
    for number, entry in enumerate(entries):
        journal.add(entry, {"capture.json": b"content %d" % number})
    for failure in failures:
        journal.fail(failure)
    journal.finish()
    return folder


def test_what_was_collected_comes_back_with_its_provenance(tmp_path):
    bundle = Bundle.open(made(tmp_path / "b", capture(7, 9, commit="c0ffee", repository="https://git/shop")))
    (entry,) = bundle.captures
    assert bundle.read(entry, entry.files[0]) == b"content 0"
    assert entry.directory == "shop/ns/pod-1/app/0"
    assert [one.pid for one in entry.ids] == [7, 9]
    source = entry.provenance("e2e", entry.ids[1])
    assert (source.component, source.commit, source.image_ran) == ("shop", "c0ffee", "reg/app@sha256:ab")
    assert (source.capture, source.test) == (entry.ids[1], "e2e")


def test_processes_told_in_another_s_place_are_counted_and_change_no_identity(tmp_path):
    one, grown = capture(7, 9), capture(processes=(Process(7, "start", 0, folded=12),))
    bundle = Bundle.open(made(tmp_path / "b", grown))
    assert (bundle.captures[0].process_count, one.process_count) == (13, 2)
    assert bundle.captures[0].ids == one.ids[:1]


@pytest.mark.parametrize(
    ("captures", "failures", "status"),
    [([capture(1)], [], "complete"), ([capture(1)], [Failure("x", "deadline")], "partial"), ([], [], "empty")],
)
def test_the_manifest_says_how_whole_the_bundle_is(tmp_path, captures, failures, status):
    folder = made(tmp_path / "b", *captures, failures=failures)
    assert json.loads((folder / "metadata.json").read_text())["status"] == status
    assert Bundle.open(folder).manifest.failures == tuple(failures)


def test_the_manifest_keeps_the_meaning_of_coverports_keys(tmp_path):
    table = json.loads((made(tmp_path / "b", capture(1)) / "metadata.json").read_text())
    assert (table["version"], table["test_name"], table["collection_params"]) == ("1.0", "e2e", {"namespace": "ns"})
    row = table["components"][0]
    assert (row["name"], row["image"], row["coverage_dir"]) == ("shop", "reg/app:v1", "shop/ns/pod-1/app/0")
    assert (row["namespace"], row["pod_name"], row["container_name"]) == ("ns", "pod-1", "app")
    assert row["collected_at"] == "2026-11-21T08:19:14.000Z"


def test_a_later_capture_of_the_same_processes_replaces_the_files(tmp_path):
    bundle = Bundle.open(made(tmp_path / "b", capture(1), capture(1, 2)))
    (entry,) = bundle.captures
    assert entry.directory.endswith("/0")
    assert bundle.read(entry, entry.files[0]) == b"content 1"


def test_captures_of_other_processes_stay_beside_each_other(tmp_path):
    other_uid = capture(5, port=9096)
    restarted = capture(1, target=replace(APP, container_id="cid-2", restart=1))
    later_epoch = capture(processes=(Process(1, "start", 3),))
    bundle = Bundle.open(made(tmp_path / "b", capture(1), other_uid, restarted, later_epoch))
    assert [entry.directory[-1] for entry in bundle.captures] == ["0", "1", "2", "3"]


def test_one_capture_that_holds_two_others_takes_the_place_of_both(tmp_path):
    folder = made(tmp_path / "b", capture(1), capture(2), capture(1, 2))
    assert [entry.directory for entry in Bundle.open(folder).captures] == ["shop/ns/pod-1/app/0"]
    assert not (folder / "shop/ns/pod-1/app/1").exists()


def test_an_agent_that_had_nothing_yet_is_replaced_once_it_has(tmp_path):
    assert len(Bundle.open(made(tmp_path / "b", capture(), capture(4))).captures) == 1


def test_of_overlapping_captures_the_last_one_speaks_for_a_process():
    early, late = capture(1, 2), capture(2, 3)
    late = replace(late, collected_at=NOW + timedelta(seconds=1))
    for order in ([early, late], [late, early]):
        by_capture = {one.collected_at: {capture_id.pid for capture_id in ids} for one, ids in current(order)}
        assert by_capture == {early.collected_at: {1}, late.collected_at: {2, 3}}


def test_a_killed_collection_goes_on_where_it_was(tmp_path):
    journal = begin(tmp_path / "b", "e2e")
    journal.add(capture(1), {"capture.json": b"one"})
    journal.fail(Failure("ns/pod-2/app", "agent-timeout"))
    journal.close()
    with pytest.raises(BundleError, match="unfinished") as caught:
        Bundle.open(tmp_path / "b")
    assert "goes on" in caught.value.hint
    journal = begin(tmp_path / "b")
    assert journal.test == "e2e"
    journal.add(capture(1, target=replace(APP, pod="pod-2", pod_uid="uid-2")), {"capture.json": b"two"})
    manifest = journal.finish()
    assert [entry.target.pod for entry in manifest.captures] == ["pod-1", "pod-2"]
    assert manifest.failures == ()


def test_a_failure_is_forgotten_only_when_the_target_was_dealt_with_again(tmp_path):
    journal = begin(tmp_path / "b", "e2e")
    journal.fail(Failure("ns/gone", "agent"))
    journal.close()
    journal = begin(tmp_path / "b")
    journal.fail(Failure("ns/other", "agent"))
    assert [one.target for one in journal.finish().failures] == ["ns/gone", "ns/other"]


def test_resuming_finishes_what_the_journal_has_and_the_folder_has_not(tmp_path):
    folder = made(tmp_path / "b", capture(1))
    (folder / "shop/ns/pod-1/app/0").rename(folder / "shop/ns/pod-1/app/0.new")
    assert len(begin(folder).finish().captures) == 1
    assert len(Bundle.open(folder).captures) == 1


def test_resuming_gives_up_what_was_damaged_and_says_so(tmp_path):
    folder = made(tmp_path / "b", capture(1))
    (folder / "shop/ns/pod-1/app/0/capture.json").write_bytes(b"else")
    manifest = begin(folder).finish()
    assert manifest.status == "empty"
    assert [(one.target, one.reason) for one in manifest.failures] == [("ns/pod-1/app", "damaged")]


def test_a_finished_bundle_without_its_journal_can_be_added_to(tmp_path):
    folder = made(tmp_path / "b", capture(1))
    (folder / "journal.jsonl").unlink()
    journal = begin(folder)
    journal.add(capture(1, target=replace(APP, pod="pod-2", pod_uid="uid-2")), {"capture.json": b"two"})
    assert len(journal.finish().captures) == 2
    assert begin(folder).finish().test == "e2e"


def test_one_folder_is_of_one_test_and_of_one_collector(tmp_path):
    folder = made(tmp_path / "b", capture(1))
    with pytest.raises(BundleError, match="of test 'e2e', not of 'other'"):
        begin(folder, "other")
    holding = begin(folder)
    with pytest.raises(BundleError, match="another covey"):
        begin(folder)
    holding.close()


@pytest.mark.parametrize("content", ["{}", "not json", '{"version":"1.0","test_name":"t","collected_at":"x"}'])
def test_a_strangers_metadata_json_is_not_overwritten(tmp_path, content):
    (tmp_path / "metadata.json").write_text(content)
    with pytest.raises(BundleError):
        begin(tmp_path)
    assert (tmp_path / "metadata.json").read_text() == content
    assert not (tmp_path / "journal.jsonl").exists()


def coverport(folder, *directories):
    rows = [
        {"name": "comp", "image": "reg/app:v1", "coverage_dir": one, "collected_at": "2026-11-21T08:19:16Z"}
        for one in directories
    ]
    table = {"version": "1.0", "test_name": "t", "collected_at": "2026-11-21T08:19:14Z", "components": rows}
    (folder / "metadata.json").write_text(json.dumps(table | {"collection_params": {"format": "go"}}))
    return folder


def test_a_collection_of_coverport_is_a_bundle_and_its_replicas_count_once(tmp_path):
    inside = tmp_path / "comp" / "t-comp"
    inside.mkdir(parents=True)
    (inside / "covmeta.aa").write_bytes(b"meta")
    (inside / "metadata.json").write_text("{}")
    (inside / "link").symlink_to("/etc/passwd")
    bundle = Bundle.open(coverport(tmp_path, "comp/t-comp", "comp/t-comp"))
    (entry,) = bundle.captures
    assert [file.name for file in entry.files] == ["covmeta.aa"]
    assert bundle.read(entry, entry.files[0]) == b"meta"


@pytest.mark.parametrize("directory", ["../out", "/etc", "a/../../b", "a//b", "", "a\\b", ".", "a\nb"])
def test_no_manifest_leads_out_of_its_folder(tmp_path, directory):
    with pytest.raises(BundleError):
        Bundle.open(coverport(tmp_path, directory))
    table = json.loads(Manifest("t", NOW, (capture(1),)).to_bytes())
    table["components"][0]["coverage_dir"] = directory
    with pytest.raises(BundleError):
        Manifest.from_bytes(json.dumps(table).encode())


def test_links_in_a_bundle_are_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "capture.json").write_bytes(b"content 0")
    folder = made(tmp_path / "b", capture(1))
    stored = folder / "shop/ns/pod-1/app/0/capture.json"
    stored.unlink()
    stored.symlink_to(secret / "capture.json")
    with pytest.raises(BundleError):
        Bundle.open(folder)
    stored.unlink()
    stored.parent.rmdir()
    stored.parent.symlink_to(secret)
    with pytest.raises(BundleError, match="symbolic link"):
        Bundle.open(folder)


def test_a_manifest_that_is_a_link_or_a_pipe_is_refused(tmp_path):
    folder = made(tmp_path / "b", capture(1))
    (folder / "metadata.json").rename(tmp_path / "elsewhere.json")
    (folder / "metadata.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BundleError, match=r"metadata\.json is a symbolic link"):
        Bundle.open(folder)
    (folder / "metadata.json").unlink()
    os.mkfifo(folder / "metadata.json")  # which nobody ever writes to
    with pytest.raises(BundleError, match=r"metadata\.json is not a regular file"):
        Bundle.open(folder)


def test_content_that_is_not_what_the_manifest_says_is_refused(tmp_path):
    folder = made(tmp_path / "b", capture(1))
    stored = folder / "shop/ns/pod-1/app/0/capture.json"
    stored.write_bytes(b"content X")
    bundle = Bundle.open(folder)
    with pytest.raises(BundleError, match="not what the manifest says"):
        bundle.read(bundle.captures[0], bundle.captures[0].files[0])
    stored.write_bytes(b"longer than it was")
    with pytest.raises(BundleError, match="size"):
        Bundle.open(folder)
    stored.unlink()
    os.mkfifo(stored)
    with pytest.raises(BundleError):
        Bundle.open(folder)


WRONG = {
    "no object": b"[]",
    "deep": b"[" * 100_000,
    "long number": b'{"restart": ' + b"9" * 10_000 + b"}",
    "other schema": b'{"schema": "else/1"}',
    "newer": b'{"schema": "covey.bundle/2"}',
    "rows": b'{"schema": "covey.bundle/1", "status": "empty", "collected_at": "2026-01-01", "components": {}}',
    "row": b'{"schema": "covey.bundle/1", "status": "empty", "collected_at": "2026-01-01", "components": [1]}',
    "status": b'{"schema": "covey.bundle/1", "collected_at": "2026-01-01", "status": "fine"}',
    "time": b'{"schema": "covey.bundle/1", "status": "empty", "collected_at": "0001-01-01T00:00:00+14:00"}',
    "text": b'{"schema": "covey.bundle/1", "status": "empty", "collected_at": "2026-01-01", "test_name": 1}',
    "not utf-8": b'{"schema": "\xff"}',
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
def test_a_damaged_manifest_is_one_clear_error(data):
    with pytest.raises(BundleError):
        Manifest.from_bytes(data)


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
def test_of_several_bundles_the_damaged_one_is_named_with_a_cure(tmp_path, data):
    (tmp_path / "metadata.json").write_bytes(data)
    with pytest.raises(BundleError) as caught:
        Bundle.open(tmp_path)
    assert caught.value.what.startswith(f"{tmp_path}: ")
    assert caught.value.hint


def test_two_captures_in_one_folder_are_refused(tmp_path):
    folder = made(tmp_path / "b", capture(1))
    table = json.loads((folder / "metadata.json").read_bytes())
    table["components"] *= 2
    (folder / "metadata.json").write_text(json.dumps(table))
    with pytest.raises(BundleError, match="'shop/ns/pod-1/app/0' twice"):
        Bundle.open(folder)


def test_what_a_terminal_would_obey_does_not_come_through():
    entry = capture(1, target=replace(APP, component="a\x1b[31mred\u202e"))
    back = Manifest.from_bytes(Manifest("t\n", NOW, (replace(entry, directory="a/0"),)).to_bytes())
    assert back.test == "t\ufffd"
    assert back.captures[0].target.component == "a\ufffd[31mred\ufffd"


def test_a_manifest_larger_than_any_bundle_needs_is_not_read(tmp_path):
    with (tmp_path / "metadata.json").open("wb") as file:
        file.truncate(manifest.LIMIT + 1)
    with pytest.raises(BundleError, match="larger"):
        Bundle.open(tmp_path)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("shop", "shop"),
        ("", "_"),
        ("..", "5ec1f7e7"),
        ("a/b", "a-b-c14cddc0"),
        ("Shop", "shop-"),
        ("sources", "sources-"),
    ],
)
def test_slugs(text, part):
    assert slug(text).startswith(part)
    assert "/" not in slug(text)
    assert slug(text) not in (".", "..")


def test_names_that_slug_alike_do_not_meet():
    assert len({slug(name) for name in ("a b", "a-b", "a/b", "A-B", "a-b-", "x" * 300, "x" * 301)}) == 7
    assert place_of(Target("c", url="http://h")) == "c/_/_/_"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("elsewhere"), Path.mkdir])
def test_a_journal_that_is_none_is_refused_and_nothing_is_written_elsewhere(tmp_path, make):
    folder, elsewhere = tmp_path / "b", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.write_text("precious")
    make(folder / "journal.jsonl")
    with pytest.raises(BundleError, match=r"journal\.jsonl"):
        Journal.begin(folder, "t", {}, "t")
    assert elsewhere.read_text() == "precious"


def test_a_capture_that_would_make_the_bundle_unreadable_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "LIMIT", 70_000)
    journal, files = begin(tmp_path, "t"), {"x": b"x"}
    for known in (300, 301, 302):  # a later state takes the place of the earlier
        journal.add(capture(*range(known)), files)
    with pytest.raises(BundleError, match="too many"):
        journal.add(capture(*range(300), target=replace(APP, pod="pod-2", pod_uid="uid-2")), files)
    journal.add(capture(1, target=replace(APP, pod="pod-3", pod_uid="uid-3")), files)
    assert len(journal.finish().captures) == 2
    assert Bundle.open(tmp_path).manifest.status == "complete"
