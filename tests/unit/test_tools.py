from __future__ import annotations

import os
import signal
import sys
import time

import anyio
import pytest

from covey import tools
from covey.errors import ToolError

PYTHON = sys.executable


def run(*argv, **options):
    return anyio.run(lambda: tools.run(argv, **options))


def test_gives_what_a_program_prints():
    code = "import os, sys; sys.stdout.write(sys.stdin.read() + os.environ['WORD'])"
    assert run(PYTHON, "-c", code, stdin=b"in ", env={"WORD": "env"}) == b"in env"


def test_a_missing_program_is_named_with_its_cure():
    with pytest.raises(ToolError, match="'nonesuch-program' is not on PATH") as failed:
        run("nonesuch-program")
    assert failed.value.hint == "install nonesuch-program"


def test_a_failure_tells_its_last_words_without_control_characters():
    code = "import sys; print('one\\ntwo\\n\\x1b[31mthree', file=sys.stderr); sys.exit(4)"
    with pytest.raises(ToolError, match="exit code 4: one / two") as failed:
        run(PYTHON, "-c", code)
    assert "\x1b" not in str(failed.value)


def test_a_flood_and_a_sleeper_are_ended():
    with pytest.raises(ToolError, match="prints more than 1000 bytes"):
        run(PYTHON, "-c", "while True: print('x' * 100)", most=1000)
    with pytest.raises(ToolError, match=r"did not end within 0\.3 s"):
        run(PYTHON, "-c", "import time; time.sleep(60)", seconds=0.3)


def test_stdin_that_nobody_reads_and_stderr_that_nobody_wants_do_not_stop_it():
    code = "import sys; sys.stderr.write('e' * 300_000); print('done')"
    assert run(PYTHON, "-c", code, stdin=b"x" * 300_000) == b"done\n"


def test_what_a_program_leaves_running_is_neither_waited_for_nor_ended():
    sleeper = "[sys.executable, '-c', 'import time; time.sleep(600)'], stdout=subprocess.DEVNULL"
    code = f"import subprocess, sys; print(subprocess.Popen({sleeper}).pid)"

    async def bounded():
        with anyio.fail_after(60):
            return int(await tools.run([PYTHON, "-W", "ignore", "-c", code], seconds=600))

    pid = anyio.run(bounded)
    assert _lives(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_child_that_ignores_the_request_ends_with_the_block_and_so_do_its_own():
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), os.fork() or 0, flush=True)\n"
        "time.sleep(600)"
    )
    pids = []

    async def use():
        async with tools.child([PYTHON, "-c", code]) as process:
            said = b""
            while said.count(b"\n") < 2:
                said += await process.stdout.receive()
            pids.extend({int(word) for word in said.split()} - {0})

    anyio.run(use)
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(map(_lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_lives, pids))


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
