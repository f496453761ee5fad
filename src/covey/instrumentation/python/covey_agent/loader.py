"""The core for Python 3.11 and earlier: code is given probes when it is loaded.

`SourceFileLoader.get_code` is where all ways to load a source file meet: import, `python -m`,
`spec_from_file_location`, other loaders that derive from it. The original is asked first whenever code has to be made,
so that errors, warnings and `__pycache__` are what they are without us. Code of a loader that reads or transforms
source in its own way is left alone and noted. When anything of ours fails, the application loads its file as without
us.

Known limits: what is not loaded but compiled by hand (`exec(compile(...))`) has no probes; functions that are pickled
by value and run in another container, or that are given a dictionary of builtins of their own, do not find theirs.
"""

from __future__ import annotations

import _imp
import atexit
import builtins
import sys

from covey_agent import VERSION, hooks
from covey_agent import sources as texts
from covey_agent import spool as spools
from covey_agent.codecache import CodeCache
from covey_agent.digest import sha256
from covey_agent.recorder import Recorder, is_of_the_application
from covey_agent.segment import NO_ACKNOWLEDGEMENT

_SHAPE = 1  # of probes.py, which is not imported as long as everything is in the cache
_external = sys.modules["_frozen_importlib_external"]


class ProbesCore:
    """Gives probes to what is loaded from now on."""

    def __init__(self, settings, sources, program: str) -> None:
        self.recorder = Recorder(settings, "probes", program, NO_ACKNOWLEDGEMENT)
        self.sources = sources
        self._planes = {}
        self._sinks = {}
        segment = self.recorder.segment()
        if segment is None:
            return
        self._cache = CodeCache(segment.folder, min(settings.spool_max, spools.share(segment.folder) // 4))
        self._stamped = sha256(_stamp())
        self._expect_functions_of_other_processes()
        _outlive(builtins.__dict__, self._sinks, self._planes)
        self._patch_loaders()
        hooks.install(self)

    def code(self, path: str, original, loader=None, kind: str = ""):
        """The code of the source at `path` (as the loader names it) with probes; `original()` if there are to be none.

        What `original` raises goes up."""
        known = self._guarded(path, lambda: self._known(path, loader, kind))
        if known is None:
            return original()
        source, key, code = known
        if code is None:
            plain = original()
            code = plain and (self._guarded(path, lambda: self._made(path, source, key, kind)) or plain)
        return code

    def _known(self, path, loader, kind):
        """The source, its key and its code with probes where that is in the cache; None for what is left alone."""
        full = texts.absolute(path)
        source = texts.read(full, loader, self.recorder.facts)
        if source is None or source.is_off():
            return None
        key = self._key(source, path, kind)
        found = self._cache.get(key)
        if found is None:
            return source, key, None
        self.place(_name(key), full, source.digest, max(found[0], source.lines))
        return source, key, found[1]

    def _made(self, path, source, key, kind):
        from covey_agent import probes

        if not kind and _has_code_of_another_source(path, source.data()):
            self.recorder.note(texts.absolute(path))
            return None
        code, lines, warned = probes.compiled(source.data(), path, _name(key), kind == "main")
        if not warned:
            self._cache.put(key, lines, code)  # else the application is to be warned next time too
        elif kind == "main":
            compile(source.data(), path, "exec", dont_inherit=True)  # nobody else compiles it
        self.place(_name(key), texts.absolute(path), source.digest, max(lines, source.lines))
        return code

    def _guarded(self, path, step):
        """What the step gives. When it fails the file is not recorded and the application loads it as without us."""
        try:
            return step()
        except Exception as error:
            if is_of_the_application(error):
                raise
            self.recorder.note(texts.absolute(path))
            return None

    def place(self, name: str, path: str, digest: bytes, lines: int) -> None:
        """Puts the plane that a file's probes store into among the builtins; without room one that nobody reads."""
        if name in self._planes:
            return
        plane = self.recorder.plane(path, digest, lines)
        self._planes[name] = plane = bytearray(lines + 1) if plane is None else plane
        setattr(builtins, name, plane)

    def name_for(self, source, path: str, kind: str) -> str:
        """The name for probes of code that is not kept in the cache, as a test module's that pytest rewrites."""
        return _name(self._key(source, path, kind))

    def _key(self, source, path, kind):
        key = self._stamped.copy()
        key.update(source.digest + f"{kind}\0{path}".encode("utf-8", "surrogateescape"))
        return key.digest()

    def _expect_functions_of_other_processes(self):
        """A function pickled by value may come here from a process that has loaded its file, as to a worker of joblib;
        here that file may be unknown. Its probes then store into a plane that nobody reads."""
        known = self._cache.names()
        sink = bytearray(max((lines for _, lines in known), default=0) + 1)
        self._sinks.update((_name(key), sink) for key, _ in known)
        builtins.__dict__.update(self._sinks)

    def _patch_loaders(self):
        core, plain_get_code = self, _external.SourceFileLoader.get_code
        transform, read = _external.SourceLoader.source_to_code, _external.SourceFileLoader.get_data
        absolute, wanted = texts.absolute, self.sources.wanted

        def get_code(self, fullname):
            path = self.get_filename(fullname)
            full = absolute(path)
            if not wanted(full):
                return plain_get_code(self, fullname)
            if type(self).source_to_code is not transform or type(self).get_data is not read:
                core.recorder.note(full)
                return plain_get_code(self, fullname)
            return core.code(path, lambda: plain_get_code(self, fullname), self)

        _external.SourceFileLoader.get_code = get_code
        self._patch_archives()

    def _patch_archives(self):
        zipimport = sys.modules.get("zipimport")
        plain = getattr(zipimport, "_get_module_code", None)
        if plain is None:
            return

        def get_module_code(importer, fullname):
            code, is_package, where = plain(importer, fullname)
            path = where[:-1] if where.endswith(".pyc") else where
            if self.sources.wanted(texts.absolute(path)):
                code = self.code(path, lambda: code, importer)
            return code, is_package, where

        zipimport._get_module_code = get_module_code


def _has_code_of_another_source(path, data):
    """Whether Python runs a compiled file of another source on purpose: one with a hash that it does not look at
    (PEP 552)."""
    try:
        with open(_external.cache_from_source(path), "rb") as file:
            magic, flags, digest = file.read(4), int.from_bytes(file.read(4), "little"), file.read(8)
    except (OSError, NotImplementedError):  # there is no compiled file, or no place for one
        return False
    looks = {"always": True, "never": False}.get(_imp.check_hash_based_pycs, bool(flags & 2))
    if magic != _external.MAGIC_NUMBER or not flags & 1 or looks:
        return False
    return digest != _imp.source_hash(int.from_bytes(magic, "little"), data)


def _outlive(names, *found):
    """Keeps what is `found` (name -> plane) in `names`, the builtins, to the very end.

    Python ends in steps (`finalize_modules` of CPython). First it puts the builtins of its start back; then it destroys
    what modules still hold, and `__del__` and the `finally` of suspended generators run, which may be code with probes.
    Then it sets all names of `builtins` to None, in their order, and destroys what other parts of it still hold, as
    context variables and codecs. Each time an object that goes with the old names puts ours back."""
    names["_covey_first"] = _Guard(names, *found)  # goes before what the application has put among the builtins

    def at_exit():  # this one is in no copy that the application has made of them
        last = _Guard(names, *found)
        names["_covey_restored"] = _Guard(names, *found, {"covey, when all names are None": last})

    atexit.register(at_exit)


class _Guard:
    """Puts names back when it goes. Uses nothing but what it has: builtins may be gone by then."""

    __slots__ = ("_found", "_names")

    def __init__(self, names, *found):
        self._names = names
        self._found = found

    def __del__(self):
        for found in self._found:
            self._names.update(found)


def _name(key):
    # One leading underscore: two would be mangled inside classes.
    return "_covey_" + key[:10].hex()


def _stamp():
    """What makes cached code another: the agent, the shape of its probes, the interpreter and its optimisation."""
    return f"{VERSION}\0{_SHAPE}\0{sys.version}\0{sys.flags.optimize}\0".encode() + _external.MAGIC_NUMBER
