"""Folding: what ended processes recorded takes little room and is all still there, whoever dies when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import agent_runs
import agent_serving
import interpreters
import pytest
from agent_serving import lines_in, ran, served
from segment_bytes import record, segment

from covey.flows.checkout import checkout_sources
from covey.flows.merge import Reading, load
from covey.model.manifest import Capture, Manifest, Process, StoredFile
from covey.model.provenance import Target

capture, folding, folds, processes, reading, windows = (
    agent_runs.agent_module(name) for name in ("capture", "folding", "folds", "processes", "reading", "windows")
)

BOOT = bytes.fromhex(processes.boot_id().replace("-", ""))
GONE = 3_999_000  # beyond any pid there is
NOBODY = b"\7" * 32
LIMIT = 64 << 20

STAY = "import sys\nsys.stdin.read()\n"
ONE = "import sys\nimport lib\ngetattr(lib, sys.argv[1])()\n"
VERSIONS = ("3.9", "3.12")


def drive(steps):
    while True:
        try:
            time.sleep(next(steps))
        except StopIteration as done:
            return done.value


def write(folder: Path, number: int, *records: bytes, **more) -> Path:
    """The segment of an ended process of this boot."""
    data = bytearray(segment(*records, pid=GONE + number, **more))
    data[24:40] = BOOT
    path = folder / f"{GONE + number}-99-0.seg"
    path.write_bytes(data)
    return path


@pytest.fixture
def spool(tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    return folder


def many(folder: Path, count: int) -> None:
    """Process n ran line n of /lib now, line n of /old in a closed window, and loaded /early too early."""
    for n in range(1, count + 1):
        now, none = bytes(n) + b"\1" + bytes(count - n), bytes(count + 1)
        parts = record(b"/lib", now, none), record(b"/old", none, now), record(b"/early", b"", b"", flags=1)
        write(folder, n, *parts)


def told(folder: Path, since=None):
    """What a capture would tell: path -> lines, and how many processes."""
    found = drive(capture.gather(str(folder), since))
    files: dict[str, set[int]] = {}
    for process in found.processes.values():
        for path, (_, mask) in process.files.items():
            files.setdefault(path, set()).update(n for n, mark in enumerate(mask) if mark)
    return files, found.count(), found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.seg"))


def lib(functions: int) -> str:
    return "".join(f"def f{number}():\n    return {number}\n" for number in range(functions))


def start_many(python: Path, script: Path, environ, count: int, together: int = 6) -> list[str]:
    """Runs the script once a function, some at a time; what they wrote on standard error."""
    left, running, said = list(range(count)), [], []
    while left or running:
        while left and len(running) < together:
            command = [str(python), str(script), f"f{left.pop()}"]
            running.append(subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True))
        process = running.pop(0)
        said.append(process.communicate(timeout=60)[1])
    return [text for text in said if text]


def short_lived(version: str, folder: Path, count: int, limit: str) -> None:
    (folder / "lib.py").write_text(lib(count))
    (folder / "one.py").write_text(ONE)
    (folder / "stay.py").write_text(STAY)
    spool, python = folder / "spool", interpreters.find(version)
    with served(python, spool, folder / "stay.py", COVEY_AGENT_SPOOL_MAX=limit) as running:
        assert start_many(python, folder / "one.py", running.environ, count) == []
        told = running.capture()
        everything = {1, *range(2, 2 * count + 1)}
        assert everything - ran(told, folder / "lib.py") == set()
        assert [one for one in told["processes"] if not one["complete"]] == told["warnings"] == []
        assert sum(1 + one.get("folded", 0) for one in told["processes"]) == count + 1
        assert running.get("/covey/1/identity").json["processes"] == count + 1
        assert running.get("/coverage").json["files_combined"] == count + 1
        place = agent_serving.folder_of(spool)
        assert len(names(place)) <= folding.ENOUGH + 2
        assert sum(path.stat().st_size for path in place.glob("*.seg")) < 400 << 10


@pytest.mark.parametrize("version", VERSIONS)
def test_processes_that_come_and_go_lose_nothing_in_a_spool_that_holds_few_of_them(version, tmp_path):
    short_lived(version, tmp_path, 60, "400k")


@pytest.mark.long
@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_two_thousand_processes_lose_nothing(version, tmp_path):
    short_lived(version, tmp_path, 2000, "600k")


def test_a_fold_is_the_union_under_the_first_identity(spool):
    many(spool, 20)
    before = told(spool)
    assert drive(folding.upkeep(str(spool), LIMIT)) == 20
    files, count, found = told(spool)
    assert (files, count) == before[:2]
    assert files["/lib"] == files["/old"] == set(range(1, 21))
    assert found.not_recorded == {"/early"}
    (name,) = names(spool)
    fold = reading.read_segment(str(spool / name))
    assert (fold.pid, fold.start_ticks, fold.started, fold.folded) == (GONE + 1, 99, 1.5, 19)
    assert (fold.core, fold.program, fold.address, fold.full) == ("monitoring", "app.p", b"", False)
    assert fold.taken == {f"{GONE + n}-99-0.seg" for n in range(1, 21)}
    (one,) = found.processes.values()
    assert '"folded": 19' in one.json()


def test_a_fold_takes_in_more(spool):
    many(spool, 20)
    drive(folding.upkeep(str(spool), LIMIT))
    for n in range(21, 41):
        write(spool, n, record(b"/lib", b"\0\1", b"\0\0"), flags=1)
    assert drive(folding.upkeep(str(spool), LIMIT)) == 20
    files, count, found = told(spool)
    assert (len(names(spool)), count, files["/lib"]) == (1, 40, set(range(1, 21)))
    assert "and 39 that ended is recorded: there was no room" in found.warnings[0]
    assert drive(folding.upkeep(str(spool), LIMIT)) == 0


def test_few_and_small_ones_stay_as_they_are(spool):
    many(spool, folding.ENOUGH)
    assert drive(folding.upkeep(str(spool), LIMIT)) == 0
    assert drive(folding.upkeep(str(spool), 64 << 10)) == folding.ENOUGH  # more than a quarter of that spool


def test_each_text_of_a_file_keeps_its_lines(spool):
    for n in range(30):
        digest = bytes([1 + n % 3]) * 32
        write(spool, n, record(b"/lib", bytes(n + 1) + b"\1", bytes(n + 2), digest=digest))
    drive(folding.upkeep(str(spool), LIMIT))
    found = told(spool)[2]
    assert len(names(spool)) == 3
    by_text = {one.files["/lib"][0][-2:]: one for one in found.processes.values()}
    for n in range(3):
        mask = by_text[f"0{1 + n}"].files["/lib"][1]
        assert {line - 1 for line, mark in enumerate(mask) if mark} == set(range(n, 30, 3))
    assert all(one.complete for one in found.processes.values())


def test_texts_without_number_are_bounded_and_said(spool):
    for n in range(40):
        both = record(b"/made", b"\0\1", b"\0\0", digest=bytes([n + 1]) * 32), record(b"/lib", b"\0\1", b"\0\0")
        write(spool, n, *both)
    drive(folding.upkeep(str(spool), LIMIT))
    files, count, found = told(spool)
    assert (len(names(spool)), count, files) == (folds.LAYERS, 40, {"/made": {1}, "/lib": {1}})
    assert found.warnings == ["/made was loaded from several sources, told is the last"]


def test_what_is_not_over_is_left_alone(spool):
    many(spool, 20)
    (spool / "1-1-0.seg").write_bytes(b"")  # just being made
    another = bytearray(segment(record(b"/lib", b"\0\1", b"\0\0"), pid=GONE))
    (spool / "2-2-0.seg").write_bytes(another)  # of another boot
    mine = bytearray(segment(record(b"/lib", b"\0\1", b"\0\0"), pid=os.getpid()))
    mine[16:24], mine[24:40] = processes.start_ticks(os.getpid()).to_bytes(8, "little"), BOOT
    (spool / "3-3-0.seg").write_bytes(mine)  # of a process that lives
    (spool / "4-4-0.seg").write_bytes(b"x" * 9000)
    (spool / "5-5-0.seg").write_bytes(bytes(16384))  # its process ended before it could write a header
    cut = write(spool, 77, record(b"/lib", b"\0\1", b"\0\0"))
    os.truncate(cut, cut.stat().st_size - 8)
    drive(folding.upkeep(str(spool), LIMIT))
    assert names(spool) == ["0-folded-0.seg", "1-1-0.seg", "2-2-0.seg", "3-3-0.seg", cut.name, "4-4-0.seg"]


FORKED = """
import os, sys
import lib
if os.fork():
    os._exit(0)
for line in sys.stdin:
    getattr(lib, line.strip())()
    print("ok", flush=True)
"""


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.12", "3.13"])
def test_a_child_that_records_into_its_dead_parent_s_segment_keeps_it(version, tmp_path):
    (tmp_path / "lib.py").write_text(lib(40))
    (tmp_path / "one.py").write_text(ONE)
    (tmp_path / "forked.py").write_text(FORKED)
    python = interpreters.find(version)
    with served(python, tmp_path / "spool", tmp_path / "forked.py", COVEY_AGENT_SPOOL_MAX="400k") as running:
        running.process.wait()
        start_many(python, tmp_path / "one.py", running.environ, 30)
        assert any("folded" in one for one in running.capture()["processes"])
        running.process.stdin.write("f39\n")
        running.process.stdin.flush()
        assert running.process.stdout.readline() == "ok\n"
        assert {2 * 39 + 2, *range(2, 62, 2)} <= ran(running.capture(), tmp_path / "lib.py")


# Runs the upkeep of a real spool and ends by SIGKILL right before a step of it; without a number it tells the steps.
KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from covey_agent import folding
steps = 0
def watch(event, arguments):
    global steps
    if event in ("open", "os.rename", "os.remove") and started:
        steps += 1
        if steps == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
started = False
sys.addaudithook(watch)
started = True
for _ in folding.upkeep(sys.argv[2], 64 << 20):
    pass
started = False
print(steps)
"""


def killed_at(step: int, spool: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-S", "-c", KILLED, str(agent_runs.AGENT), str(spool), str(step)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_helper_killed_at_any_step_of_folding_loses_nothing(tmp_path):
    def fresh(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        many(folder, 17)
        write(folder, 18, record(b"/lib", bytes(18) + b"\1", bytes(19), digest=b"\1" * 32))  # a second layer
        return folder

    steps = int(killed_at(0, fresh("whole")).stdout)
    assert steps > 3 * 18
    wanted = told(tmp_path / "whole")
    assert wanted[1] == 18
    reading_only = range(1, steps - 40, 9)  # most of the first steps only read
    for step in [*reading_only, *range(steps - 40, steps + 1)]:
        spool = fresh(str(step))
        done = killed_at(step, spool)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert told(spool)[0] == wanted[0], step
        for n in range(20, 40):  # and more ended processes come
            write(spool, n, record(b"/lib", b"\0\1", b"\0\0"))
        assert drive(folding.upkeep(str(spool), LIMIT)) >= 20
        files, count, _ = told(spool)
        assert (files, count) == (wanted[0], 18 + 20), step
        assert len(list(spool.iterdir())) == 2, step


@pytest.mark.repeat
def test_the_helper_is_killed_again_and_again_while_processes_come_and_go(tmp_path):
    (tmp_path / "lib.py").write_text(lib(60))
    (tmp_path / "one.py").write_text(ONE)
    (tmp_path / "stay.py").write_text(STAY)
    python, place = interpreters.find("3.12"), tmp_path / "spool"
    with served(python, place, tmp_path / "stay.py", COVEY_AGENT_SPOOL_MAX="300k") as running:
        said = []
        for first in range(0, 60, 6):
            command = [str(python), str(tmp_path / "one.py")]
            live = [
                subprocess.Popen([*command, f"f{n}"], env=running.environ, stderr=subprocess.PIPE, text=True)
                for n in range(first, first + 6)
            ]
            helper = agent_serving.helper(place)
            if helper is not None:
                os.kill(helper.pid, signal.SIGKILL)
            said += [process.communicate(timeout=60)[1] for process in live]
        assert "".join(said) == ""
        agent_runs.run(python, tmp_path / "one.py", "f0", spool=None, env=running.environ)
        found = agent_serving.until(lambda: agent_serving.helper(place))
        running.port = found.port
        assert ran(running.capture(), tmp_path / "lib.py") >= set(range(1, 121))


def bundle(folder: Path, told, minutes: int) -> str:
    """A bundle of one capture."""
    import json

    data = json.dumps(told).encode()
    place = folder / "c/n/p/app/0"
    place.mkdir(parents=True)
    (place / "capture.json").write_bytes(data)
    one = Capture(
        target=Target("c", "n", "p", "app", pod_uid="u", container_id="x"),
        collected_at=datetime(2026, 11, 21, tzinfo=UTC) + timedelta(minutes=minutes),
        directory="c/n/p/app/0",
        agent="python",
        format="segments",
        boot_id=told["boot_id"],
        processes=tuple(Process(one["pid"], one["started"], one["epoch"]) for one in told["processes"]),
        files=(StoredFile("capture.json", len(data), sha256(data).hexdigest()),),
    )
    (folder / "metadata.json").write_bytes(Manifest("e2e", one.collected_at, (one,)).to_bytes())
    return str(folder)


def test_captures_of_before_and_after_a_fold_merge_to_the_same_in_either_order(tmp_path):
    (tmp_path / "lib.py").write_text(lib(60))
    (tmp_path / "one.py").write_text(ONE)
    (tmp_path / "stay.py").write_text(STAY)
    python = interpreters.find("3.12")
    with served(python, tmp_path / "spool", tmp_path / "stay.py") as running:
        start_many(python, tmp_path / "one.py", running.environ, 10)
        early = running.capture()
        start_many(python, tmp_path / "one.py", running.environ, 30)
        late = running.capture()
    assert not any("folded" in one for one in early["processes"])
    assert any("folded" in one for one in late["processes"])
    first, last = bundle(tmp_path / "first", early, 0), bundle(tmp_path / "last", late, 5)
    sources = Reading(checkout_sources(tmp_path))
    alone, one, other = (load(names, sources).files for names in ([last], [first, last], [last, first]))
    assert alone == one == other
    assert {line for line, hits in alone[None, "lib.py"].lines.items() if hits} >= set(range(2, 62, 2))


def close(spool: Path, name: str):
    return drive(agent_runs.agent_module("closing").close(windows.Store(str(spool)), name))


def test_windows_closed_before_and_after_a_fold_keep_their_lines(spool):
    none = bytes(102)
    write(spool, 1, record(b"/lib", b"\0\1" + bytes(100), none))
    close(spool, "w0")
    for n in range(2, 30):
        write(spool, n, record(b"/lib", bytes(n) + b"\1" + bytes(101 - n), none))
    close(spool, "w1")
    for n in range(30, 60):
        write(spool, n, record(b"/lib", bytes(n) + b"\1" + bytes(101 - n), none))
    drive(folding.upkeep(str(spool), LIMIT))
    assert names(spool) == ["0-folded-0.seg"]
    for n in range(60, 80):
        write(spool, n, record(b"/lib", bytes(n) + b"\1" + bytes(101 - n), none))
    close(spool, "w2")
    drive(folding.upkeep(str(spool), LIMIT))
    write(spool, 90, record(b"/lib", bytes(90) + b"\1" + bytes(11), none))
    store = windows.Store(str(spool))
    wanted = [{1}, set(range(2, 30)), set(range(30, 80))]
    for epoch, window in enumerate(store.since(0)):
        lines = [lines_in(text) for files in window.segments.values() for text in files.values()]
        assert set().union(*lines) == wanted[epoch]
        assert told(spool, list(store.since(epoch)))[0]["/lib"] == set().union(*wanted[epoch:], {90})
    assert told(spool, [])[0]["/lib"] == {90}
    assert told(spool)[0]["/lib"] == {*range(1, 80), 90}


def test_a_window_whose_closing_was_not_finished_is_finished_before_folding(spool):
    many(spool, 20)
    store = windows.Store(str(spool))
    window, _ = windows.collect(str(spool), 0, "died", False)
    store.save(window)
    drive(folding.upkeep(str(spool), LIMIT))
    fold = reading.read_segment(str(spool / "0-folded-0.seg"))
    assert all(1 not in fold.now(one) for one in fold.records)
    assert windows.Store(str(spool)).load(0).cleared
    assert told(spool)[0]["/lib"] == set(range(1, 21))


def test_nobody_folds_while_a_window_is_being_closed(spool):
    many(spool, 20)
    steps = agent_runs.agent_module("closing").close(windows.Store(str(spool)), "w")
    next(steps)
    assert drive(folding.upkeep(str(spool), LIMIT)) == 0
    drive(steps)
    assert drive(folding.upkeep(str(spool), LIMIT)) == 20


def test_a_capture_that_is_overtaken_by_a_fold_begins_again(spool):
    many(spool, 20)
    steps = capture.gather(str(spool), None)
    for _ in range(3):
        next(steps)
    drive(folding.upkeep(str(spool), LIMIT))
    found = drive(steps)
    assert found.count() == 20
    (one,) = found.processes.values()
    assert {n for n, mark in enumerate(one.files["/lib"][1]) if mark} == set(range(1, 21))


def test_a_process_that_finds_the_spool_full_makes_room(spool):
    """Also when there is no helper that could."""
    many(spool, 3)
    used = sum(path.stat().st_size for path in spool.glob("*.seg"))
    files = agent_runs.agent_module("spool").Spool(str(spool), str(spool), used + (12 << 10))
    agent_runs.agent_module("segment").Segment(files, agent_runs.agent_module("processes").Identity(), "probes")
    assert [name.partition("-")[0] for name in names(spool)] == ["0", str(os.getpid())]
    assert told(spool)[0]["/lib"] == {1, 2, 3}


def test_a_spool_full_of_what_lives_stays_as_it_is(spool):
    files = agent_runs.agent_module("spool").Spool(str(spool), str(spool), 40 << 10)
    layout, identity = agent_runs.agent_module("segment"), agent_runs.agent_module("processes").Identity()
    kept = [layout.Segment(files, identity, "probes") for _ in range(2)]
    with pytest.raises(OSError, match="spool is full"):
        layout.Segment(files, identity, "probes")
    assert sorted(one.name for one in kept) == names(spool)


def test_a_fold_that_cannot_be_written_changes_nothing(spool):
    many(spool, 20)
    (spool / "folded.new").mkdir()
    with pytest.raises(OSError, match=r".*"):
        drive(folding.upkeep(str(spool), LIMIT))
    assert len(names(spool)) == 20
    answers = agent_runs.agent_module("answers").Answers(str(spool), 1)
    assert drive(answers.upkeep()) is None
    assert told(spool)[1] == 20
