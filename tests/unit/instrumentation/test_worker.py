"""The agent's threads: one each, gone during forks, whoever forks and whenever."""

from __future__ import annotations

import json

import agent_runs
import pytest

# A fork that waits for what never comes waits longer than the test.
IMPATIENT = "from covey_agent import worker\nworker._PATIENCE = 1000\n"

FORKS = """
import os, threading, time, warnings
warnings.simplefilter("ignore")
def tasks():
    time.sleep(0.2)  # the application's own threads go a moment after `join`
    return len(os.listdir("/proc/self/task"))
def forks():
    for _ in range(8):
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
threads = [threading.Thread(target=forks) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
print(tasks())
forks()
print(tasks())
"""


def test_forks_of_several_threads_wait_for_nobody_and_leave_one_thread(lab):
    done = lab.run(lab.write("app.py", IMPATIENT + FORKS))
    threads = 2 if lab.core == "monitoring" else 1
    assert (done.stdout, done.stderr) == (f"{threads}\n{threads}\n", "")


# What the thread does is a number of steps that begin when the program says so.
LABORATORY = """
import json, os, sys, threading, time, warnings
sys.path.insert(0, {agent!r})
from covey_agent import worker
warnings.simplefilter("ignore")
begun, go_on = threading.Semaphore(0), threading.Semaphore(0)
ring, bell = os.pipe()[::-1]
lives = []
def work(wanted):
    lives.append(1)
    while wanted():
        os.read(bell, 1)
        if stuck:
            begun.release(), go_on.acquire()
def tasks():
    return len(os.listdir("/proc/self/task"))
def fork(then=lambda: None):
    pid = os.fork()
    if not pid:
        then()
        os._exit(tasks())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
stuck = False
one = worker.Worker(work, lambda: os.write(ring, b'.'))
one.start()
os.register_at_fork(before=one.before_fork, after_in_parent=one.in_parent, after_in_child=one.in_child)
"""

STUCK = """
stuck = True
os.write(ring, b"."), begun.acquire()
worker._PATIENCE = 0.1
seen = [fork()]
worker._PATIENCE = 1000
seen += [fork(), fork(), tasks()]
stuck = False
go_on.release()
while not one._run._patience: time.sleep(0.001)
seen += [len(lives), fork(), tasks()]
print(json.dumps(seen))
"""

HANDLERS = """
import signal
worker._PATIENCE = 1000
ended = []
def handler(*_):
    signal.setitimer(signal.ITIMER_REAL, 0)
    ended.append(fork(lambda: fork()))
    signal.setitimer(signal.ITIMER_REAL, 0.0007)
signal.signal(signal.SIGALRM, handler)
mine = os.getpid()
signal.setitimer(signal.ITIMER_REAL, 0.0007)
for _ in range(300): fork()
signal.setitimer(signal.ITIMER_REAL, 0)
print(json.dumps([mine == os.getpid(), bool(ended), set(ended) == {1}, tasks(), one._forks]))
"""

FAILS = """
def fails(wanted):
    raise ValueError
two = worker.Worker(fails, lambda: None)
two.start()
os.register_at_fork(before=two.before_fork, after_in_parent=two.in_parent, after_in_child=two.in_child)
print(json.dumps([fork(), fork(), tasks()]))
"""


def tell(lab, code):
    script = lab.write("app.py", LABORATORY.format(agent=str(agent_runs.AGENT)) + code)
    done = lab.run(script, spool=None, timeout=30)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_a_thread_in_the_middle_of_something_is_kept_and_waited_for_once(lab):
    assert tell(lab, STUCK) == [1, 1, 1, 2, 1, 1, 2]


@pytest.mark.repeat
def test_a_signal_handler_that_forks_in_the_middle_of_a_fork(lab):
    assert tell(lab, HANDLERS) == [True, True, True, 2, 0]


def test_two_threads_that_take_the_quiet_filter_away(monkeypatch):
    import warnings

    class Gone(list):
        def __contains__(self, one):  # as it was before the other thread took it away
            return True

    fork_warning = agent_runs.agent_module("fork_warning")
    monkeypatch.setattr(fork_warning, "_NEEDED", True)
    monkeypatch.setattr(fork_warning.os, "listdir", lambda _path: ["1", "2", "3"])
    monkeypatch.setattr(warnings, "filters", Gone())
    fork_warning.before_restart()


def test_what_fails_in_a_thread_ends_it_without_a_word(lab):
    assert tell(lab, FAILS) == [1, 1, 2]
