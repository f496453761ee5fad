"""What the environment may ask of the agent, and what is made of nonsense."""

from __future__ import annotations

import agent_runs
import pytest

settings = agent_runs.agent_module("settings")


def test_defaults():
    found = settings.read({})
    assert (found.port, found.source, found.omit, found.spool, found.spool_max) == (9095, (), (), "", 16 << 20)
    assert (found.token_file, found.bind, found.problems) == ("", "127.0.0.1", [])
    assert found.core in ("monitoring", "probes")


@pytest.mark.parametrize(("text", "size"), [("64k", 65536), ("1m", 1 << 20), ("2G", 2 << 30), ("100000", 100_000)])
def test_sizes(text, size):
    assert settings.read({"COVEY_AGENT_SPOOL_MAX": text}).spool_max == size


def test_lists_are_separated_by_colons_or_commas():
    found = settings.read({"COVEY_AGENT_SOURCE": " /app : shop,cart:", "COVEY_AGENT_OMIT": "*/tests/*"})
    assert found.source == ("/app", "shop", "cart")
    assert found.omit == ("*/tests/*",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("COVERAGE_PORT", "http"),
        ("COVERAGE_PORT", "0"),
        ("COVERAGE_PORT", "65536"),
        ("COVEY_AGENT_SPOOL_MAX", "much"),
        ("COVEY_AGENT_SPOOL_MAX", "1k"),
        ("COVEY_AGENT_SPOOL_MAX", "m"),
        ("COVEY_AGENT_CORE", "magic"),
    ],
)
def test_nonsense_is_named_and_the_default_used(name, text):
    found = settings.read({name: text})
    assert len(found.problems) == 1
    assert name in found.problems[0]
    assert text in found.problems[0]
    assert (found.port, found.spool_max) == (9095, 16 << 20)
