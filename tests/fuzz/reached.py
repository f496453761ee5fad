"""Which lines of covey's parsers were reached for the first time: nearly free, as each line is told once.

Only Python 3.12 and newer can do so (sys.monitoring); elsewhere nothing is told, and outcomes alone are what is new.
"""

from __future__ import annotations

import sys
from types import CodeType

_WATCHED = ("/covey/formats/", "/covey/loops/", "/covey/model/")


class Reached:
    """`new` counts the lines reached since it was set to 0."""

    def __init__(self) -> None:
        self.new = 0
        self.all = 0

    def watch(self) -> None:
        monitoring = getattr(sys, "monitoring", None)
        if monitoring is None:
            return
        tool = monitoring.COVERAGE_ID
        monitoring.use_tool_id(tool, "covey-fuzz")

        def line(code: CodeType, number: int) -> object:
            if any(folder in code.co_filename for folder in _WATCHED):
                self.new += 1
                self.all += 1
            return monitoring.DISABLE

        monitoring.register_callback(tool, monitoring.events.LINE, line)
        monitoring.set_events(tool, monitoring.events.LINE)
