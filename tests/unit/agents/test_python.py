from __future__ import annotations

import json

import anyio
import pytest
from fakes.agent_servers import (
    announcing,
    capture_of,
    covey,
    dripping,
    endless,
    garbage,
    hanging,
    old,
    serving,
    stranger,
)

from covey.agents.base import Limits
from covey.agents.python import AGENT
from covey.errors import AgentDenied, AgentError, AgentGarbled, AgentTimeout, NoAgent
from covey.kube.tunnel import UrlChannel

LIMITS = Limits(body=2**20, decoded=2**21, seconds=5)


def ask(handler, limits=LIMITS, token="", since=0):
    async def both(port):
        channel = UrlChannel(f"127.0.0.1:{port}")
        who = await AGENT.identify(channel, port, token, limits)
        return who, who and await AGENT.capture(channel, who, token, "t", limits, since)

    with serving(handler) as server:
        return anyio.run(both, server.port)


def test_a_capture_is_kept_as_it_came_and_its_processes_are_named():
    content = json.dumps(capture_of(pid=12, extra={"later": "versions"})).encode()
    who, raw = ask(covey(content, container="app", commit="c0ffee", ports=[9095, 9096, 70000, -1]))
    assert (who.protocol, who.container, who.commit, who.boot_id) == ("covey", "app", "c0ffee", "b007")
    assert who.neighbours == (9095, 9096)
    assert (raw.agent, raw.format, dict(raw.files)) == ("python", "segments", {"capture.json": content})
    assert list(raw.processes) == [{"pid": 12, "started": "2026-11-21T08:19:10.100Z", "epoch": 0}]


def test_a_capture_from_an_epoch_on_is_another_recording_than_the_whole():
    assert ask(covey(), since=4)[1].processes[0]["epoch"] == 4


def test_an_incomplete_process_is_told():
    capture = capture_of()
    capture["processes"][0]["complete"] = False
    _, raw = ask(covey(capture | {"warnings": ["a\x1b[2Jb"]}))
    assert raw.warnings[0] == "a\ufffd[2Jb"
    assert "could not record everything" in raw.warnings[1]


@pytest.mark.parametrize("handler", [stranger, old({}), old({}, art=True)])
def test_what_does_not_speak_this_wire_is_left_alone(handler):
    assert ask(handler) == (None, None)


def test_the_token():
    assert ask(covey(token="s3cret"), token="s3cret")[1] is not None
    for wrong in ("", "other"):
        with pytest.raises(AgentDenied) as caught:
            ask(covey(token="s3cret"), token=wrong)
        assert "--agent-token-file" in caught.value.hint


HOSTILE = {
    "no JSON": b"not json",
    "another schema": json.dumps(capture_of(schema="covey.capture/2")).encode(),
    "deep": b'{"schema": "covey.capture/1", "x": ' + b"[" * 300_000,
    "wrong types": json.dumps(capture_of(processes=[{"pid": "7"}])).encode(),
    "not utf-8": b'{"schema": "\xff\xfe"}',
    "too large": b" " * (2**20 + 1),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_capture_is_one_clear_error(content):
    with pytest.raises(AgentGarbled):
        ask(covey(content))


@pytest.mark.parametrize("identity", [{"schema": "covey.identity/2"}, {"pid": "x"}, {"agent": None}])
def test_a_hostile_identity_is_one_clear_error(identity):
    with pytest.raises(AgentGarbled):
        ask(covey(**identity))


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (announcing(10 * 2**30), AgentGarbled),
        (endless, AgentGarbled),
        (garbage, AgentGarbled),
        (dripping, AgentTimeout),
        (hanging, AgentTimeout),
    ],
)
def test_a_hostile_server_costs_no_more_than_its_limits(handler, error):
    with pytest.raises(error):
        ask(handler, Limits(body=2**20, decoded=2**20, seconds=1))


def test_reset_gives_the_epoch_that_begins_and_names_the_late():
    async def reset(port, name):
        channel = UrlChannel(f"127.0.0.1:{port}")
        who = await AGENT.identify(channel, port, "", LIMITS)
        return await AGENT.reset(channel, who, "", name, LIMITS)

    with serving(covey()) as server:
        assert anyio.run(reset, server.port, "test_login").epoch == 4
        assert server.asked[-1] == "POST /covey/1/epoch"


def test_nothing_listens():
    with serving(stranger) as server:
        port = server.port
    with pytest.raises(NoAgent):
        anyio.run(AGENT.identify, UrlChannel(f"127.0.0.1:{port}"), port, "", LIMITS)


def test_a_connection_that_breaks_off_is_the_agents_trouble():
    def breaking(request):
        request.send(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    with pytest.raises(AgentError):
        ask(breaking)
