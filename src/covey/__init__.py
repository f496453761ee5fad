"""covey: which lines any test executed, wherever the code ran.

    report = covey.load("bundle", ".coverage", checkout=".")
    print(report.totals.lines.percent)
    covey.write(report, "coverage.xml")

Everything here is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from covey.api import load, write
    from covey.client import CoverageClient
    from covey.errors import CoveyError
    from covey.model.merge import merge
    from covey.model.ratio import Ratio, Totals
    from covey.model.report import FileCoverage, Report

    __version__: str

_PLACES = {
    "CoverageClient": "covey.client",
    "CoveyError": "covey.errors",
    "FileCoverage": "covey.model.report",
    "Ratio": "covey.model.ratio",
    "Report": "covey.model.report",
    "Totals": "covey.model.ratio",
    "load": "covey.api",
    "merge": "covey.model.merge",
    "write": "covey.api",
}

__all__ = [
    "CoverageClient",
    "CoveyError",
    "FileCoverage",
    "Ratio",
    "Report",
    "Totals",
    "__version__",
    "load",
    "merge",
    "write",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from covey._version import VERSION

        return VERSION
    if name not in _PLACES:
        raise AttributeError(f"module 'covey' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
