from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from covey.errors import ConfigError
from covey.patience import at_most, read_small

LATE = ConfigError("too long")


def test_an_endless_pattern_is_ended():
    with pytest.raises(ConfigError, match="too long"), at_most(0.05, LATE):
        re.match("(a+)+$", "a" * 60 + "!")
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_what_is_done_in_time_is_let_alone_and_the_clock_stopped():
    with at_most(0.05, LATE):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    time.sleep(0.1)


def test_the_users_own_alarm_is_never_touched():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        with at_most(0.01, LATE):
            time.sleep(0.05)
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGALRM, before)


def test_another_thread_works_without_a_clock():
    done = []

    def work():
        with at_most(0.01, LATE):
            time.sleep(0.05)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done


def test_a_small_file_is_read_from_a_pipe_too(tmp_path):
    ours, theirs = os.pipe()
    os.write(theirs, b"token\n")
    os.close(theirs)
    (tmp_path / "file").write_bytes(b"token\n")
    try:
        assert read_small(Path(f"/dev/fd/{ours}"), 10) == read_small(tmp_path / "file", 10) == b"token\n"
    finally:
        os.close(ours)


def test_a_pipe_that_is_never_complete_and_a_file_without_end_are_refused(tmp_path):
    ours, theirs = os.pipe()
    try:
        with pytest.raises(ConfigError, match="not complete"):
            read_small(Path(f"/dev/fd/{ours}"), 10, seconds=0.05)
    finally:
        os.close(ours)
        os.close(theirs)
    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        read_small(Path("/dev/zero"), 10)
    with pytest.raises(OSError, match="directory"):
        read_small(tmp_path, 10)
