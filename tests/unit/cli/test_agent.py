"""`covey agent`: the files, and the lines for the Dockerfile."""

from __future__ import annotations

import re
import subprocess
import sys


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "covey", "agent", *arguments], capture_output=True, text=True, timeout=60, cwd=folder
    )


def test_the_lines_copy_what_was_written(tmp_path):
    done = run(tmp_path, "python", "-o", "agent")
    assert done.returncode == 0
    copied = re.findall(r"^COPY (\S+) ", done.stdout, re.MULTILINE)
    assert [(tmp_path / path).exists() for path in copied] == [True, True]
    assert len(done.stderr.splitlines()) == 1


def test_without_a_folder_nothing_is_written_and_that_is_said(tmp_path):
    done = run(tmp_path, "python")
    assert "COPY agent/coverage_server.py" in done.stdout
    assert "nothing was written" in done.stderr
    assert list(tmp_path.iterdir()) == []
