"""What goes into images to record there. Nothing of it is imported here; it is text that is copied.

The agent for Python is the folder `python`: put on PYTHONPATH with COVEY_AGENT=1 it records every Python that starts;
`coverage_server.py` runs one program under it, and `single_file()` is that program with all its parts inside.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Mapping
from pathlib import Path

_PYTHON = Path(__file__).parent / "python"
_MOST_TOLD = 256  # bytes that a helper tells of itself
_EMPTY = "PARTS = {}  # path -> text; filled where this is a single file\n"


def folder() -> Path:
    """The agent's folder as installed with covey: fit for PYTHONPATH, and it holds `coverage_server.py`."""
    return _PYTHON


def environment(plain: Mapping[str, str]) -> dict[str, str]:
    """The environment that records every Python started with it: the agent's folder first, and switched on."""
    rest = [entry for entry in plain.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != str(_PYTHON)]
    return {**plain, "COVEY_AGENT": "1", "PYTHONPATH": os.pathsep.join([str(_PYTHON), *rest])}


def port_of(spool: Path) -> int | None:
    """The port on which a spool of this machine is served; None where nobody serves it."""
    found = _server_of(spool)
    return found[0] if found else None


def stop_helper(spool: Path) -> bool:
    """End the helper that serves a spool of this machine (`covey_agent.election`); whether there was one, and maybe
    still is: asked again, it says when the helper is gone and its port free."""
    found = _server_of(spool)
    if found is None or found[2] == "thread":
        return False
    if found[2] == "helper":
        with contextlib.suppress(OSError):
            os.kill(found[1], signal.SIGTERM)
    return True


def _server_of(spool: Path) -> tuple[int, int, str] | None:
    """Port and pid of who serves a spool, and "helper", "thread" for an application's thread, or "" for either while it
    ends: a process that ends loses its arguments first, then its sockets, and then is a zombie.

    The pid is believed only together with the start of its process, and a helper only of who owns the file, so nobody
    else is ever ended: any user may have written it.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        text, owner = _small_file(spool / "helper")
        port, pid, ticks, *_ = text.split()
        status = Path(f"/proc/{int(pid)}/stat").read_text(encoding="ascii", errors="replace")
        command = Path(f"/proc/{int(pid)}/cmdline").read_bytes()
        state, *fields = status.rpartition(") ")[2].split()
        if fields[18] == ticks and state not in "ZX":
            kind = "helper" if b"--covey-helper" in command else "thread"
            if kind == "helper" and Path(f"/proc/{int(pid)}").stat().st_uid != owner:
                return None
            return int(port), int(pid), kind if command else ""
    return None


def _small_file(path: Path) -> tuple[str, int]:
    """The beginning of a regular file as ASCII, and its owner; OSError or ValueError for what is none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise ValueError(f"{path} is no regular file")
        return stream.read(_MOST_TOLD).decode("ascii"), state.st_uid


def parts() -> dict[str, str]:
    """The agent's files, path below the folder -> text, in the order of their paths."""
    found = {path.relative_to(_PYTHON).as_posix(): path for path in _PYTHON.rglob("*.py")}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def single_file() -> str:
    """`coverage_server.py` with all parts inside: the same text for the same parts."""
    texts = parts()
    program = texts.pop("coverage_server.py")
    before, found, after = program.partition(_EMPTY)
    if not found:
        raise AssertionError("coverage_server.py has lost the line that is to be filled")
    filled = "".join(f"    {name!r}: {_literal(text)},\n" for name, text in texts.items())
    return f"{before}PARTS = {{\n{filled}}}\n{after}"


def write_folder(out: Path) -> list[Path]:
    """Writes the injectable folder's files below `out`, which is made if need be; their paths."""
    written = []
    for name, text in parts().items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def write(out: Path) -> list[Path]:
    """Writes both forms: `out/coverage_server.py`, the single file, and `out/covey-agent/`, the injectable folder."""
    out.mkdir(parents=True, exist_ok=True)
    server = out / "coverage_server.py"
    server.write_text(single_file(), encoding="utf-8")
    return [server, *write_folder(out / "covey-agent")]


def dockerfile_lines(out: str = ".", port: int = 9095) -> str:
    """The lines for a Dockerfile, for what `write(out)` has written; `out` as seen from the build's context."""
    prefix = "" if out in ("", ".") else out.rstrip("/") + "/"
    return (
        "# Either: one file, and the command runs through it.\n"
        f"COPY {prefix}coverage_server.py /opt/covey/coverage_server.py\n"
        f"ENV COVERAGE_PORT={port}\n"
        'CMD ["python", "/opt/covey/coverage_server.py", "app.py"]\n'
        "\n"
        "# Or: a folder, and no command changes. Every Python of the container is recorded.\n"
        f"COPY {prefix}covey-agent/ /opt/covey/python/\n"
        f"ENV COVEY_AGENT=1 COVERAGE_PORT={port} PYTHONPATH=/opt/covey/python\n"
    )


def _literal(text: str) -> str:
    """A string literal that keeps its lines, so that the single file can be read and compared."""
    if "\\" not in text and "'''" not in text and not text.endswith("'"):
        return f"'''{text}'''"
    return "'''" + text.replace("\\", "\\\\").replace("'''", "\\'\\'\\'") + "'''"
