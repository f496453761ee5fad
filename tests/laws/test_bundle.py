"""The laws of the bundle: it survives being cut off anywhere, and says back what it was told."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from covey.model.bundle import Bundle, slug
from covey.model.journal import Journal
from covey.model.manifest import Capture, Failure, Manifest, Process, StoredFile
from covey.model.outside import clean
from covey.model.provenance import Target

words = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20).map(clean)
numbers = st.integers(0, 2**63 - 1)
FIRST, LAST = datetime(1970, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis wants bounds without a zone
moments = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
targets = st.builds(Target, words, words, words, words, words, words, words, words, numbers, words)
files = st.builds(StoredFile, words.map(lambda word: slug(word)[:20]), numbers, st.just("ab" * 32))
captures = st.builds(
    Capture,
    targets,
    moments,
    st.lists(words.map(slug), min_size=1, max_size=5).map("/".join),
    agent=words,
    format=words,
    port=numbers,
    boot_id=words,
    repository=words,
    commit=words,
    processes=st.lists(st.builds(Process, numbers, words, numbers), max_size=3).map(tuple),
    files=st.lists(files, max_size=3).map(tuple),
    warnings=st.lists(words, max_size=2).map(tuple),
)
failures = st.builds(Failure, words, words, words, words)
manifests = st.builds(
    Manifest,
    words,
    moments,
    st.lists(captures, max_size=3, unique_by=lambda one: one.directory).map(tuple),
    st.lists(failures, max_size=3).map(tuple),
    st.dictionaries(words, st.one_of(words, numbers, st.none(), st.lists(words))),
)


@given(manifests)
def test_a_manifest_comes_back_as_it_was(manifest):
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_slug_is_a_plain_name_and_no_two_names_share_one(one, two):
    from covey.model.manifest import is_plain

    assert is_plain(slug(one))
    assert (slug(one) == slug(two)) == (one == two)


def story(folder):
    """A bundle that has everything in its journal: two runs, a replacement, a failure."""
    journal = Journal.begin(folder, "e2e", {}, "")
    for pod, processes, content in (("a", (1,), b"1"), ("b", (1,), b"2"), ("a", (1, 2), b"3")):
        place = Target("shop", "ns", pod, "app", pod_uid=f"uid-{pod}")
        entry = Capture(place, datetime(2026, 1, 1, tzinfo=UTC), agent="python", format="segments")
        journal.add(replace(entry, processes=tuple(Process(pid, "s") for pid in processes)), {"capture.json": content})
    journal.fail(Failure("ns/c", "deadline"))
    journal.close()
    Journal.begin(folder, "", {}, "").close()


def test_a_journal_cut_off_at_any_byte_goes_on():
    """What the journal still has and the folder still shows is kept; nothing else is, and nothing breaks."""
    with tempfile.TemporaryDirectory() as place:
        told = Path(place, "told")
        story(told)
        data = (told / "journal.jsonl").read_bytes()
        seen = set()
        ends = [at + 1 for at, byte in enumerate(data) if byte == ord("\n")]
        step = 1 if os.environ.get("COVEY_PROVE") else 13
        for end in sorted({*range(0, len(data) + 1, step), *ends, *(end - 1 for end in ends)}):
            folder = Path(place, "cut")
            shutil.copytree(told, folder)
            (folder / "journal.jsonl").write_bytes(data[:end])
            journal = Journal.begin(folder, "", {}, "fresh")
            assert journal.test == ("e2e" if b"\n" in data[:end] else "fresh")
            journal.finish()
            bundle = Bundle.open(folder)
            content = tuple(bundle.read(capture, capture.files[0]) for capture in bundle.captures)
            seen.add(content)
            assert set(content) <= {b"2", b"3"}
            shutil.rmtree(folder)
        assert seen == {(), (b"2",), (b"2", b"3")}
