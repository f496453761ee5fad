"""What all tests share: how long hypothesis looks, and that nothing of the user's own settings is read."""

from __future__ import annotations

import os
import signal
import time

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

PROVE = os.environ.get("COVEY_PROVE") == "1"
REPEATS = 50
LAW_SECONDS = 10  # for the examples of one law in `make prove`
FEWEST, MOST = 300, 3000  # examples of a law there; as many as fit into these seconds
_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("ci", max_examples=60, deadline=None, suppress_health_check=_SLOW_IS_FINE, derandomize=True)
settings.register_profile("prove", max_examples=MOST, deadline=None, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile("prove" if PROVE else "ci")

# A shell that runs the tests in the background makes them, and what they start, deaf to Ctrl-C; some send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc):
    """Cases marked `repeat` depend on the moment: `make prove` runs each 50 times."""
    if PROVE and metafunc.definition.get_closest_marker("repeat"):
        metafunc.fixturenames.append("_again")
        metafunc.parametrize("_again", range(REPEATS))


@pytest.hookimpl(trylast=True)  # after the folders' own conftest files have marked theirs
def pytest_collection_modifyitems(items):
    """Cases marked `long` run in `make prove`; cluster tests come last, so that the cluster is built meanwhile."""
    if not PROVE:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="long evidence: run it with `make prove`"))
    items.sort(key=lambda item: (bool(item.get_closest_marker("cluster")), bool(item.get_closest_marker("browser"))))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """In `make prove` a law is tried on a few examples first: how long these take says how many it gets."""
    law = pyfuncitem.obj
    if PROVE and is_hypothesis_test(law):
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        few = settings.get_profile("ci").max_examples
        began = time.monotonic()
        _look_at(law, few)(**arguments)
        examples = int(few * LAW_SECONDS / (time.monotonic() - began))
        examples = min(max(examples, FEWEST), MOST)
        _look_at(law, examples)
        pyfuncitem.user_properties.append(("examples", examples))
    return (yield)


def _look_at(law, examples):
    law._hypothesis_internal_use_settings = settings(law._hypothesis_internal_use_settings, max_examples=examples)
    return law


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch):
    """Tests see neither COVEY_* settings of the person who runs them nor an agent's."""
    for name in list(os.environ):
        if name.startswith("COVEY_") and not name.startswith(("COVEY_TEST_", "COVEY_PROVE", "COVEY_CLUSTER_")):
            monkeypatch.delenv(name)
