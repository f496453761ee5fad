"""Found on PYTHONPATH by every Python that starts: begins to record if COVEY_AGENT=1, then runs the `sitecustomize`
that this one hides, whose errors are its own."""

from __future__ import annotations


def _begin():
    import os

    if os.environ.get("COVEY_AGENT") != "1":
        return
    import sys

    try:
        from covey_agent.start import start

        start()
    except Exception as error:  # whatever it is, the application has to start
        try:
            sys.stderr.write(f"covey: this process is not recorded: {error!r}\n")
        except Exception:  # no standard error either
            return


def _run_hidden():
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))
    path = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = sys.modules["_frozen_importlib_external"].PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    module = sys.modules["_frozen_importlib"].module_from_spec(spec)
    ours = sys.modules["sitecustomize"]
    sys.modules["sitecustomize"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules["sitecustomize"] = ours
        raise


_begin()
_run_hidden()
