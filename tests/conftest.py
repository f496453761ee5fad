"""What all tests share: how long hypothesis looks, and that nothing of the user's own settings is read."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

PROVE = os.environ.get("COVEY_PROVE") == "1"
REPEATS = 50
_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("ci", max_examples=60, deadline=None, suppress_health_check=_SLOW_IS_FINE, derandomize=True)
settings.register_profile("prove", max_examples=3000, deadline=None, suppress_health_check=_SLOW_IS_FINE)
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


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch):
    """Tests see neither COVEY_* settings of the person who runs them nor an agent's."""
    for name in list(os.environ):
        if name.startswith("COVEY_") and not name.startswith(("COVEY_TEST_", "COVEY_PROVE", "COVEY_CLUSTER_")):
            monkeypatch.delenv(name)
