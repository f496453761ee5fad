"""Where `covey run` records: a folder for each port, which begins anew once nobody records there any more.

Programs may go on as another user, who has a folder of their own beside ours: any user may write there, so nothing in
it is followed, waited for or believed.

A container begins with an empty spool and takes it along when it ends. A machine does neither: the next program would
be reported together with all that ran before it, by a helper that still listens where the first one asked it to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from covey import instrumentation

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - memory, where the agent records as well
PORTS = 50  # that an agent tries, from the one asked for on
_PATIENCE = 2.0  # seconds for a helper to end


@dataclass(frozen=True, slots=True)
class RunSpool:
    """`dropped`: the earlier program whose recording was cleared; "" where there was none. `shared`: a program that
    runs now records there too. `port`: the one that the agent will listen on, as far as can be told."""

    root: Path
    port: int
    dropped: str
    shared: bool


def prepare(port: int, program: str, base: Path | None = None) -> RunSpool:
    """The spool for `program`, as the next one is to call it, served on `port`. OSError when it cannot be had for us
    alone."""
    root = _root(base or (SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())), port)
    with os.scandir(root) as entries:
        folders = [Path(one) for one in entries if one.name.startswith("u") and one.is_dir(follow_symlinks=False)]
    if any(_is_held(segment) for folder in folders for segment in _segments(folder)):
        return RunSpool(root, port, dropped="", shared=True)
    earlier = _next_name(root.with_name(f"{port}.program"), program)
    dropped = earlier if sum(map(_clear, folders)) else ""
    return RunSpool(root, _next_free(port), dropped, shared=False)


def port_of(root: Path, port: int) -> int:
    """The port that an agent will listen on which is to record into the folder `root` and asks for `port`."""
    serving = [found for folder in sorted(root.glob("u*")) if (found := instrumentation.port_of(folder))]
    return serving[0] if serving else _next_free(port)


def _root(base: Path, port: int) -> Path:
    """`base/covey-run-u<uid>/<port>`; who else can write to the first could put another folder into its place."""
    mine = base / f"covey-run-u{os.geteuid()}"
    mine.mkdir(mode=0o755, exist_ok=True)
    state = mine.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise PermissionError(1, "not a folder of this user's alone", str(mine))
    root = mine / str(port)
    if not root.is_dir():
        root.mkdir()
        root.chmod(0o1777)  # a program may go on as another user, with a folder of its own
    return root


def _next_name(file: Path, program: str) -> str:
    """What a file of ours names, which names `program` from now on. It serves a note only, so it may fail."""
    earlier = "an earlier program"
    with contextlib.suppress(OSError):
        if file.is_file():
            earlier = file.read_text(errors="replace")
        file.unlink(missing_ok=True)  # whatever lies there
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", errors="replace") as stream:
            stream.write(program)
    return earlier


def _segments(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.seg"))
    except OSError:  # another user's
        return []


def _is_held(segment: Path) -> bool:
    """Whether any process still records into it: its writers share a lock for as long as they map it."""
    try:
        fd = os.open(segment, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _clear(folder: Path) -> bool:
    """Ends the folder's helper and removes what was recorded; whether there was anything, and is no more. Cached code
    stays. By a descriptor: another user could put a link into the folder's place at any moment."""
    found = bool(_segments(folder))
    if instrumentation.stop_helper(folder):
        deadline = time.monotonic() + _PATIENCE
        while instrumentation.stop_helper(folder) and time.monotonic() < deadline:
            time.sleep(0.01)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # another user's
        return False
    try:
        for name in os.listdir(descriptor):  # noqa: PTH208 - a descriptor
            if not name.endswith(".cache"):
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=descriptor)
        return found and not any(name.endswith(".seg") for name in os.listdir(descriptor))  # noqa: PTH208
    finally:
        os.close(descriptor)


def _next_free(port: int) -> int:
    """The port that the agent will find free; `port` itself where none is."""
    for candidate in range(port, min(port + PORTS, 65536)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            probe.listen(1)  # two sockets may have one address until one of them listens
            return candidate
    return port
