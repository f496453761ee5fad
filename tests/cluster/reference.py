"""What coverage.py's own tracer records of the same requests in one process.

    python reference.py OUT.json     (in the example's folder; Flask and coverage importable)

The fixture `reference` runs it; it is a program of its own so that nothing of
the test run is measured or imported.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import coverage


def main(out: str, requests: list[list[object]]) -> None:
    measured = coverage.Coverage(config_file=".coveragerc", data_file=None)
    measured.start()
    from app import app

    client = app.test_client()
    for method, path, body, wanted in requests:
        status = client.open(path, method=method, json=body).status_code
        assert status == wanted, (method, path, status)
    measured.stop()
    measured.json_report(outfile=out)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main(sys.argv[1], json.loads(sys.argv[2]))
