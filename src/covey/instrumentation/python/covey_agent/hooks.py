"""Code that no loader hands out, for probes: the main script, scripts that runpy compiles, tests that pytest rewrites.

**The main script.** `python app.py` compiles app.py without asking a loader, unless app.py is something that an entry
of `sys.path_hooks` claims, as a zip file: then runpy runs what the finder there gives. Ours claims exactly this script,
once, and only when its code with probes could be made, and a small stand-in runs it in place of runpy, where that is
not loaded. The script's first statement then puts back what was set otherwise: `__spec__`, `__file__`, `__cached__`,
`__loader__` and `sys.path[0]`.
"""

from __future__ import annotations

import builtins
import os
import stat
import sys

from covey_agent import sources as texts
from covey_agent.recorder import is_of_the_application

_RESET = "_covey_main"
_bootstrap = sys.modules["_frozen_importlib"]
_external = sys.modules["_frozen_importlib_external"]


def install(core) -> None:
    """`core` is the ProbesCore."""
    if core.sources.main:
        sys.path_hooks.append(_MainHook(core))
    sys.meta_path.insert(0, _After({"runpy": _patch_runpy, "_pytest.assertion.rewrite": _patch_pytest}, core))


class _MainHook:
    """The entry of sys.path_hooks."""

    def __init__(self, core):
        self._core = core

    def __call__(self, path):
        core = self._core
        if (
            not isinstance(path, str)
            or texts.absolute(path) != core.sources.main
            or not core.sources.wanted(texts.absolute(path))
        ):
            raise ImportError("not the main script")
        code = self._code(path)
        if code is None:
            raise ImportError("no code to give probes to")
        sys.path_hooks.remove(self)
        setattr(builtins, _RESET, _reset(path))
        sys.modules.setdefault("runpy", _stand_in(code))
        return _MainFinder(path, code)

    def _code(self, path):
        try:
            if not stat.S_ISREG(os.stat(path).st_mode) or _is_compiled(path):
                return None
            code = self._core.code(path, lambda: True, kind="main")
            return None if code is True else code
        except Exception as error:  # Python itself then says what is wrong with the script
            if is_of_the_application(error):
                raise
            return None


def _stand_in(code):
    """What Python finds when it asks for runpy to run the script, unless that is loaded already; it goes when called.
    runpy would load a dozen modules, `re` and `typing` among them, that the application may have no use for."""

    def run(_name, _alter_argv):
        del sys.modules["runpy"]
        exec(code, sys.modules["__main__"].__dict__)

    module = type(sys)("runpy")
    module._run_module_as_main = run
    return module


class _MainFinder:
    """Finder and loader of `__main__`, and of nothing else."""

    def __init__(self, path, code):
        self._path = path
        self._code = code

    def find_spec(self, name, target=None):  # noqa: ARG002 - the names that importlib has
        return _bootstrap.ModuleSpec(name, self, origin=self._path) if name == "__main__" and self._code else None

    def get_code(self, name):  # noqa: ARG002
        return self._code


def _is_compiled(path):
    with open(path, "rb") as file:
        return file.read(4) == _external.MAGIC_NUMBER


def _reset(path):
    """The builtin that the script calls first. It takes itself away."""

    def reset():
        here = sys._getframe(1).f_globals
        here.update(
            __spec__=None,
            __file__=path,
            __cached__=None,
            __package__=None,
            __loader__=_external.SourceFileLoader("__main__", path),
        )
        delattr(builtins, _RESET)
        sys.path_importer_cache.pop(path, None)
        if sys.path and sys.path[0] == path:
            # What Python does with a script's path: links resolved, unless told to leave sys.path alone.
            if getattr(sys.flags, "safe_path", False) or sys.flags.isolated:
                del sys.path[0]
            else:
                sys.path[0] = os.path.dirname(os.path.realpath(path))

    return reset


class _After:
    """Finds nothing itself. Modules in `actions` are loaded as ever, then handed to their action with the core."""

    def __init__(self, actions, core):
        self._actions = actions
        self._core = core
        for name in list(actions):
            if name in sys.modules:
                self._actions.pop(name)(sys.modules[name], core)

    def find_spec(self, name, path=None, target=None):
        if name not in self._actions:
            return None
        action = self._actions.pop(name)
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, lambda module: action(module, self._core))
                return spec
        return None


class _Loader:
    """Stands for a loader until the module has run, then puts it back."""

    def __init__(self, loader, then):
        self._loader = loader
        self._then = then

    def create_module(self, spec):
        create = getattr(self._loader, "create_module", None)
        return create(spec) if create is not None else None

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then(module)

    def __getattr__(self, name):
        return getattr(self._loader, name)


def _patch_runpy(runpy, core):
    """`runpy.run_path`, which multiprocessing's spawned children load the main script with."""
    plain = getattr(runpy, "_get_code_from_file", None)
    if plain is None:
        return

    def get_code_from_file(*arguments):
        found = plain(*arguments)
        path = os.fsdecode(arguments[-1])
        if not core.sources.wanted(texts.absolute(path)):
            return found
        if isinstance(found, tuple):  # until 3.11: (code, path)
            return (core.code(path, lambda: found[0]), *found[1:])
        return core.code(path, lambda: found)

    runpy._get_code_from_file = get_code_from_file


def _patch_pytest(rewrite, core):
    """pytest compiles test modules itself, rewritten, keeps that code in files and executes it. Here the last step is
    ours: what is executed is rewritten by pytest and then given probes; what is kept is not."""
    rewrite_asserts = getattr(rewrite, "rewrite_asserts", None)
    if rewrite_asserts is None:
        return

    def execute(code, namespace):
        path = getattr(code, "co_filename", "")
        if core.sources.wanted(texts.absolute(path)):
            code = _rewritten(path, namespace.get("__loader__"), core, rewrite_asserts) or code
        exec(code, namespace)

    rewrite.exec = execute


def _rewritten(path, loader, core, rewrite_asserts):
    """The code of a test module with pytest's assertions and probes; None when it cannot be made."""
    full = texts.absolute(path)
    source = texts.read(full)
    if source is None or source.is_off():
        return None
    try:
        from covey_agent import probes

        tree = probes.parsed(source.data())
        rewrite_asserts(tree, source.data(), path, loader.config)
        name = core.name_for(source, path, "pytest")
        code, lines = probes.compiled_tree(tree, path, name)
    except Exception as error:
        if is_of_the_application(error):
            raise
        core.recorder.note(full)
        return None
    core.place(name, full, source.digest, max(lines, source.lines))
    return code
