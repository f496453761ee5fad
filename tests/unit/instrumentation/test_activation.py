"""The ways in: by environment, by the wrapper, by the single file; and what is recorded of what is loaded how."""

from __future__ import annotations

import os
import subprocess
import zipfile

import agent_runs
import interpreters
import pytest

from covey import instrumentation

MAIN = """
    import os, sys
    import near
    print(__name__, __spec__, __package__, os.path.basename(__file__), sys.argv[1:], sys.path[0], near.pid != 0)
    sys.exit(len(sys.argv))
"""


@pytest.fixture
def program(lab):
    lab.write("near.py", "import os\npid = os.getpid()\n")
    return lab.write("app.py", MAIN)


@pytest.fixture
def single(lab):
    """The one file, in a folder of its own."""
    (lab.folder / "opt").mkdir()
    path = lab.folder / "opt" / "coverage_server.py"
    path.write_text(instrumentation.single_file())
    return path


def test_the_single_file_holds_the_parts():
    names = {"__name__": "not main"}
    exec(compile(instrumentation.single_file(), "coverage_server.py", "exec"), names)
    parts = instrumentation.parts()
    parts.pop("coverage_server.py")
    assert names["PARTS"] == parts
    assert "covey_agent/start.py" in parts
    assert "sitecustomize.py" in parts
    assert instrumentation.single_file() == instrumentation.single_file()


def test_what_is_written_for_an_image(tmp_path):
    written = instrumentation.write(tmp_path / "out")
    assert written[0].read_text() == instrumentation.single_file()
    assert {path.relative_to(tmp_path / "out" / "covey-agent").as_posix() for path in written[1:]} == set(
        instrumentation.parts()
    )
    lines = instrumentation.dockerfile_lines("build", 9100)
    assert "COPY build/coverage_server.py " in lines
    assert "COVERAGE_PORT=9100" in lines
    assert "COVEY_AGENT=1" in lines


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_all_parts_compile_on_every_python(version, tmp_path):
    python = interpreters.find(version)
    instrumentation.write(tmp_path)
    command = [python, "-W", "error", "-m", "compileall", "-q", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def wrapped(lab, *arguments, **options):
    env = {"COVEY_AGENT": "", "PYTHONPATH": "", **options.pop("env", {})}
    return lab.run(*arguments, **options, env=env)


@pytest.mark.parametrize("options", [[], ["-u"], ["-X", "dev"], ["-E"], ["-S"]])
def test_the_wrapper_is_as_python_itself(lab, program, single, options):
    plain = lab.run(*options, program, "a", "-b", spool=None)
    done = wrapped(lab, *options, single, program, "a", "-b")
    assert (done.returncode, done.stdout, done.stderr) == (plain.returncode, plain.stdout, "")
    assert lab.saw(program, "sys.exit")
    assert set(agent_runs.recorded(lab.spool)) == {str(program), str(lab.folder / "near.py")}


def test_the_wrapper_runs_modules(lab, single):
    package = lab.write("pack/__init__.py", "")
    module = lab.write("pack/__main__.py", "import sys\nprint(__name__, __package__, sys.argv[1:], sys.path[0])\n")
    plain = lab.run("-m", "pack", "x", spool=None, cwd=lab.folder)
    done = wrapped(lab, single, "-m", "pack", "x", cwd=lab.folder)
    assert (done.stdout, done.stderr) == (plain.stdout, "")
    assert lab.ran(module) == {1, 2}
    assert set(agent_runs.recorded(lab.spool)) <= {str(package), str(module)}


def test_children_of_the_wrapped_program_are_recorded(lab, single):
    child = lab.write("child.py", "x = 1\n")
    script = lab.write("app.py", "import subprocess, sys\nsubprocess.run([sys.executable, sys.argv[1]])\n")
    done = wrapped(lab, single, script, child)
    assert (done.returncode, done.stderr) == (0, "")
    assert lab.ran(child) == {1}


def test_the_wrapper_of_the_folder(lab, program):
    done = wrapped(lab, agent_runs.AGENT / "coverage_server.py", program)
    assert (done.returncode, done.stderr) == (1, "")
    assert lab.saw(program, "sys.exit")


def test_the_wrapper_with_the_agent_switched_off(lab, program, single):
    done = wrapped(lab, single, program, env={"COVEY_AGENT": "0"})
    assert (done.returncode, done.stderr) == (1, "")
    assert not lab.spool.exists()


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["-m"], 2), (["--help"], 0)])
def test_the_wrapper_without_a_program(newest, arguments, code):
    server = agent_runs.AGENT / "coverage_server.py"
    done = newest.run(server, *arguments, env={"COVEY_AGENT": "", "PYTHONPATH": ""})
    assert done.returncode == code
    assert "usage: coverage_server.py SCRIPT" in done.stdout + done.stderr


def test_parts_that_somebody_has_changed_are_laid_anew(newest):
    server = newest.folder / "coverage_server.py"
    server.write_text(instrumentation.single_file())
    script = newest.write("app.py", "print('ran')\n")
    wrapped(newest, server, script)
    (agent,) = newest.spool.glob("agent-*")
    (agent / "sitecustomize.py").write_text("raise SystemExit('changed')\n")
    done = wrapped(newest, server, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_the_sitecustomize_that_ours_hides_runs(lab):
    lab.write("hidden/sitecustomize.py", "import sys\nsys.hidden = __name__, __file__\n")
    script = lab.write("app.py", "import sys, sitecustomize\nprint(sys.hidden, sitecustomize.__file__)\n")
    path = os.pathsep.join([str(agent_runs.AGENT), str(lab.folder / "hidden")])
    done = lab.run(script, env={"PYTHONPATH": path})
    hidden = str(lab.folder / "hidden" / "sitecustomize.py")
    assert (done.stdout, done.stderr) == (f"('sitecustomize', '{hidden}') {hidden}\n", "")
    assert lab.ran(script) == {1, 2}


def test_an_error_in_the_hidden_sitecustomize_is_told_as_python_tells_it(lab):
    lab.write("hidden/sitecustomize.py", "raise ValueError('its own')\n")
    script = lab.write("app.py", "print('ran')\n")
    path = os.pathsep.join([str(agent_runs.AGENT), str(lab.folder / "hidden")])
    without = lab.run(script, env={"PYTHONPATH": str(lab.folder / "hidden")}, spool=None)
    done = lab.run(script, env={"PYTHONPATH": path})
    assert (done.stdout, done.stderr) == (without.stdout, without.stderr)
    assert lab.ran(script) == {1}


def test_a_script_behind_a_link(lab):
    lab.write("real/near.py", "pid = 0\n")
    real = lab.write("real/app.py", MAIN)
    (lab.folder / "linked.py").symlink_to(real)
    without, done = lab.both(lab.folder / "linked.py", "x")
    assert (done.returncode, done.stdout) == (without.returncode, without.stdout)
    assert lab.saw(lab.folder / "linked.py", "sys.exit")


def test_a_relative_script_that_changes_its_folder(lab):
    script = lab.write("app.py", "import os\nos.chdir('/')\ndef f():\n    return 1\nf()\n")
    done = lab.run("app.py", cwd=lab.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert lab.ran(script) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("way", ["folder", "zip", "stdin", "-c", "pyc"])
def test_other_ways_to_start(lab, way):
    text = "import near\nprint(__name__, near.__name__)\n"
    lab.write("pack/near.py", "x = 1\n")
    main = lab.write("pack/__main__.py", text)
    arguments, options = [lab.folder / "pack"], {}
    if way == "zip":
        with zipfile.ZipFile(lab.folder / "app.pyz", "w") as archive:
            for name in ("near.py", "__main__.py"):
                archive.write(lab.folder / "pack" / name, name)
        arguments = [lab.folder / "app.pyz"]
    elif way == "stdin":
        arguments, options = ["-"], {"input": text, "cwd": lab.folder / "pack"}
    elif way == "-c":
        arguments, options = ["-c", text], {"cwd": lab.folder / "pack"}
    elif way == "pyc":
        code = "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2])"
        lab.run("-c", code, main, lab.folder / "pack" / "made.pyc", spool=None)
        arguments = [lab.folder / "pack" / "made.pyc"]
    without, done = lab.both(*arguments, **options)
    assert (done.returncode, done.stdout, done.stderr) == (0, without.stdout, without.stderr)
    near = lab.folder / ("app.pyz" if way == "zip" else "pack") / "near.py"
    assert agent_runs.recorded(lab.spool)[str(near)] == {1}
    if way in ("folder", "zip"):
        assert agent_runs.recorded(lab.spool)[str(near.with_name("__main__.py"))] == {1, 2}


LOADED = """
    import importlib.util, importlib, runpy, sys, time, os
    spec = importlib.util.spec_from_file_location("named", sys.argv[1] + "/plugin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    runpy.run_path(sys.argv[1] + "/ran.py")
    import changing
    with open(changing.__file__, "w") as file:
        file.write("x = 1\\n" * 20)
    os.utime(changing.__file__, (1, 1))
    importlib.reload(changing)
    import off, broken
"""


def test_what_is_loaded_by_hand_or_again(lab):
    plugin, ran = lab.write("plugin.py", "x = 1\n"), lab.write("ran.py", "y = 1\n\nz = 1\n")
    changing, off = lab.write("changing.py", "x = 1\n"), lab.write("off.py", "# covey: off\nx = 1\n")
    lab.write("broken.py", "x = = 1\n")
    script = lab.write("app.py", LOADED)
    without, done = lab.both(script, lab.folder)
    changing.write_text("x = 1\n")
    done = lab.run(script, lab.folder)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-4:] == without.stderr.splitlines()[-4:]
    assert "SyntaxError" in done.stderr
    assert lab.ran(plugin) == {1}
    assert lab.ran(ran) == {1, 3}
    assert lab.ran(changing) == set(range(1, 21))
    assert str(off) not in agent_runs.recorded(lab.spool)


def test_the_bytecode_of_the_application_has_no_probes(lab):
    """What lies in __pycache__ is used without the agent too."""
    lab.write("near.py", "x = 1\n")
    script = lab.write("app.py", "import near\nprint(near.x)\n")
    for _ in range(2):
        assert lab.run(script).stdout == "1\n"
    assert list(lab.folder.glob("__pycache__/near.*.pyc"))
    assert lab.run(script, spool=None).stdout == "1\n"


def test_modules_that_were_loaded_too_early_are_named(lab):
    """As by a `.pth` file of site-packages: what they ran is unknown, which is not never."""
    early = lab.write("early.py", "x = 1\n")
    lab.write(
        "sitecustomize.py",
        f"import sys\nsys.path.insert(0, {str(agent_runs.AGENT)!r})\nimport early\n"
        "from covey_agent.start import start\nstart()\n",
    )
    script = lab.write("app.py", "import early\n")
    done = lab.run(script, env={"PYTHONPATH": str(lab.folder)})
    assert (done.returncode, done.stderr) == (0, "")
    assert str(early) in agent_runs.notes(lab.spool)
    assert str(script) not in agent_runs.notes(lab.spool)


def test_other_tools_find_their_places_free(newest):
    if newest.core != "monitoring":
        pytest.skip("sys.monitoring is of Python 3.12")
    code = "import sys; print([sys.monitoring.get_tool(n) for n in range(6)])"
    done = newest.run(newest.write("app.py", code + "\n"))
    assert done.stdout == "[None, None, None, 'covey', None, None]\n"


def test_coverage_and_the_agent_side_by_side(lab):
    lab.python = interpreters.with_packages(lab.version)
    script = lab.write("app.py", "def f():\n    return 1\nf()\n")
    for core in ("ctrace", "sysmon") if lab.core == "monitoring" else ("ctrace",):
        options = {"env": {"COVERAGE_CORE": core}, "cwd": lab.folder}
        done = lab.run("-m", "coverage", "run", "--data-file", "side.data", script, **options)
        assert (done.returncode, done.stderr) == (0, "")
        told = lab.run("-m", "coverage", "report", "--data-file", "side.data", spool=None, cwd=lab.folder)
        assert "100%" in told.stdout
    if lab.core == "monitoring":  # probes are put in by loaders; coverage.py compiles the script itself
        assert lab.ran(script) == {1, 2, 3}


def test_an_unknown_setting_costs_one_line(newest):
    done = newest.run(newest.write("app.py", "print('ran')\n"), env={"COVEY_AGENT_CORE": "magic"})
    assert done.stdout == "ran\n"
    assert done.stderr.count("\n") == 1
    assert "COVEY_AGENT_CORE" in done.stderr
