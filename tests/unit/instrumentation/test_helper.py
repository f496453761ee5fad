"""The helper's life: how long it is wanted."""

from __future__ import annotations

import os

import agent_runs
import pytest

helper = agent_runs.agent_module("helper")
surroundings = agent_runs.agent_module("surroundings")


class Idle:
    last_request = 0.0


@pytest.mark.parametrize(
    ("container", "parent", "wanted"), [("web", 1, True), ("web", 7, False), (None, 1, False), (None, 7, False)]
)
def test_where_nobody_would_reap_it_it_stays(container, parent, wanted, tmp_path, monkeypatch):
    monkeypatch.setattr(surroundings, "container", lambda: container)
    monkeypatch.setattr(os, "getppid", lambda: parent)
    watch = helper.Watch(str(tmp_path), 0.0, Idle())
    watch._looked = watch._lived = -1e6
    assert watch.wanted() is wanted
    tmp_path.rmdir()
    watch._looked = -1e6
    assert not watch.wanted()
