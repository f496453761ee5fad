from __future__ import annotations

import gzip
import json
import traceback
from dataclasses import replace

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

from covey.agents import checked
from covey.agents.base import Limits
from covey.agents.legacy import AGENT as LEGACY
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


@pytest.mark.parametrize(("said", "taken"), [(149, {"folded": 149}), (0, {}), (-3, {}), (2**40, {})])
def test_processes_that_the_agent_has_folded_are_counted(said, taken):
    capture = capture_of()
    capture["processes"][0]["folded"] = said
    (process,) = ask(covey(capture))[1].processes
    assert {name: number for name, number in process.items() if name == "folded"} == taken


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
    "lines without end": json.dumps(capture_of(lines="1-2000000000")).encode(),
    "lines out of order": json.dumps(capture_of(lines="3,2")).encode(),
    "no lines": json.dumps(capture_of(lines="1-")).encode(),
    "lines of a window": json.dumps(capture_of(windows=[{"name": "w", "files": {"/a": "0"}}])).encode(),
    "lines of a source": json.dumps(capture_of(sources={"sha256:00": {"executable": "1-99999999"}})).encode(),
    "many lines in few bytes": json.dumps(
        capture_of(windows=[{"name": "w", "files": {f"/{n}": "1-9999999" for n in range(5)}}])
    ).encode(),
    "no files": json.dumps(capture_of(processes=[{"pid": 7, "started": "x"}])).encode(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_capture_is_one_clear_error(content):
    with pytest.raises(AgentGarbled):
        ask(covey(content))


@pytest.mark.parametrize(("sign", "most"), [(b":", 40), (b",", 40)])
def test_what_would_build_much_in_memory_is_not_built(monkeypatch, sign, most):
    files = {f"/{number}.py": {"lines": "1,2"} for number in range(50)}
    content = json.dumps(capture_of(processes=[{"pid": 7, "started": "x", "files": files}])).encode()
    monkeypatch.setattr(checked, "MOST_SIGNS", {sign: most})
    with pytest.raises(AgentGarbled, match="more than 40"):
        ask(covey(content))


def test_more_processes_than_a_bundle_can_tell_of_are_refused(monkeypatch):
    monkeypatch.setattr(checked, "MOST_PROCESSES", 100)
    with pytest.raises(AgentGarbled, match="more than 100 processes"):
        ask(covey(json.dumps(capture_of(processes=[{"pid": 7, "started": "x", "files": {}}] * 101)).encode()))


def test_only_a_capture_may_be_large():
    def large(request):
        request.answer(200, b"x" * 2**21, {"X-Covey-Agent": "python/1"})

    with pytest.raises(AgentGarbled, match="more than the 1048576 allowed"):
        ask(large, replace(LIMITS, body=2**26))


def test_what_is_sent_packed_is_bounded_by_what_it_unpacks_to():
    packed = gzip.compress(b" " * 2**22)

    def bomb(request):
        body = (
            packed if request.path.startswith("/covey/1/capture") else b'{"schema": "covey.identity/1", "agent": "x"}'
        )
        encoding = {"Content-Encoding": "gzip"} if body is packed else {}
        request.answer(200, body, {"X-Covey-Agent": "python/1", **encoding})

    with pytest.raises(AgentGarbled, match="after decoding"):
        ask(bomb)


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


@pytest.mark.parametrize("agent", [AGENT, LEGACY])
@pytest.mark.parametrize("status", [200, 401, 403, 404])
def test_the_token_is_shown_to_no_port_before_it_says_that_it_is_an_agent(agent, status):
    seen = []

    def web_server(request):
        seen.append(request.headers.get("authorization"))
        request.answer(status, "<h1>hello</h1>")

    with serving(web_server) as server:
        channel = UrlChannel(f"127.0.0.1:{server.port}")
        assert anyio.run(agent.identify, channel, server.port, "s3cret", LIMITS) is None
    assert seen == [None]


def reflecting(send):
    """An agent that wants the token, and sends it back where messages are made of it."""

    def handle(request):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token:
            send(request, token)
        else:
            request.answer(401, "no", {"X-Covey-Agent": "python/1"})

    return handle


@pytest.mark.parametrize(
    "send",
    [
        lambda request, token: request.send(f"HTTP/1.1 \0{token} OK\r\n\r\n".encode()),
        lambda request, token: request.send(f"HTTP/1.1 200 OK\r\n{token}\r\n\r\n".encode()),
        lambda request, token: request.answer(500, f"no: {token}", {"X-Covey-Agent": "python/1"}),
        lambda request, token: request.answer(401, token, {"X-Covey-Agent": "python/1"}),
    ],
)
def test_a_token_that_an_agent_sends_back_is_in_no_message(send):
    token = "s3cret-of-many-characters"
    with pytest.raises(AgentError) as caught:
        ask(reflecting(send), token=token)
    assert token not in caught.value.what
    assert token not in "".join(traceback.format_exception(caught.value))
