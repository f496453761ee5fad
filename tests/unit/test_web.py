from __future__ import annotations

import gzip
import subprocess
import sys
import time

import anyio
import pytest
from fakes.agent_servers import serving

from covey import web
from covey.errors import AgentGarbled, AgentTimeout, ConfigError, NoAgent, RemoteError
from covey.kube.tunnel import UrlChannel

MIB = 2**20


def ask(handler, method="GET", path="/x", *, seconds=30.0, most=256 * MIB, decoded=256 * MIB, **options):
    """The reply and what the server was asked."""
    options["bounds"] = web.Bounds(seconds, most, decoded)

    async def once(port):
        async with web.over(UrlChannel("http://127.0.0.1").connect) as client:
            return await web.fetch(client, method, f"http://localhost:{port}{path}", errors=web.AGENT, **options)

    with serving(handler) as server:
        try:
            return anyio.run(once, server.port), server.asked
        except RemoteError as error:
            error.asked = server.asked
            raise


def sending(head: bytes, *parts: bytes):
    def handler(request):
        request.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for part in parts:
            request.send(part)

    return handler


def test_an_answer_comes_back_whole():
    def handler(request):
        assert request.headers["authorization"] == "Bearer s3cret"
        assert request.headers["host"].startswith("localhost:")
        request.answer(404, b"no\x1b[2J" + request.path.encode(), {"X-A": "1"})

    reply, asked = ask(handler, headers={"authorization": "Bearer s3cret"}, params={"name": "a b/c"})
    assert (reply.status, reply.headers["x-a"]) == (404, "1")
    assert asked[0] in ("GET /x?name=a+b%2Fc", "GET /x?name=a%20b%2Fc")
    assert "\x1b" not in reply.text


def test_head_has_no_body():
    assert ask(lambda request: request.answer(200, b"ignored"), "HEAD")[0].body == b""


def test_gzip_is_undone():
    packed = gzip.compress(b"covered" * 100_000)
    reply, _ = ask(sending(b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(packed), packed))
    assert reply.body == b"covered" * 100_000


def test_chunks_are_joined():
    assert ask(sending(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n", b"1\r\nd\r\n0\r\n\r\n"))[0].body == b"abcd"


BOMB = gzip.compress(bytes(64 * MIB))


def endless(request):
    request.send(b"HTTP/1.0 200 OK\r\n\r\n")
    while not request.stop.is_set():
        request.send(bytes(65536))


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (sending(b"Content-Length: 10000000000\r\n"), "announces 10000000000 bytes"),
        (endless, "more than the 1048576 bytes allowed"),
        (sending(b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(BOMB), BOMB), "after decoding"),
        (sending(b"Content-Encoding: gzip\r\nContent-Length: 4\r\n", b"nope"), "incorrect header check"),
        (sending(b"Content-Encoding: gzip\r\nContent-Length: 99\r\n", BOMB[:99]), "breaks off"),
        (sending(b"Content-Encoding: br\r\nContent-Length: 4\r\n", b"nope"), "was not asked for"),
        (sending(b"Content-Length: 100\r\n", b"short"), "breaks off"),
        (sending(b"Content-Length: -1\r\n"), "not HTTP"),
        (sending(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"ab"), "not HTTP"),
        (sending(b"X: " + b"y" * 300_000 + b"\r\n"), "not HTTP"),
        (sending(b"X: y\r\n" * 100_000), "not HTTP"),
        (sending(b"Transfer-Encoding: chunked\r\n", b"zz\r\n"), "not HTTP"),
        (lambda request: request.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\x1b[2J"), "not HTTP"),
        (lambda request: request.send(b"HTTP/9.9 9999 \xff\xfe\r\n\r\n"), "not HTTP"),
        (lambda request: None, "breaks off"),
    ],
)  # fmt: skip
def test_what_breaks_http_or_a_bound_is_garbled(handler, words):
    with pytest.raises(AgentGarbled, match=words) as failed:
        ask(handler, most=MIB, decoded=2 * MIB, seconds=20)
    assert "\x1b" not in str(failed.value)


def dripping(request):
    request.send(b"HTTP/1.0 200 OK\r\n\r\n")
    while not request.stop.wait(0.02):
        request.send(b".")


def informing(request):
    while not request.stop.is_set():
        request.send(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("handler", [dripping, informing, lambda request: request.stop.wait()])
def test_the_deadline_is_one_for_the_whole_exchange(handler):
    with pytest.raises(AgentTimeout, match=r"no whole answer within 0\.3 s"):
        ask(handler, seconds=0.3)


def failing(times, then):
    left = [times]

    def handler(request):
        left[0] -= 1
        if left[0] >= 0:
            then(request)
        else:
            request.answer(200, b"at last")

    return handler


@pytest.mark.parametrize("then", [lambda request: request.answer(503), lambda request: None])
def test_what_may_be_repeated_is_tried_again(then):
    reply, asked = ask(failing(2, then))
    assert (reply.body, len(asked)) == (b"at last", 3)


def test_after_three_tries_the_last_answer_stands():
    reply, asked = ask(lambda request: request.answer(503, b"busy"))
    assert (reply.status, len(asked)) == (503, 3)
    with pytest.raises(AgentGarbled) as failed:
        ask(lambda request: None)
    assert len(failed.value.asked) == 3


@pytest.mark.parametrize("after", ["0", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_who_is_told_when_to_come_again_goes_on_for_longer(after):
    reply, asked = ask(failing(6, lambda request: request.answer(429, headers={"Retry-After": after})))
    assert (reply.body, len(asked)) == (b"at last", 7)


def test_the_time_that_an_answer_asks_for_is_waited():
    began = time.monotonic()
    reply, asked = ask(failing(1, lambda request: request.answer(429, headers={"Retry-After": "1"})))
    assert (reply.body, len(asked)) == (b"at last", 2)
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(("after", "tries"), [("9", 1), ("86400", 1), ("soon", 3), ("-1", 3)])
def test_nobody_waits_past_the_deadline_and_nonsense_is_not_heeded(after, tries):
    reply, asked = ask(lambda request: request.answer(429, b"slow", {"Retry-After": after}), seconds=5)
    assert (reply.status, reply.body, len(asked)) == (429, b"slow", tries)


def test_a_post_is_sent_once():
    reply, asked = ask(failing(1, lambda request: request.answer(503)), "POST", body=b"{}")
    assert (reply.status, asked) == (503, ["POST /x"])
    with pytest.raises(AgentGarbled) as failed:
        ask(lambda request: None, "POST", body=b"{}")
    assert failed.value.asked == ["POST /x"]


def test_redirects_are_reported_not_followed():
    reply, asked = ask(lambda request: request.answer(302, headers={"Location": "http://127.0.0.1:1/"}))
    assert (reply.status, len(asked)) == (302, 1)


def test_what_the_channel_says_comes_through():
    async def connect(port):
        raise NoAgent(f"nothing on {port}")

    async def once():
        async with web.over(connect) as client:
            await web.fetch(client, "GET", "http://localhost:9/")

    with pytest.raises(NoAgent, match="nothing on 9"):
        anyio.run(once)


def test_leaving_early_closes_the_connection():
    async def once(port):
        async with web.over(UrlChannel("http://127.0.0.1").connect) as client:
            with anyio.move_on_after(0.2) as scope:
                await web.fetch(client, "GET", f"http://localhost:{port}/")
            return scope.cancelled_caught

    closed = []

    def handler(request):
        closed.append(request.connection.recv(1))

    with serving(handler) as server:
        assert anyio.run(once, server.port)
    assert closed == [b""]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@host/x", "https://***@host/x"),
        ("https://me:p@w@host/x?to=a@b", "https://***@host/x?to=a@b"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("GET /x?token=abc&name=n", "GET /x?token=***&name=n"),
        ('{"password": "hush", "a": 1}', '{"password": "***", "a": 1}'),
        ("X-Api-Key: k1", "X-Api-Key: ***"),
        ("nothing here", "nothing here"),
    ],
)
def test_credentials_are_not_shown(text, shown):
    assert web.redact(text) == shown


@pytest.mark.parametrize("proxy", ["gopher://bob:hunter2@x", "http://bob:hunter2@[::bad"])
def test_a_proxy_of_the_environment_that_cannot_be_used_is_an_error_of_the_settings(monkeypatch, proxy):
    async def open_one():
        async with web.client():
            pass

    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError) as refused:
        anyio.run(open_one)
    assert "hunter2" not in refused.value.what


def test_importing_the_door_loads_no_client():
    code = "import sys, covey.oci, covey.kube.tunnel; print({'httpx2', 'lightkube', 'stamina'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
