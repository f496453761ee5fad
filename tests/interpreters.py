"""The Pythons that the agent is tested on, and an environment with packages for each.

Looked for in this order: `COVEY_TEST_PYTHONS` (paths, separated by `:`), `python3.X` on PATH, pyenv's versions. A test
whose Python is not here skips and says so.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
PROBES = ("3.9", "3.10", "3.11")
MONITORING = ("3.12", "3.13")
ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements" / "oracle.txt"


def find(version: str) -> Path:
    """The interpreter of that version (`3.11`); skips the test when there is none."""
    found = locate(version)
    if found is None:
        pytest.skip(f"no Python {version}: name one in COVEY_TEST_PYTHONS, or put python{version} on PATH")
    return found


@functools.cache
def locate(version: str) -> Path | None:
    """The interpreter of that version (`3.11`); None when there is none."""
    for candidate in _candidates(version):
        told = _ask(candidate) if os.access(candidate, os.X_OK) else []
        if told[:1] == [version]:
            return Path(told[1])
    return None


def _candidates(version: str) -> list[Path]:
    named = [Path(entry) for entry in os.environ.get("COVEY_TEST_PYTHONS", "").split(os.pathsep) if entry]
    on_path = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    installed = sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    return [*named, *([Path(on_path)] if on_path else []), *reversed(installed)]


def _ask(python: Path) -> list[str]:
    """Version and true place (a starter on PATH may be a script); nothing for other implementations."""
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable, end='')"
    code += " if sys.implementation.name == 'cpython' else None"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.split(maxsplit=1) if done.returncode == 0 else []


def with_packages(version: str) -> Path:
    """An interpreter of that version in an environment with `requirements/oracle.txt`; made once, in `.cache/venvs`."""
    python = find(version)
    stamp = hashlib.sha256(REQUIREMENTS.read_bytes() + str(python.resolve()).encode()).hexdigest()[:12]
    environment = ROOT / ".cache" / "venvs" / f"oracle-{version}-{stamp}"
    done = environment / "complete"
    environment.parent.mkdir(parents=True, exist_ok=True)
    with (environment.parent / f"oracle-{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another pytest of this checkout may be making it
        if not done.exists():
            uv = _uv()
            _run(uv, "venv", "--quiet", "--clear", "--python", str(python), str(environment))
            target = str(environment / "bin" / "python")
            _run(uv, "pip", "install", "--quiet", "--require-hashes", "--python", target, "-r", str(REQUIREMENTS))
            done.touch()
    return environment / "bin" / "python"


def _uv() -> str:
    here = (Path(sys.executable).parent / "uv", ROOT / ".cache" / "uv" / "bin" / "uv", shutil.which("uv"))
    for candidate in here:
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    pytest.skip("no uv to make an environment with: run `make setup`")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
