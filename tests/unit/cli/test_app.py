"""The command line's frame, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import covey


def run(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "covey", *arguments], capture_output=True, text=True, timeout=60, **more
    )


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"covey {covey.__version__}\n")


def test_version_imports_nothing_but_click():
    code = (
        "import sys; from covey.cli import app; app.run(['--version'])\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreign = set(done.stdout.splitlines()[-1].split())
    assert {name for name in foreign if not name.startswith("_")} == {"click", "covey"}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["report", "--help"], ["collect", "-h"]])
def test_help(arguments):
    done = run(*arguments)
    assert done.returncode == 0
    assert "Examples" in done.stdout


def test_no_verb_shows_the_help_and_is_refused():
    done = run()
    assert done.returncode == 2
    assert "Commands" in done.stdout + done.stderr


def test_a_near_miss_is_named():
    done = run("colect")
    assert done.returncode == 2
    assert "Did you mean 'collect'?" in done.stderr


def test_a_wrong_input_is_one_clear_message():
    done = run("report", "/does/not/exist")
    assert done.returncode == 2
    made = "covey collect -o /does/not/exist makes a bundle of that name"
    assert done.stderr == f"error: /does/not/exist does not exist\n  {made}\n"
    assert done.stdout == ""


def test_of_a_wrong_name_the_nearest_that_is_there_is_named(tmp_path):
    (tmp_path / "coverage.xml").write_text("<coverage/>")
    missing = tmp_path / "coverag.xml"
    assert run("report", str(missing)).stderr == (
        f"error: {missing} does not exist\n  did you mean {tmp_path / 'coverage.xml'}?\n"
    )
    told = run("report", str(tmp_path / "lcov.info")).stderr.splitlines()[1]
    assert told == f"  {tmp_path.resolve()} has nothing of a like name; name a folder to read all reports in it"
    assert "  there is no folder /does/not either" in run("report", "/does/not/exist.xml").stderr


def test_nothing_to_read_is_refused_with_its_cure():
    done = run("report")
    assert done.returncode == 2
    assert "name bundles or reports" in done.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    report = tmp_path / "a.json"
    files = ",".join(f'"f{number}.py": {{"mode": "set", "lines": {{"1": 1}}}}' for number in range(20_000))
    report.write_text(f'{{"schema": "covey.report/1", "files": {{{files}}}}}')
    shell = f"{sys.executable} -m covey report {report} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=120)
    assert done.stderr == ""
    assert done.returncode == 0


def test_ctrl_c_while_covey_is_loaded_is_no_traceback():
    code = (
        "import sys, runpy\n"
        "class Pressed:\n"
        "    def find_spec(name, *_):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed)\n"
        "runpy.run_module('covey', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "covey: interrupted\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    assert "_COVEY_COMPLETE" in run("completion", shell).stdout


def test_completion_completes_verbs():
    env = os.environ | {"_COVEY_COMPLETE": "bash_complete", "COMP_WORDS": "covey re", "COMP_CWORD": "1"}
    assert set(run(env=env).stdout.split()) == {"plain,report", "plain,reset"}


def test_the_public_names_are_sorted_lazy_and_there():
    assert covey.__all__ == sorted(covey.__all__)
    for name in covey.__all__:
        assert getattr(covey, name) is not None
    code = "import sys, covey; print(len([n for n in sys.modules if n.startswith('covey')]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
