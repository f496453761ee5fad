"""What goes into images to record there. Nothing of it is imported here; it is text that is copied.

The agent for Python is the folder `python`: put on PYTHONPATH with COVEY_AGENT=1 it records every Python that starts;
`coverage_server.py` runs one program under it, and `single_file()` is that program with all its parts inside.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

_PYTHON = Path(__file__).parent / "python"
_EMPTY = "PARTS = {}  # path -> text; filled where this is a single file\n"


def folder() -> Path:
    """The agent's folder as installed with covey: fit for PYTHONPATH, and it holds `coverage_server.py`."""
    return _PYTHON


def environment(plain: Mapping[str, str]) -> dict[str, str]:
    """The environment that records every Python started with it: the agent's folder first, and switched on."""
    rest = [entry for entry in plain.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != str(_PYTHON)]
    return {**plain, "COVEY_AGENT": "1", "PYTHONPATH": os.pathsep.join([str(_PYTHON), *rest])}


def stop_helper(spool: Path) -> bool:
    """End the helper that serves a spool of this machine (`covey_agent.election`); whether there was one.

    The pid is believed only together with the start of its process, so nobody else is ever ended.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        _, pid, ticks, *_ = (spool / "helper").read_text(encoding="ascii").split()
        status = Path(f"/proc/{int(pid)}/stat").read_text(encoding="ascii", errors="replace")
        command = Path(f"/proc/{int(pid)}/cmdline").read_bytes()
        if status.rpartition(") ")[2].split()[19] == ticks and b"--covey-helper" in command:  # not a serving thread's
            os.kill(int(pid), signal.SIGTERM)
            return True
    return False


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
