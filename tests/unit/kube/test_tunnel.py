from __future__ import annotations

import json
import os
from contextlib import AsyncExitStack

import anyio
import pytest
from fakes import kubernetes
from fakes.agent_servers import serving
from fakes.kubernetes import forwarding
from wsproto.events import TextMessage

from covey import web
from covey.errors import AgentError, AgentGarbled, ClusterDenied, ClusterError, NoAgent, UsageError
from covey.kube.client import open_cluster
from covey.kube.kubectl import KubectlChannel
from covey.kube.tunnel import PodChannel, UrlChannel, open_channel
from covey.model.provenance import Target

TARGET = Target("app", "shop", "app-1", "app")


@pytest.fixture
def through(tmp_path):
    """Lets `do(channel)` talk through a fake API server."""

    def run(handler, do):
        async def scenario():
            async with open_cluster(str(path)) as cluster, open_channel(cluster, TARGET) as channel:
                with anyio.fail_after(20):
                    return await do(channel)

        with serving(handler) as server:
            path = tmp_path / "config"
            path.write_text(json.dumps(kubernetes.kubeconfig(server.port)))
            return anyio.run(scenario)

    return run


async def everything(channel, say: bytes = b"", max_bytes: int = 65536) -> bytes:
    async with await channel.connect(9095) as stream:
        if say:
            await stream.send(say)
        whole = b""
        while True:
            try:
                whole += await stream.receive(max_bytes)
            except anyio.EndOfStream:
                return whole


def test_bytes_go_both_ways_and_the_other_side_may_end_first(through):
    heard = []

    def play(forward):
        forward.listen(b"!" * 10)
        forward.data(b"abc" * 70_000, pieces=5)
        forward.ping()
        forward.data(b"end")
        forward.close()
        heard.append(forward.heard)

    said = bytes(range(256)) * 1000 + b"!" * 10
    assert through(forwarding(play), lambda channel: everything(channel, said)) == b"abc" * 70_000 + b"end"
    assert heard == [said]
    assert through(forwarding(play), lambda channel: everything(channel, said, 7))[-4:] == b"cend"


def test_http_goes_through(through):
    def play(forward):
        forward.listen(b"\r\n\r\n")
        forward.data(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        forward.close()

    async def do(channel):
        async with web.over(channel.connect) as client:
            return await web.fetch(client, "GET", "http://localhost:9095/health")

    assert through(forwarding(play), do).body == b"hello"


SOCAT = "exit status 1: 2026/11/21 socat[12] E connect(5, AF=2 127.0.0.1:9095, 16): Connection refused"
REFUSED = "error forwarding port 9095 to pod: failed to connect to localhost:9095: connect: connection refused"


@pytest.mark.parametrize("words", [REFUSED, SOCAT])
def test_kubectl_says_that_nothing_listens(words, tmp_path, monkeypatch):
    program = tmp_path / "kubectl"
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    async def do():
        async with AsyncExitStack() as ends:
            await KubectlChannel(TARGET, (), ends).connect(9095)

    with pytest.raises(NoAgent, match="nothing listens on port 9095"):
        anyio.run(do)


@pytest.mark.parametrize("words", [REFUSED, SOCAT])
def test_nothing_listens(through, words):
    with pytest.raises(NoAgent, match="shop/app-1/app: nothing listens on port 9095"):
        through(forwarding(lambda forward: forward.error(words)), everything)

    async def by_http(channel):
        async with web.over(channel.connect) as client:
            await web.fetch(client, "GET", "http://localhost:9095/health")

    with pytest.raises(NoAgent):
        through(forwarding(lambda forward: forward.error(REFUSED)), by_http)


@pytest.mark.parametrize(
    ("play", "error", "words"),
    [
        (lambda forward: forward.error("sandbox \x1b[2J not found"), AgentError, "sandbox .* not found"),
        (lambda forward: forward.error("x" * 100_000), AgentError, "x{300}$"),
        (lambda forward: forward.raw(b"\x8f\x00"), AgentGarbled, "garbled"),
        (lambda forward: forward.event(TextMessage("hello")), AgentGarbled, "sends text"),
        (lambda forward: forward.data(b"some"), anyio.BrokenResourceError, None),
    ],
)
def test_a_tunnel_that_breaks_says_how(through, play, error, words):
    with pytest.raises(error, match=words) as failed:
        through(forwarding(play), everything)
    assert "\x1b" not in str(failed.value)


def test_channels_of_other_numbers_are_ignored(through):
    from wsproto.events import BytesMessage

    def play(forward):
        forward.event(BytesMessage(b"\x09noise"))
        forward.event(BytesMessage(b""))
        forward.data(b"signal")
        forward.close()

    assert through(forwarding(play), everything) == b"signal"


def test_sending_after_the_end_is_refused(through):
    def play(forward):
        forward.data(b"bye")
        forward.close()

    async def do(channel):
        async with await channel.connect(9095) as stream:
            assert await stream.receive() == b"bye"
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()
            with pytest.raises(anyio.BrokenResourceError):
                await stream.send(b"late")
            await stream.send_eof()
        with pytest.raises(anyio.ClosedResourceError):
            await stream.send(b"later")

    through(forwarding(play), do)


def test_closing_does_not_wait_for_a_server_that_takes_nothing(through):
    async def do(channel):
        stream = await channel.connect(9095)
        with anyio.move_on_after(0.5):
            while True:
                await stream.send(bytes(2**20))
        await stream.aclose()

    through(lambda request: forwarding(lambda forward: request.stop.wait(30))(request), do)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (403, ClusterDenied, "not allowed to get pods/portforward in namespace shop"),
        (401, ClusterDenied, "does not accept these credentials"),
        (404, AgentError, "shop/app-1/app: the pod is gone"),
        (500, AgentError, "answered 500"),
    ],
)
def test_what_the_api_server_refuses(through, code, error, words):
    with pytest.raises(error, match=words):
        through(lambda request: kubernetes.status(request, code, "no, because"), everything)


def test_an_unknown_protocol_points_to_kubectl(through):
    with pytest.raises(ClusterError, match=r"v9\.channel") as failed:
        through(forwarding(lambda forward: None, "v9.channel.k8s.io"), everything)
    assert "--via kubectl" in failed.value.hint


def test_the_channel_fits_the_target():
    async def open_it(target):
        async with open_channel(None, target) as channel:
            return channel

    assert isinstance(anyio.run(open_it, Target("x", url="http://127.0.0.1:1")), UrlChannel)
    with pytest.raises(UsageError, match="in a cluster"):
        anyio.run(open_it, TARGET)
    assert PodChannel.__name__ == "PodChannel"


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://host:53700", "host", 53700, ""),
        ("http://host:53700/coverage", "host", 53700, ""),
        ("host:9095", "host", 9095, ""),
        ("https://host/behind/coverage/", "host", 443, "/behind"),
        ("http://[::1]:9/", "::1", 9, ""),
    ],
)
def test_addresses(url, host, port, path):
    channel = UrlChannel(url)
    assert (channel.host, channel.port, channel.path) == (host, port, path)


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "http://host:99999"])
def test_what_is_no_address(url):
    with pytest.raises(UsageError):
        UrlChannel(url)


def test_an_address_may_have_no_listener():
    async def do():
        channel = UrlChannel("http://127.0.0.1:1")
        with pytest.raises(NoAgent, match="nothing listens on port 1"):
            await channel.connect(1)

    anyio.run(do)
