"""Nothing is lost while somebody reads: 8 threads run lines that run only once, a reader looks every 100 ms, windows
are closed meanwhile; in the end every line was seen, in one window or another."""

from __future__ import annotations

import os
import subprocess
import time

import agent_runs
import pytest

THREADS = 8
FUNCTIONS = 150 if os.environ.get("COVEY_PROVE") != "1" else 800
LINES = 40

RUN = """
    import sys, threading, time
    sys.setswitchinterval(0.0005)
    import many
    def work(worker):
        for number in range({functions}):
            getattr(many, "f%d_%d" % (worker, number))()
            time.sleep(0.006)
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range({threads})]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print("done", flush=True)
    sys.stdin.read()
"""


def many():
    """A module of functions whose lines run once each, and the numbers of those lines."""
    text, wanted = [], set()
    for worker in range(THREADS):
        for number in range(FUNCTIONS):
            text.append(f"def f{worker}_{number}():")
            text.extend(f"    x = {line}" for line in range(LINES))
            wanted |= set(range(len(text) - LINES, len(text) + 1))
    return "\n".join(text) + "\n", wanted


def lines_now(segment, path):
    for record in segment.records:
        if record.path == str(path) and not record.not_recorded:
            planes = (segment.now(record), segment.before(record))
            return [{number for number, mark in enumerate(plane) if mark} for plane in planes]
    return [set(), set()]


def close_window(path, data_path):
    """What the helper does: save, mark as before, clear, then ask to re-arm. Gives the window's lines."""
    layout = agent_runs.agent_module("segment")
    segment = agent_runs.agent_module("reading").read_segment(str(path))
    with open(path, "r+b", buffering=0) as file:
        for record in segment.records:
            if record.path != str(data_path):
                continue
            now = os.pread(file.fileno(), record.lines + 1, record.now_at)
            ran = {number for number, mark in enumerate(now) if mark}
            for number in ran:
                os.pwrite(file.fileno(), b"\1", record.before_at + number)
            for number in ran:
                os.pwrite(file.fileno(), b"\0", record.now_at + number)
            wanted = int.from_bytes(os.pread(file.fileno(), 4, layout.EPOCH_WANTED), "little") + 1
            os.pwrite(file.fileno(), wanted.to_bytes(4, "little"), layout.EPOCH_WANTED)
            wake(segment.address)
            return ran
    return set()


def wake(address):
    import socket

    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as knock:
            knock.sendto(b"w", address)


@pytest.fixture
def running(lab):
    text, wanted = many()
    module = lab.write("many.py", "")
    module.write_text(text)
    script = lab.write("app.py", RUN.format(functions=FUNCTIONS, threads=THREADS))
    environ = agent_runs.environment(lab.spool, **lab.env)
    command = [str(lab.python), str(script)]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield lab, process, module, wanted
        process.stdin.close()


def the_segment(lab):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = [path for path in lab.spool.glob("u*/*.seg") if path.read_bytes()[:8] == b"COVEYSG1"]
        if found:
            return found[0]
        time.sleep(0.01)
    raise AssertionError("no segment came")


def test_none_is_lost_while_somebody_reads(running):
    lab, process, module, wanted = running
    os.set_blocking(process.stdout.fileno(), False)
    looks = [set()]
    while process.stdout.read() is None:
        now, _ = lines_now(agent_runs.agent_module("reading").read_segment(str(the_segment(lab))), module)
        assert now >= looks[-1]  # peeked, never taken
        looks.append(now)
        time.sleep(0.1)
    assert len(looks) > 2
    assert wanted - lab.ran(module) == set()


def test_none_is_lost_while_windows_are_closed(running):
    lab, process, module, wanted = running
    os.set_blocking(process.stdout.fileno(), False)
    path, windows = the_segment(lab), []
    while process.stdout.read() is None:
        windows.append(close_window(path, module))
        time.sleep(0.1)
    windows.append(close_window(path, module))
    assert len([window for window in windows if window]) > 2
    assert wanted - set().union(*windows) == set()
    assert wanted - lab.ran(module) == set()


LOOPING = """
    import sys
    def f():
        return 1
    for line in sys.stdin:
        f()
        print("ok", flush=True)
"""


def test_lines_that_run_again_are_in_the_new_window_too(lab):
    """Including those of a frame that was in the middle when the window was closed."""
    script = lab.write("app.py", LOOPING)
    environ = agent_runs.environment(lab.spool, **lab.env)
    command = [str(lab.python), str(script)]
    layout, reading = agent_runs.agent_module("segment"), agent_runs.agent_module("reading")
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for _ in range(3):
            process.stdin.write(b"x\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"ok\n"
            path = the_segment(lab)
            window = close_window(path, script)
            assert {4, 6, 7} <= window, window
            wait_for_acknowledgement(reading, path, layout)
        process.stdin.close()


def wait_for_acknowledgement(reading, path, layout):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        segment = reading.read_segment(str(path))
        if segment.flags & layout.NO_ACKNOWLEDGEMENT or segment.acknowledged == segment.wanted:
            return
        time.sleep(0.005)
    raise AssertionError("the process did not acknowledge")


FORKED = """
    import os, sys
    def f():
        return 1
    f()
    pid = os.fork()
    for line in sys.stdin if pid == 0 else ():
        f()
        print("ok", flush=True)
    if pid:
        os.waitpid(pid, 0)
"""


def test_a_child_that_runs_only_what_its_parent_ran_is_re_armed(lab):
    script = lab.write("app.py", FORKED)
    environ = agent_runs.environment(lab.spool, **lab.env)
    command = [str(lab.python), str(script)]
    layout, reading = agent_runs.agent_module("segment"), agent_runs.agent_module("reading")
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for turn in range(3):
            process.stdin.write(b"x\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"ok\n"
            paths = sorted(lab.spool.glob("u*/*.seg"))
            assert len(paths) == (1 if lab.core == "probes" else 2)
            window = set().union(*[close_all(path, script) for path in paths])
            assert {4, 8, 9} <= window, (turn, window)
            for path in paths:
                knock(reading, path, layout)
        process.stdin.close()


def close_all(path, script):
    """The first half of closing, for all segments; `knock` is the second."""
    segment = agent_runs.agent_module("reading").read_segment(str(path))
    ran = set()
    with open(path, "r+b", buffering=0) as file:
        for record in segment.records:
            now = os.pread(file.fileno(), record.lines + 1, record.now_at)
            os.pwrite(file.fileno(), bytes(len(now)), record.now_at)
            ran |= {number for number, mark in enumerate(now) if mark}
    return ran


def knock(reading, path, layout):
    segment = reading.read_segment(str(path))
    with open(path, "r+b", buffering=0) as file:
        os.pwrite(file.fileno(), (segment.wanted + 1).to_bytes(4, "little"), layout.EPOCH_WANTED)
    wake(segment.address)
    wait_for_acknowledgement(reading, path, layout)
