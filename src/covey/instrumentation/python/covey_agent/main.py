"""The wrapper: `coverage_server.py app.py ARGS` and `coverage_server.py -m flask run`.

It does not run the application itself: it puts the agent's folder first on PYTHONPATH, sets COVEY_AGENT=1 and
*becomes* `python app.py ARGS` by exec. So `__main__`, `sys.argv`, `sys.path[0]`, pid, signals and exit code are exactly
what they are without it, and every Python the application starts is recorded as well. As a single file it first lays
its parts into a folder beside the spool, as a child needs them as files. Interpreters that ignore the environment
(`-I`, `-E`, `-S`) cannot be reached that way: then the application runs in this process, its children are not seen.
"""

from __future__ import annotations

import os
import sys

from covey_agent import processes
from covey_agent import settings as options
from covey_agent import spool as spools
from covey_agent.digest import sha256
from covey_agent.recorder import say

USAGE = """usage: {0} SCRIPT [ARGS...]
       {0} -m MODULE [ARGS...]
Runs a Python program under covey's agent, which answers on port COVERAGE_PORT (9095). COVEY_AGENT=0 runs it without.
"""


def main(arguments: list, parts: dict) -> None:
    """Runs what the arguments name; does not return. `parts`: path -> text of the agent's files, empty when they are
    the files beside this one."""
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["-m"]:
        asked = bool(arguments) and arguments[0] != "-m"
        (sys.stdout if asked else sys.stderr).write(USAGE.format(os.path.basename(sys.argv[0])))
        sys.exit(0 if asked else 2)
    environ = dict(os.environ)
    if environ.get("COVEY_AGENT") != "0":
        environ["COVEY_AGENT"] = "1"
        folder = (
            place(parts, options.read(environ))
            if parts
            else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        )
        if folder is None or not _environment_counts():
            _run_here(arguments)
            return
        rest = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != folder]
        environ["PYTHONPATH"] = os.pathsep.join([folder, *rest])
    _become(arguments, environ)


def place(parts: dict, settings) -> str | None:
    """Writes the parts into a folder that only this user and root can change, and everyone can read; its path.

    The name holds the digest of the parts, so that versions do not meet. None, with a line said, when there is no
    such place."""
    text = "\0".join(name + "\0" + parts[name] for name in sorted(parts))
    name = f"agent-u{os.geteuid()}-{sha256(text.encode()).hexdigest()[:16]}"
    refused = []
    for root in spools.roots(settings):
        try:
            spools.make_root(root)
            if not spools.is_safe_parent(root):
                raise PermissionError(1, "others can change it", root)
            folder = os.path.join(root, name)
            if not _holds(folder, parts):
                _write(folder, parts)
            return folder
        except OSError as error:
            refused.append(f"{root} ({error.strerror or error})")
    say("child processes are not recorded, no place for the agent's files: " + ", ".join(refused))
    return None


def _holds(folder, parts):
    """Whether the folder is ours and holds exactly the parts."""
    try:
        if not spools.is_safe_parent(folder):
            return False
        for name, text in parts.items():
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                if file.read() != text:
                    return False
        return True
    except (OSError, UnicodeDecodeError):
        return False


def _write(folder, parts):
    """Writes beside the folder, then renames: nobody sees half an agent. A wrong folder of that name is put aside."""
    fresh = f"{folder}.{os.urandom(6).hex()}"
    os.mkdir(fresh)
    for name, text in parts.items():
        path = os.path.join(fresh, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.chmod(os.path.dirname(path), 0o755)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
    try:
        os.rename(fresh, folder)
    except OSError:
        if not _holds(folder, parts):  # not another process that was first
            os.rename(folder, f"{folder}.{os.urandom(6).hex()}")
            os.rename(fresh, folder)


def _environment_counts():
    """Whether an interpreter started as this one was reads PYTHONPATH and imports sitecustomize."""
    return bool(sys.executable) and not (sys.flags.ignore_environment or sys.flags.no_site or sys.flags.isolated)


def _become(arguments, environ):
    import signal

    # Python ignores these from its start on, and what is ignored stays so through exec: the application's
    # interpreter has to find them as ours did.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, _interpreter() + arguments, environ)


def _interpreter():
    """How this interpreter was called, with its options, up to our own name."""
    called = processes.command_line()
    count = len(called) - len(sys.argv)
    return called[:count] if count > 0 else [sys.executable]


def _run_here(arguments):
    """In this process."""
    import runpy

    from covey_agent.start import start

    module = arguments[0] == "-m"
    sys.argv[:] = arguments[1:] if module else arguments
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path[0] = os.getcwd() if module else os.path.dirname(os.path.realpath(arguments[0]))
    start()
    if module:
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif os.path.isdir(arguments[0]):
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        _run_script(os.path.abspath(arguments[0]))


def _run_script(path):
    """As `python SCRIPT` does, in a module `__main__` of its own; runpy would set `__package__` and keep a copy."""
    from covey_agent.start import code_of

    with open(path, "rb") as file:
        data = file.read()
    main = type(sys)("__main__")
    main.__dict__.update(__file__=path, __cached__=None, __builtins__=sys.modules["builtins"])
    main.__loader__ = sys.modules["_frozen_importlib_external"].SourceFileLoader("__main__", path)
    code = code_of(path, lambda: compile(data, path, "exec", dont_inherit=True))
    sys.modules["__main__"] = main
    exec(code, main.__dict__)
