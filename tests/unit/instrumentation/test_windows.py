"""Windows: each holds exactly what ran in it, and nothing is lost whoever dies when."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import tracemalloc
import uuid
import zlib
from pathlib import Path

import agent_runs
import agent_serving
import interpreters
import pytest
from agent_serving import lines_in, ran, served
from segment_bytes import BOOT, record, segment

windows = agent_runs.agent_module("windows")
reading = agent_runs.agent_module("reading")

FUNCTIONS = 300
WORK = "def common():\n    return 'c'\n" + "".join(f"def f{i}():\n    return {i}\n" for i in range(FUNCTIONS))
COMMON = 2
# Four forked workers; each line of input names one of them and a function that it then runs.
SERVER = """
import os, sys, signal
import work

def serve(commands, answers):
    while True:
        name = commands.readline().strip()
        if not name:
            os._exit(0)
        if name == "die":
            work.f7()
            os.kill(os.getpid(), signal.SIGKILL)
        work.common()
        getattr(work, name)()
        answers.write(name + "\\n")
        answers.flush()

workers = []
for number in range(4):
    down, up = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        serve(os.fdopen(down[0]), os.fdopen(up[1], "w"))
    workers.append((pid, os.fdopen(down[1], "w"), os.fdopen(up[0])))
print(*[pid for pid, _, _ in workers], flush=True)
for line in sys.stdin:
    number, name = line.split()
    pid, commands, answers = workers[int(number)]
    commands.write(name + "\\n")
    commands.flush()
    if name == "die":
        print(os.waitpid(pid, 0)[1], flush=True)
    else:
        print(answers.readline().strip(), flush=True)
"""
VERSIONS = ("3.9", "3.11", "3.12", "3.13")


def line_of(number: int) -> int:
    return 4 + 2 * number


class Workers:
    """The four workers of SERVER, under the agent."""

    def __init__(self, running, folder: Path, version: str) -> None:
        self.served = running
        self.work = folder / "work.py"
        self.pids = [int(pid) for pid in running.process.stdout.readline().split()]
        for number in range(4):
            self.do(number, "f299")  # it has begun
        # With probes, children that load nothing record into their parent's segment: it is one recording.
        self.processes = 5 if version in interpreters.MONITORING else 1

    def do(self, worker: int, name: str) -> str:
        self.served.process.stdin.write(f"{worker} {name}\n")
        self.served.process.stdin.flush()
        return self.served.process.stdout.readline().strip()

    def windows(self):
        """Name -> lines of work.py, of each closed window."""
        closed = self.served.capture()["windows"]
        return {one["name"]: lines_in(one["files"].get(str(self.work), "")) for one in closed}


@contextlib.contextmanager
def workers(version: str, folder: Path):
    code = folder / "code"
    code.mkdir()
    (code / "work.py").write_text(WORK)
    (code / "server.py").write_text(SERVER)
    with served(interpreters.find(version), folder / "spool", code / "server.py") as running:
        yield Workers(running, code, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_window_holds_its_own_lines_and_none_is_lost(version, tmp_path):
    with workers(version, tmp_path) as four:
        closed = four.served.close_window("start")
        assert (closed["epoch"], closed["closed"], closed["late"]) == (1, {"epoch": 0, "name": "start"}, [])
        assert closed["acknowledged"] == four.processes
        for number in range(12):
            assert four.do(number % 4, f"f{number}") == f"f{number}"
            assert four.served.close_window(f"test {number}")["late"] == []
        for worker in range(4):
            four.do(worker, "f20")
        found = four.windows()
        assert found["start"] == {1, COMMON, line_of(299), *range(3, 602, 2)}
        for number in range(12):
            assert found[f"test {number}"] == {COMMON, line_of(number)}
        bodies = {COMMON, *(line_of(number) for number in (*range(12), 20))}
        everything = four.served.capture()
        assert ran(everything, four.work) == found["start"] | bodies
        assert everything["epoch"] == 13
        assert ran(four.served.capture(since=11), four.work) == {COMMON, *map(line_of, (10, 11, 20))}
        assert ran(four.served.capture(since=13), four.work) == {COMMON, line_of(20)}
        assert [one["epoch"] for one in four.served.capture(since=11)["windows"]] == [11, 12]


@pytest.mark.parametrize("version", VERSIONS)
def test_three_hundred_windows_in_a_row(version, tmp_path):
    with workers(version, tmp_path) as four:
        four.served.close_window("start")
        for number in range(FUNCTIONS):
            four.do(number % 4, f"f{number}")
            four.served.close_window(f"test {number}")
        found = four.windows()
        wrong = {n: found[f"test {n}"] for n in range(FUNCTIONS) if found[f"test {n}"] != {COMMON, line_of(n)}}
        assert wrong == {}
        assert ran(four.served.capture(), four.work) == set(range(1, 603))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_worker_killed_in_a_window_leaves_its_lines_in_it(version, tmp_path):
    with workers(version, tmp_path) as four:
        four.served.close_window("start")
        four.do(1, "f1")
        assert four.do(2, "die") == str(int(signal.SIGKILL))
        closed = four.served.close_window("killed")
        assert (closed["late"], closed["acknowledged"]) == ([], four.processes - (four.processes > 1))
        assert four.windows()["killed"] == {COMMON, line_of(1), line_of(7)}
        capture = four.served.capture()
        alive = {process["pid"]: process["alive"] for process in capture["processes"]}
        assert alive[four.served.process.pid] is True
        if four.processes > 1:
            assert (alive[four.pids[1]], alive[four.pids[2]]) == (True, False)
        assert line_of(7) in ran(capture, four.work)


def test_a_process_that_does_not_answer_is_named(tmp_path):
    with workers("3.12", tmp_path) as four:
        os.kill(four.pids[3], signal.SIGSTOP)
        closed = four.served.close_window("stopped")
        assert ([one["pid"] for one in closed["late"]], closed["acknowledged"]) == ([four.pids[3]], 4)
        (window,) = four.served.capture()["windows"]
        assert window["late"] == closed["late"]
        os.kill(four.pids[3], signal.SIGCONT)
        assert four.served.close_window("again")["late"] == []


def a_store(folder: Path):
    """A spool with one segment in which line 3 of /a ran."""
    (folder / "7-99-0.seg").write_bytes(segment(record(b"/a", b"\0\0\0\1\0", b"\0\1\0\0\0")))
    return windows.Store(str(folder))


def marks(folder: Path):
    found = reading.read_segment(str(folder / "7-99-0.seg"))
    return found.now(found.records[0]), found.before(found.records[0])


def drive(steps):
    """Runs a generator of steps to its end and gives what it returns."""
    while True:
        try:
            time.sleep(next(steps))
        except StopIteration as done:
            return done.value


def test_a_helper_that_dies_after_storing_a_window_is_finished_by_the_next(tmp_path):
    store = a_store(tmp_path)
    window, _ = windows.collect(str(tmp_path), 0, "died", False)
    store.save(window)
    assert marks(tmp_path)[0] == b"\0\0\0\1\0"
    again = windows.Store(str(tmp_path))
    assert again.epoch == 1
    done = drive(agent_runs.agent_module("closing").close(again, "next"))
    assert done["closed"] == {"epoch": 1, "name": "next"}
    assert marks(tmp_path) == (b"\0\0\0\0\0", b"\0\1\0\1\0")
    first, second = again.since(0)
    assert (first.segments, second.segments) == ({"7-99-0.seg": {"/a": "3"}}, {})


def test_only_what_was_read_is_cleared(tmp_path):
    a_store(tmp_path)
    window, _ = windows.collect(str(tmp_path), 0, "w", False)
    with (tmp_path / "7-99-0.seg").open("r+b") as file:  # a line runs while the window is being closed
        found = reading.read_segment(file.name).records[0]
        file.seek(found.now_at + 2)
        file.write(b"\1")
    windows.clear(str(tmp_path / "7-99-0.seg"), window.segments["7-99-0.seg"])
    assert marks(tmp_path) == (b"\0\0\1\0\0", b"\0\1\0\1\0")


def test_the_store_stays_bounded_and_says_what_it_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "MAX_STORE", 4000)
    store = a_store(tmp_path)
    for number in range(60):
        window = windows.Window(number, f"w{number}", 0.0)
        window.cleared = True
        store.save(window)
    kept = [one.epoch for one in windows.Store(str(tmp_path)).since(0)]
    assert kept == list(range(store.dropped, 60))
    assert 0 < store.dropped < 60
    assert sum(path.stat().st_size for path in tmp_path.glob("*.window")) <= 4000


@pytest.mark.parametrize("junk", [b"", b"x", b"\x78\x9c\x4b\x04\x00\x00\x62\x00\x62"])
def test_a_damaged_window_is_left_out(tmp_path, junk):
    store = a_store(tmp_path)
    for number in range(2):
        store.save(windows.Window(number, "w", 0.0))
    Path(store.path(0)).write_bytes(junk)
    assert [one.epoch for one in windows.Store(str(tmp_path)).since(0)] == [1]


def a_long_suite(folder: Path, tests: int, files: int):
    """The store after a suite that closed one window a test, in each of which line 3 and some of every file ran."""
    store = a_store(folder)
    ran = {f"/usr/src/application/services/shop/module_{n:03}/handlers.py": "3,17-28,41" for n in range(files)}
    window = windows.Window(0, "test", 0.0)
    window.segments, window.cleared = {"7-99-0.seg": {"/a": "1", **ran}}, True
    text = zlib.decompress(window.pack()).decode()
    for number in range(tests):
        packed = zlib.compress(text.replace('"epoch": 0,', f'"epoch": {number},').encode(), 1)
        Path(store.path(number)).write_bytes(packed)
    return windows.Store(str(folder))


def capture_of(store, since=None):
    module, tables = agent_runs.agent_module("capture"), agent_runs.agent_module("linetable").Tables(None, 0)
    return drive(module.capture({"schema": "covey.capture/1"}, store.spool, store, tables, since))


def test_a_capture_tells_as_many_windows_as_there_is_room_for_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(agent_runs.agent_module("processes"), "boot_id", lambda: str(uuid.UUID(bytes=BOOT)))
    monkeypatch.setattr(agent_runs.agent_module("closed"), "MOST", (4 << 20, 10**7, 10**7))
    store = a_long_suite(tmp_path, tests=3500, files=300)
    tracemalloc.start()
    try:
        body = capture_of(store)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    capture = json.loads(body)
    told = [one["epoch"] for one in capture["windows"]]
    assert len(told) > 100
    assert told == list(range(told[0], 3500))
    assert [text for text in capture["warnings"] if f"windows before epoch {told[0]} are left out" in text]
    assert ran(capture, "/a") == {1, 3}
    assert peak < 32 << 20


@pytest.mark.parametrize("most", [(4000, 10**6, 10**6), (10**6, 90, 10**6), (10**6, 10**6, 70)])
def test_windows_are_weighed_as_the_collector_weighs_them(tmp_path, monkeypatch, most):
    monkeypatch.setattr(agent_runs.agent_module("closed"), "MOST", most)
    store = a_long_suite(tmp_path, tests=40, files=2)
    told = [one["epoch"] for one in json.loads(capture_of(store, since=5))["windows"]]
    assert 1 <= len(told) < 35
    assert told == list(range(told[0], 40))


@pytest.mark.repeat
def test_two_helpers_do_not_close_at_once(tmp_path):
    store = a_store(tmp_path)
    held = windows.Store(str(tmp_path)).lock()
    with pytest.raises(agent_runs.agent_module("closing").Busy):
        drive(agent_runs.agent_module("closing").close(store, "w"))
    os.close(held)
    assert drive(agent_runs.agent_module("closing").close(store, "w"))["epoch"] == 1


def test_datagrams_go_to_the_agent_s_own_sockets_only(tmp_path):
    closing = agent_runs.agent_module("closing")
    import socket

    outside = tmp_path / "outside"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as victim,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
    ):
        victim.bind(str(outside))
        victim.setblocking(False)
        spool = tmp_path / "spool"
        assert not closing.wake(sender, os.fsencode(outside), str(spool))
        assert not closing.wake(sender, os.fsencode(spool) + b"/../outside", str(spool))
        with pytest.raises(BlockingIOError):
            victim.recv(10)
        assert closing.wake(sender, os.fsencode(outside), str(tmp_path))
        assert victim.recv(10)


def test_the_client_is_seed_003_s(tmp_path):
    with workers("3.11", tmp_path) as four:
        assert agent_serving.ask(four.served.port, "/coverage/reset").body == b"Coverage reset"
        assert list(four.windows()) == ["reset-1"]
