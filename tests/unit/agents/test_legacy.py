from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import time
import zlib

import anyio
import pytest
from fakes.agent_servers import covey, hanging, old, serving, stranger

from covey.agents.base import Identity, Limits
from covey.agents.legacy import AGENT
from covey.errors import AgentDenied, AgentError, AgentGarbled, AgentTimeout
from covey.kube.tunnel import UrlChannel

LIMITS = Limits(body=2**20, decoded=2**21, seconds=5)
META_HASH = bytes(range(16))
META = b"\x00cvm" + bytes(20) + META_HASH + b"rest"
COUNTERS = b"\x00cwm" + bytes(4) + META_HASH + b"rest"
GO = {"meta_data": META, "counters_data": COUNTERS, "meta_filename": "../../etc/covmeta", "timestamp": 1}
DUMP = b"z" + zlib.compress(b"BEGIN TRANSACTION; COMMIT;")
PROFRAW = b"\x81rforpl\xff" + bytes(80)


def ask(handler, test="t", limits=LIMITS, token=""):
    """Identify and capture; both results."""

    async def both(port):
        channel = UrlChannel(f"127.0.0.1:{port}")
        who = await AGENT.identify(channel, port, token, limits)
        return who, who and await AGENT.capture(channel, who, token, test, limits)

    with serving(handler) as server:
        return anyio.run(both, server.port)


def sqlite_file(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    return path.read_bytes()


@pytest.mark.parametrize("art", [False, True])
@pytest.mark.parametrize(
    ("reply", "fmt", "names"),
    [
        ({"coverage_data": DUMP, "label": "t", "timestamp": "2026"}, "coveragepy", ["coverage.dump"]),
        ({"coverage_data": b'{"/app/a.js": {}}', "label": "t"}, "istanbul", ["coverage-final.json"]),
        ({"profraw_data": PROFRAW, "profraw_filename": "/x", "profraw_size": 88}, "llvm", ["coverage-{pid}.profraw"]),
        (
            {**GO, "counters_filename": f"covcounters.{'0' * 32}.21491.1795248106684175940"},
            "gocovdata",
            [f"covmeta.{META_HASH.hex()}", f"covcounters.{META_HASH.hex()}.21491.1795248106684175940"],
        ),
        (
            {**GO, "counters_filename": "../../../home/u/.bashrc"},
            "gocovdata",
            [f"covmeta.{META_HASH.hex()}", f"covcounters.{META_HASH.hex()}.{{pid}}.0"],
        ),
    ],
    ids=["python", "node", "rust", "go", "go with a hostile name"],
)
def test_the_format_is_told_by_the_bytes_and_names_are_made_here(reply, fmt, names, art):
    who, raw = ask(old(reply, art=art))
    assert (who.protocol, who.agent, who.pid) == (("53700", "app", 21) if art else ("9095", "", 0))
    assert raw.format == fmt
    assert list(raw.files) == [name.format(pid=who.pid) for name in names]
    assert next(iter(raw.files.values())) in reply.values()


def test_a_database_is_told_from_a_dump(tmp_path):
    data = sqlite_file(tmp_path / "x")
    _, raw = ask(old({"coverage_data": data}))
    assert (raw.format, dict(raw.files)) == ("coveragepy", {"coverage.sqlite": data})


def test_the_test_name_is_sent_and_cannot_break_out_of_the_query():
    async def capture(port):
        channel = UrlChannel(f"127.0.0.1:{port}")
        who = await AGENT.identify(channel, port, "", LIMITS)
        await AGENT.capture(channel, who, "", "a b&nometa=1\r\nX: y", LIMITS)

    with serving(old({"coverage_data": DUMP})) as server:
        anyio.run(capture, server.port)
        assert server.asked == ["GET /health", "GET /coverage?name=a%20b%26nometa%3D1%0D%0AX%3A%20y"]


def test_an_agent_that_forgets_what_it_gave_is_never_replaced_by_its_next_answer():
    (_, first), (_, second) = (ask(old({"coverage_data": b'{"a.js": {}}'})) for _ in range(2))
    assert first.processes[0]["epoch"] < second.processes[0]["epoch"] + 1
    assert first.processes[0]["epoch"] > 0
    assert "forgets" in first.warnings[0]


def test_what_it_gives_is_of_the_epoch_asked_for_or_of_nobody_knows_which():
    async def capture(port, since):
        who = Identity(port, "9095")
        return await AGENT.capture(UrlChannel("127.0.0.1"), who, "", "t", LIMITS, since)

    with serving(old({"coverage_data": DUMP})) as server:
        epochs = [anyio.run(capture, server.port, since).processes[0]["epoch"] for since in (1795248106684, 0)]
    assert epochs[0] == 1795248106684
    assert -time.time() * 1000 <= epochs[1] < 0


@pytest.mark.parametrize("health", ["coverage server healthy", "coverage server healthy\n"])
def test_old_go_and_rust_agents_are_known_by_their_words(health):
    assert ask(old({"coverage_data": DUMP}, health=health))[0].protocol == "9095"


@pytest.mark.parametrize("handler", [stranger, covey()])
def test_what_is_no_old_agent_is_left_alone(handler):
    assert ask(handler) == (None, None)


HOSTILE = {
    "wrong base64": b'{"coverage_data": "!!!"}',
    "no JSON": b"<html>",
    "no object": b"[1]",
    "deep JSON": b'{"x":' + b"[" * 200_000,
    "unknown bytes": b'{"coverage_data": "AAAAAAAA"}',
    "bomb": json.dumps({"coverage_data": base64.b64encode(b"z" + zlib.compress(bytes(2**23))).decode()}).encode(),
    "cut dump": json.dumps({"coverage_data": base64.b64encode(DUMP[:-5]).decode()}).encode(),
    "no dump": json.dumps({"coverage_data": base64.b64encode(b"zzzz").decode()}).encode(),
    "large": json.dumps({"coverage_data": "A" * 2**21}).encode(),
    "go: short": json.dumps({"meta_data": "AGN2bQ==", "counters_data": "AGN3bQ=="}).encode(),
    "go: no meta": json.dumps({"counters_data": base64.b64encode(COUNTERS).decode()}).encode(),
    "go: two binaries": json.dumps(
        {
            "meta_data": base64.b64encode(META).decode(),
            "counters_data": base64.b64encode(COUNTERS.replace(META_HASH, hashlib.md5(b"x").digest())).decode(),
        }
    ).encode(),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_answer_is_one_clear_error(body):
    with pytest.raises(AgentGarbled):
        ask(old(body))


@pytest.mark.parametrize("reply", [{"coverage_data": b"", "message": "no files"}, {"coverage_data": b"{}"}, {}])
def test_an_agent_with_nothing_to_give_says_so(reply):
    with pytest.raises(AgentError, match="no coverage to give") as caught:
        ask(old(reply))
    assert not isinstance(caught.value, AgentGarbled)


def test_reset():
    async def reset(port):
        channel = UrlChannel(f"127.0.0.1:{port}")
        who = await AGENT.identify(channel, port, "", LIMITS)
        return await AGENT.reset(channel, who, "", "name", LIMITS)

    before = time.time()
    with serving(old({})) as server:
        assert int(before * 1000) <= anyio.run(reset, server.port).epoch <= time.time() * 1000
        assert server.asked[-1] == "GET /coverage/reset"
    with serving(lambda request: request.answer(200, "Deleted 2 files")) as server:
        begun = anyio.run(AGENT.reset, UrlChannel("127.0.0.1"), Identity(server.port, "9095"), "", "", LIMITS)
        assert (begun.epoch, len(begun.warnings)) == (0, 1)
    with serving(old({}, reset=404)) as server, pytest.raises(AgentError, match="cannot be reset"):
        anyio.run(reset, server.port)


def test_an_agent_behind_a_wall_and_one_that_hangs():
    def walled(request):
        request.answer(401, "", {"X-Art-Coverage-Server": "1"})

    with pytest.raises(AgentDenied):
        ask(walled)
    with pytest.raises(AgentTimeout):
        ask(hanging, limits=Limits(seconds=0.3))
