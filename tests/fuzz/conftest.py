"""Starts the fuzzing of every format that is asked for, as many side by side as there are processors.

`make test`: a fixed number of inputs from 0, the same each time. `make prove`: COVEY_FUZZ_SECONDS (180) a format, going
on where the last run ended (.cache/fuzz; `rm -r .cache/fuzz` begins anew).
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fuzz.campaign import Campaign

PROVE = os.environ.get("COVEY_PROVE") == "1"
SECONDS = float(os.environ.get("COVEY_FUZZ_SECONDS") or 180)
INPUTS = 250
KEPT = Path(__file__).parents[2] / ".cache" / "fuzz"


@pytest.fixture(scope="session")
def campaigns(request, tmp_path_factory):
    """Format -> what its fuzzing comes to, a future."""
    calls = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [params["fuzzed"] for params in calls if "fuzzed" in params]
    folder = KEPT if PROVE else tmp_path_factory.mktemp("fuzz")
    limits = {"seconds": SECONDS} if PROVE else {"count": INPUTS}
    stopped = threading.Event()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(Campaign(name, folder / name, **limits, stopped=stopped).run) for name in wanted}
        stopped.set()
        pool.shutdown(cancel_futures=True)
