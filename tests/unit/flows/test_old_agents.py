"""Agents of the old protocols tell nobody since when they count: what is collected of them before and after a reset
adds up or unites, and what is collected twice counts once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from coverage import CoverageData
from fakes.agent_servers import old, serving

from covey.errors import DuplicateSource, SourceMismatch
from covey.flows.checkout import checkout_sources
from covey.flows.merge import Reading, load
from covey.formats.sources import NoSources
from covey.model.bundle import Bundle
from covey.model.manifest import Capture, Manifest, Process, StoredFile
from covey.model.provenance import Target
from covey.model.report import lines_of

GOLDEN = Path(__file__).parents[2] / "golden"
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
RUN = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"


class Counting:
    """A process under an agent of the old protocols: GET /run/N runs line N of /srv/app.py. `deletes`: its reset takes
    files away and goes on counting."""

    def __init__(self, art, deletes=False):
        self.ran, self.art, self.deletes = set(), art, deletes

    def __call__(self, request):
        if request.path.startswith("/run/"):
            self.ran.add(int(request.path.removeprefix("/run/")))
            request.answer(200)
            return
        if request.path == "/coverage/reset" and self.deletes:
            request.answer(200, "Deleted 3 files")
            return
        if request.path == "/coverage/reset":
            self.ran.clear()
        data = CoverageData(no_disk=True)
        data.add_lines({"/srv/app.py": self.ran})
        old({"coverage_data": data.dumps()}, art=self.art)(request)


@pytest.fixture
def reading(tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "app.py").write_text("a = 1\nb = 2\nc = 3\nd = 4\n")
    return Reading(checkout_sources(checkout))


def covey(*arguments, cwd):
    environment = {**os.environ, "NO_COLOR": "1", "KUBECONFIG": os.devnull}
    command = [sys.executable, "-m", "covey", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


def ran(report):
    return [line for line, hits in report.files[None, "app.py"].lines.items() if hits]


@pytest.mark.parametrize("art", [False, True], ids=["9095", "53700"])
@pytest.mark.parametrize("folders", [["b", "b"], ["one", "two"]], ids=["in one folder", "in two bundles"])
def test_each_window_is_a_recording_of_its_own(tmp_path, reading, folders, art):
    with serving(Counting(art)) as server:
        url = f"http://127.0.0.1:{server.port}"
        for folder, line in zip(folders, (2, 3), strict=True):
            tests = [sys.executable, "-c", RUN, f"{url}/run/{line}"]
            covey("collect", "--url", url, "-o", folder, "--test-name", folder, "--", *tests, cwd=tmp_path)
    named = [str(tmp_path / folder) for folder in dict.fromkeys(folders)]
    assert sum(len(Bundle.open(Path(name)).captures) for name in named) == 2
    assert ran(load(named, reading)) == [2, 3]
    if len(named) == 2:
        parts = load([], reading, {"login": named[:1], "cart": named[1:]})
        reached = [lines_of(parts.slices[f"part:{name}"][None, "app.py"]) for name in ("login", "cart")]
        assert (ran(parts), reached) == ([2, 3], [[2], [3]])


@pytest.mark.parametrize("folders", [["b", "b"], ["one", "two"]], ids=["in one folder", "in two bundles"])
@pytest.mark.parametrize("deletes", [False, True], ids=["reset", "reset of files only"])
def test_what_was_collected_before_a_reset_stays(tmp_path, reading, folders, deletes):
    with serving(Counting(art=False, deletes=deletes)) as server:
        url = f"http://127.0.0.1:{server.port}"
        for folder, line in zip(folders, (2, 3), strict=True):
            subprocess.run([sys.executable, "-c", RUN, f"{url}/run/{line}"], check=True)
            covey("collect", "--url", url, "-o", folder, cwd=tmp_path)
            covey("reset", "--url", url, cwd=tmp_path)
    named = [str(tmp_path / folder) for folder in dict.fromkeys(folders)]
    assert ran(load(named, reading)) == [2, 3]


def bundle(folder, *captures, fmt="lcov"):
    """captures: (epoch, its one file's name and content, or several)."""
    kept = []
    for number, (epoch, files) in enumerate(captures):
        directory = folder / f"app/{number}"
        directory.mkdir(parents=True)
        for name, data in files.items():
            (directory / name).write_bytes(data)
        kept.append(
            Capture(
                target=Target("app", url="http://app:9095"),
                collected_at=START + timedelta(minutes=number),
                directory=f"app/{number}",
                agent="legacy",
                format=fmt,
                port=9095,
                processes=(Process(0, "port 9095", epoch),),
                files=tuple(
                    StoredFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
                ),
            )
        )
    (folder / "metadata.json").write_bytes(Manifest("e2e", START, tuple(kept)).to_bytes())
    return str(folder)


def told(**hits):
    lines = "".join(f"DA:{name[1:]},{count}\n" for name, count in hits.items())
    return {"x.info": f"TN:\nSF:app.py\n{lines}end_of_record\n".encode()}


def hits_of(report):
    return dict(report.files[None, "app.py"].lines.items())


def test_what_is_collected_twice_counts_once_and_windows_add_up(tmp_path, reading):
    name = bundle(tmp_path / "b", (-1001, told(l1=2, l2=0)), (-1002, told(l1=5, l2=1)), (-1003, told(l1=1, l2=0, l3=4)))
    assert hits_of(load([name], reading)) == {1: 5, 2: 1, 3: 4}
    windows = bundle(tmp_path / "w", (1001, told(l1=2, l2=0)), (1002, told(l1=5, l2=1)))
    assert hits_of(load([windows], reading)) == {1: 7, 2: 1}
    assert {source.capture.epoch for source in load([name], reading).sources} == {-1001, -1002, -1003}


def test_go_counters_that_are_collected_twice_count_once(tmp_path):
    golden = GOLDEN / "gocovdata/go-1.26.8-count"
    (meta,), (counters, _) = golden.glob("covmeta.*"), sorted(golden.glob("covcounters.*"))
    files = {file.name: file.read_bytes() for file in (meta, counters)}
    once = bundle(tmp_path / "once", (-1001, files), fmt="gocovdata")
    twice = bundle(tmp_path / "twice", (-1002, files), (-1003, files), fmt="gocovdata")
    report = load([once], Reading(NoSources()))
    assert load([twice], Reading(NoSources())).files == report.files
    assert load([once, twice], Reading(NoSources())).files == report.files


def test_states_that_may_hold_each_other_are_refused_where_they_would_add_up(tmp_path, reading):
    one = bundle(tmp_path / "one", (-1001, told(l1=2)))
    two = bundle(tmp_path / "two", (-1002, told(l1=3)))
    with pytest.raises(DuplicateSource, match="could count it twice") as caught:
        load([], reading, {"one": [one], "two": [two]})
    assert "--how max" in caught.value.hint
    assert hits_of(load([], reading, {"one": [one], "two": [two]}, "max")) == {1: 3}


def test_of_two_builds_only_lines_are_kept_when_asked(tmp_path):
    texts = (b"mode: count\na.go:1.1,2.2 1 1\n", b"mode: count\na.go:1.1,3.2 1 1\n")
    captures = [(-1001 - number, {"c.out": text}) for number, text in enumerate(texts)]
    name = bundle(tmp_path / "b", *captures, fmt="gocover")
    with pytest.raises(SourceMismatch, match="different sources"):
        load([name], Reading(NoSources(), keep_going=True))
    assert [*load([name], Reading(NoSources()), relaxed=True).files[None, "a.go"].lines] == [1, 2, 3]


def test_a_damaged_state_loses_no_other(tmp_path, reading):
    name = bundle(tmp_path / "b", (-1001, told(l1=2)), (-1002, {"x.info": b"SF:app.py\nDA:x,1\nend_of_record\n"}))
    reading.keep_going = True
    assert hits_of(load([name], reading)) == {1: 2}
    assert len(reading.failures) == 1


def test_a_report_of_it_can_be_read_again(tmp_path):
    name = bundle(tmp_path / "b", (-1001, told(l1=2)))
    done = covey("merge", name, "-o", tmp_path / "r.json", cwd=tmp_path)
    assert json.loads((tmp_path / "r.json").read_text())["sources"][0]["capture"]["epoch"] == -1001, done.stderr
    covey("report", tmp_path / "r.json", cwd=tmp_path)
