"""Run a Python program under covey's agent: `python coverage_server.py app.py ARGS`, or `... -m flask run`.

The agent answers on port COVERAGE_PORT (9095): GET /coverage, /health, /coverage/reset, /covey/1/capture. It needs
nothing but Python 3.9 or later. Its parts lie beside this file, or inside it where it is a single file.
Licence: Apache-2.0.
"""

# This file never appears in what it records:
# covey: off

from __future__ import annotations

PARTS = {}  # path -> text; filled where this is a single file


class _Parts:
    """Imports the agent out of PARTS, until its parts are files."""

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002 - the names that importlib has
        import sys

        for end, is_package in (("/__init__.py", True), (".py", False)):
            if name.replace(".", "/") + end in PARTS and name != "sitecustomize":
                origin = "coverage_server.py/" + name.replace(".", "/") + end
                return sys.modules["_frozen_importlib"].ModuleSpec(name, self, origin=origin, is_package=is_package)
        return None

    def create_module(self, spec):  # noqa: ARG002
        return None

    def exec_module(self, module):
        origin = module.__spec__.origin
        module.__file__ = origin
        exec(compile(PARTS[origin.partition("/")[2]], origin, "exec"), module.__dict__)


def _run():
    import sys

    if PARTS:
        sys.meta_path.insert(0, _Parts())
    from covey_agent.main import main

    main(sys.argv[1:], PARTS)


if __name__ == "__main__":
    _run()
