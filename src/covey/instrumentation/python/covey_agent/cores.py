"""The monitoring core put together: recorder, events, the waking thread, and what a fork does to them."""

from __future__ import annotations

import os

from covey_agent.monitoring import Monitoring, NoTool
from covey_agent.recorder import Recorder
from covey_agent.wake import Wake

__all__ = ["MonitoringCore", "NoTool"]


class MonitoringCore:
    """Records as soon as it is made; raises NoTool."""

    def __init__(self, settings, sources, program: str) -> None:
        self.recorder = Recorder(settings, "monitoring", program)
        self._monitoring = Monitoring(self.recorder, sources, self._in_child)
        self._wake = Wake(self.recorder, self._monitoring.rearm)
        if self.recorder.segment() is None:
            return
        self._monitoring.start()
        self._wake.start()
        os.register_at_fork(
            before=self._wake.before_fork, after_in_parent=self._wake.in_parent, after_in_child=self._in_child
        )

    def _in_child(self):
        # At once, not when the first new line runs: a child that runs only what its parent ran has to be re-armed too.
        self._monitoring.forked()
        self._wake.in_child()
