"""Starts the helper: a process of its own that outlives the application and has nothing of it but the listener.

Started with `posix_spawn`, which runs none of the application's code in the child and may be done with threads around.
What is spawned is a small program that closes all other descriptors, forks and ends, so that the application gets its
one child back at once and never has another; the child that it leaves behind becomes the helper by exec.
"""

from __future__ import annotations

import _signal as signal  # `signal` itself loads enum, which costs more than all else here
import os
import sys
from time import monotonic

from covey_agent import spool as spools
from covey_agent.election import FILE

# The descriptor of the listener in the helper, behind the three standard ones.
LISTENER = 3
FLAG = "--covey-helper"
_PATIENCE = 10.0
# Of the environment, what a helper needs: how to load the interpreter, and what its identity headers are made of.
_KEPT = (
    "LD_LIBRARY_PATH",
    "SOURCE_GIT_COMMIT",
    "SOURCE_GIT_URL",
    "SOFTWARE_GROUP",
    "SOFTWARE_KEY",
    "__doozer_group",
    "__doozer_key",
)

# Arguments: version, program, file, spool, port, boot id. No module that is not built in, so that the caller, who waits
# for the end of it, waits 10 ms. Exit codes: 3 another version, 4 the spool cannot be written, 5 no file to run.
_BOOT = (
    """
import posix, sys
version, python, file, spool, port, boot = sys.argv[1:]
if version != "{}.{}".format(*sys.version_info): posix._exit(3)
if not posix.access(file, posix.R_OK): posix._exit(5)
for fd in posix.listdir("/proc/self/fd"):
    if int(fd) > LISTENER:
        try: posix.close(int(fd))
        except OSError: pass
child = posix.fork()
if child == 0:
    try:
        posix.setsid(); posix.chdir("/"); posix.umask(0o77)
        posix.execv(python, [python, "-I", "-S", "-E", file, "FLAG", "LISTENER", spool])
    finally: posix._exit(127)
try:
    with open("/proc/{}/stat".format(child), "rb") as stat: ticks = stat.read().rpartition(b")")[2].split()[19].decode()
    name = spool + "/FILE"
    fd = posix.open(name + ".new", posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_NOFOLLOW, 0o600)
    posix.write(fd, " ".join((port, str(child), ticks, boot)).encode())
    posix.rename(name + ".new", name)
except BaseException:
    posix.kill(child, 9); posix._exit(4)
posix._exit(0)
""".replace("LISTENER", str(LISTENER))
    .replace("FLAG", FLAG)
    .replace("FILE", FILE)
)


class CannotLaunch(Exception):
    """No helper could be started; says why."""


def interpreters() -> list[str]:
    """Where this interpreter's program may be, likeliest first. `sys.executable` is empty when Python is embedded, and
    another program in uwsgi: only what is called python is tried."""
    base = getattr(sys, "base_exec_prefix", sys.exec_prefix)
    named = "python{}.{}".format(*sys.version_info)
    candidates = [sys.executable, getattr(sys, "_base_executable", ""), os.path.join(base, "bin", named)]
    candidates.append(os.path.join(base, "bin", "python3"))
    found = []
    for path in candidates:
        good = path and os.path.basename(path).startswith("python") and os.path.isabs(path) and os.access(path, os.X_OK)
        if good and path not in found:
            found.append(path)
    return found


def entry() -> str:
    """The file that the helper's interpreter runs: `helper.py` beside this one; "" when the agent is not in files."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "helper.py")
    return path if os.path.isfile(path) else ""


def launch(listener_fd: int, port: int, spool: str, boot: str, environ: dict[str, str]) -> None:
    """Starts the helper on a listening socket and writes who it is into the spool. Raises CannotLaunch.

    `environ` is added to the little that the helper gets of ours. The caller closes its copy of the listener."""
    file = entry()
    if not file:
        raise CannotLaunch("the agent is not in a file of its own")
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    reasons = []
    for python in interpreters():
        arguments = [python, "-I", "-S", "-E", "-c", _BOOT, "{}.{}".format(*sys.version_info)]
        arguments += [python, file, spool, str(port), boot]
        try:
            code = _run(python, arguments, dict(kept, **environ), listener_fd)
        except OSError as error:
            reasons.append(f"{python}: {error}")
            continue
        if code == 0:
            return
        reasons.append(f"{python} ended with {code}")
    raise CannotLaunch("; ".join(reasons) or "the program of this Python was not found")


def _run(python, arguments, environ, listener_fd) -> int:
    """Spawns and waits for the end; the exit code."""
    moved = spools.high(os.dup(listener_fd))
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    null = spools.high(null)
    actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    actions.append((os.POSIX_SPAWN_DUP2, moved, LISTENER))
    usual = [number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP)]
    was_pending = signal.SIGCHLD in signal.sigpending()
    try:
        pid = os.posix_spawn(python, arguments, environ, file_actions=actions, setsigmask=[], setsigdef=usual)
    finally:
        os.close(moved)
        os.close(null)
    code = _wait(pid)
    if not was_pending:
        _take_back_news()
    return code


def _take_back_news() -> None:
    """Where SIGCHLD is blocked, it is pending for the child that was waited for, which is none of the application's
    news. That of another child, which has ended meanwhile, stays."""
    try:
        if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
    except OSError:  # no other at all
        pass
    signal.sigtimedwait([signal.SIGCHLD], 0)


def _wait(pid: int) -> int:
    deadline = monotonic() + _PATIENCE
    pause = 0.001
    try:
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return -signal.SIGKILL
            spools.sleep(pause)
            pause = min(pause * 1.5, 0.01)
    except ChildProcessError:
        # SIGCHLD is ignored, or the application's handler took it. If it failed, the next process tries again.
        return 0
