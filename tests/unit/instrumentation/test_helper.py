"""The helper's life: how long it is wanted."""

from __future__ import annotations

import os
import signal

import agent_runs
import agent_serving
import interpreters
import pytest
from agent_serving import until

helper = agent_runs.agent_module("helper")
surroundings = agent_runs.agent_module("surroundings")


class Idle:
    last_request = 0.0


@pytest.mark.parametrize(
    ("container", "parent", "wanted"), [("web", 1, True), ("web", 7, False), (None, 1, False), (None, 7, False)]
)
def test_where_nobody_would_reap_it_it_stays(container, parent, wanted, tmp_path, monkeypatch):
    monkeypatch.setattr(surroundings, "container", lambda: (container, None))
    monkeypatch.setattr(os, "getppid", lambda: parent)
    watch = helper.Watch(str(tmp_path), 0.0, Idle())
    watch._looked = watch._lived = -1e6
    assert watch.wanted() is wanted
    tmp_path.rmdir()
    watch._looked = -1e6
    assert not watch.wanted()


# Replaces what gevent replaces, then forks for each line of input.
PATCHED = """
import os, sys, time
def asleep(_seconds):
    os.write(2, b"slept")
    os._exit(9)
time.sleep = asleep
for line in sys.stdin:
    pid = os.fork()
    if not pid: os._exit(0)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.12", "3.13"])
def test_a_helper_comes_back_in_a_child_whose_sleep_is_another_s(version, tmp_path):
    (tmp_path / "app.py").write_text(PATCHED)
    spool = tmp_path / "spool"
    with agent_serving.served(interpreters.find(version), spool, tmp_path / "app.py") as running:
        os.kill(agent_serving.helper(spool).pid, signal.SIGKILL)
        until(lambda: agent_serving.helper(spool) is None)
        os.utime(agent_serving.folder_of(spool) / "helper", (0, 0))
        running.process.stdin.write("fork\n")
        running.process.stdin.flush()
        assert running.process.stdout.readline() == "0\n"
        assert agent_serving.helper(spool) is not None
