"""Found on PYTHONPATH by every Python that starts: begins to record if COVEY_AGENT=1, then runs the `sitecustomize`
that this one hides, whose errors are its own.

Every Python means Python 2.7 too, so this file is written in what all of them understand; the agent's are not."""


def _begin():
    import os
    import sys

    if os.environ.get("COVEY_AGENT") != "1" or sys.version_info < (3, 9):
        return
    try:
        from covey_agent.start import start

        start()
    except Exception as error:  # whatever it is, the application has to start
        try:
            sys.stderr.write("covey: this process is not recorded: %r\n" % (error,))
        except Exception:  # no standard error either
            return


def _run_hidden():
    import os
    import sys

    here = os.path.dirname(os.path.abspath(__file__))

    def is_other(entry):
        try:
            return os.path.abspath(entry) != here
        except OSError:  # a relative one, in a working directory that is gone
            return True

    execute = _hidden([entry for entry in sys.path if is_other(entry)])
    if execute is None:
        return
    ours = sys.modules["sitecustomize"]
    try:
        execute()
    except BaseException:
        sys.modules["sitecustomize"] = ours
        raise


def _hidden(path):
    """A function that puts the `sitecustomize` of these folders in the place of ours and runs it; None without one."""
    import sys

    external = sys.modules.get("_frozen_importlib_external")
    if external is None:  # until Python 3.4
        return _hidden_from_old(path)
    spec = external.PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return None
    module = sys.modules["_frozen_importlib"].module_from_spec(spec)

    def execute():
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)

    return execute


def _hidden_from_old(path):
    import imp
    import sys

    try:
        file, where, kind = imp.find_module("sitecustomize", path)
    except ImportError:
        return None

    def execute():
        del sys.modules["sitecustomize"]  # else it would be run in ours
        try:
            imp.load_module("sitecustomize", file, where, kind)
        finally:
            if file is not None:
                file.close()

    return execute


_begin()
_run_hidden()
