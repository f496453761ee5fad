"""The serving loop and its replies, in this process and against clients that mean no good."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

import agent_runs
import agent_serving
import pytest
from agent_serving import ask, read_reply
from segment_bytes import BOOT, record, segment

answers = agent_runs.agent_module("answers")
server = agent_runs.agent_module("server")
http_text = agent_runs.agent_module("http_text")
jsontext = agent_runs.agent_module("jsontext")
processes = agent_runs.agent_module("processes")


class Serving:
    """A server in a thread, on a spool with one segment of this boot."""

    def __init__(self, folder, environ=None, token_file: str = "") -> None:
        self.spool = folder / "u0-1"
        self.spool.mkdir(exist_ok=True)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.replies = answers.Answers(str(self.spool), os.getpid(), token_file, environ or {})
        raw = socket._socket.socket(fileno=listener.detach())
        self.server = server.Server(raw, self.replies)
        self.on = True
        self.thread = threading.Thread(target=lambda: self.server.run(lambda: self.on, nap=0.02))
        self.thread.start()

    def ask(self, path: str, **more):
        return ask(self.port, path, **more)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def end(self) -> None:
        self.on = False
        self.thread.join()
        self.server.close()


@pytest.fixture
def start(tmp_path):
    begun = []

    def begin(**more):
        begun.append(Serving(tmp_path, **more))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


def put_segment(serving, *records: bytes, boot: bytes | None = None, name: str = "7-99-0.seg", **more) -> None:
    data = segment(*records, **more)
    boot = bytes.fromhex(processes.boot_id().replace("-", "")) if boot is None else boot
    (serving.spool / name).write_bytes(data[:24] + boot + data[40:])


IDENTITY = {"SOURCE_GIT_COMMIT": "abc", "SOURCE_GIT_URL": "https://a:b@git.example/x\r\nEvil: 1", "__doozer_group": "g"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/coverage", 404),
        ("HEAD", "/any", 200),
        ("POST", "/coverage", 404),
        ("GET", "/coverage/save", 404),
        ("GET", "/covey/1/epoch", 404),
    ],
)
def test_every_reply_says_who_it_is(start, method, path, status):
    reply = start(environ=IDENTITY).ask(path, method=method)
    assert reply.status == status
    assert reply.headers["x-art-coverage-server"] == "1"
    assert reply.headers["x-art-coverage-pid"] == str(os.getpid())
    assert reply.headers["x-art-coverage-binary"].startswith("python3.")
    assert reply.headers["x-art-coverage-source-commit"] == "abc"
    assert reply.headers["x-art-coverage-source-url"] == "https://git.example/xEvil: 1"
    assert reply.headers["x-art-coverage-software-group"] == "g"
    assert "x-art-coverage-software-key" not in reply.headers
    assert reply.headers["x-covey-agent"] == "python/1"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert "transfer-encoding" not in reply.headers
    if status == 404:
        assert reply.body == b"Not found"


def test_a_token_guards_all_but_health(start, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    serving = start(token_file=str(token))
    for path in ("/coverage", "/coverage/reset", "/covey/1/identity", "/covey/1/capture", "/nowhere"):
        for wrong in ("", "s3cre", "s3crets", "S3cret"):
            reply = serving.ask(path, token=wrong)
            assert (reply.status, reply.headers["x-covey-agent"]) == (401, "python/1")
        assert serving.ask(path, token="s3cret").status in (200, 404)
    assert "warnings" not in serving.ask("/health").json
    assert "warnings" in serving.ask("/health", token="s3cret").json
    assert serving.ask("/x", method="HEAD").status == 200


FOREIGN = ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        *((["Host: localhost", line], 403) for line in FOREIGN),
        (["Host: evil.example"], 403),
        (["Host: 127.0.0.1.evil.example:9095"], 403),
        (["Host: localhost.evil.example"], 403),
        (["Host: LOCALHOST:9095", "Sec-Fetch-Site: none"], 200),
        (["Host: shop.localhost:9095", "Sec-Fetch-Site: same-origin"], 200),
        (["Host: 127.0.0.1:9095"], 200),
        (["Host: [::1]:9095"], 200),
        ([], 200),
    ],
)
def test_pages_of_other_sites_are_refused(start, lines, status):
    """By whatever name the site leads a browser here (DNS rebinding), and also where it cannot read the answer."""
    serving = start()
    for request in ("POST /coverage/reset", "GET /covey/1/identity"):
        with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as client:
            client.sendall("\r\n".join([f"{request} HTTP/1.1", *lines, "", ""]).encode())
            assert agent_serving.read_reply(client).status == status


def test_a_token_that_is_replaced_counts_at_once_and_one_that_is_gone_opens_nothing(start, tmp_path):
    token = tmp_path / "token"
    token.write_text("one")
    serving = start(token_file=str(token))
    assert serving.ask("/coverage", token="one").status == 200
    token.write_text("other")
    assert serving.ask("/coverage", token="one").status == 401
    assert serving.ask("/coverage", token="other").status == 200
    token.write_text("")
    assert serving.ask("/coverage").status == 401
    token.unlink()
    assert serving.ask("/coverage", token="other").status == 401


def test_capture_tells_processes_sources_and_warnings(start, tmp_path):
    serving = start()
    put_segment(serving, record(b"/app/a.py", b"\0\1\0\1", b"\0\0\1\0"), flags=1)
    put_segment(serving, record(b"/app/a.py", b"\0\0\1\0", b"\0\0\0\0"), name="7-99-1.seg")
    put_segment(serving, record(b"/old", b"\0\1", b"\0\0"), name="8-1-0.seg", boot=BOOT)
    (serving.spool / "9-9-0.seg").write_bytes(b"junk" * 4096)
    (serving.spool / "9-9-1.seg").write_bytes(bytes(16384))  # its process is just beginning
    (serving.spool / "9-9-2.seg").write_bytes(b"")
    capture = serving.ask("/covey/1/capture").json
    (process,) = capture["processes"]
    assert (process["pid"], process["start_ticks"], process["alive"], process["complete"]) == (7, 99, False, False)
    assert process["files"] == {"/app/a.py": {"source_hash": "sha256:" + "07" * 32, "lines": "1-3"}}
    assert (capture["sources"], capture["windows"], capture["not_recorded"]) == ({}, [], [])
    assert len(capture["warnings"]) == 3
    assert capture["boot_id"] == processes.boot_id()


def test_two_texts_of_one_file_are_not_mixed(start):
    serving = start()
    first = record(b"/app/a.py", b"\0\1\0\1", bytes(4))
    put_segment(serving, first, record(b"/app/a.py", b"\0\0\1", bytes(3), digest=b"\1" * 32))
    capture = serving.ask("/covey/1/capture").json
    assert capture["processes"][0]["files"]["/app/a.py"] == {"source_hash": "sha256:" + "01" * 32, "lines": "2"}
    assert capture["processes"][0]["complete"] is False
    assert "several sources" in capture["warnings"][0]


@pytest.mark.parametrize("since", ["-1", "x", "", "99999999999999", "1%20"])
def test_since_must_be_an_epoch(start, since):
    assert start().ask(f"/covey/1/capture?since={since}").status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"{}", 200),
        (b'{"name": null}', 200),
        (b'{"name": "\xc3\xa9t\xc3\xa9"}', 200),
        (json.dumps({"name": "x" * 513}).encode(), 400),
        (b'{"name": "a\\nb"}', 400),
        (b'{"name": 3}', 400),
        (b"[]", 400),
        (b"{", 400),
        (b"[" * 5000, 400),
        (b'{"name": "\\ud800"}', 400),
        (b" " * 9000, 413),
    ],
)
def test_names_of_windows_are_checked(start, body, status):
    serving = start()
    assert serving.ask("/covey/1/epoch", method="POST", body=body).status == status
    assert serving.ask("/covey/1/identity").json["epoch"] == (1 if status == 200 else 0)


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    b"\0" * 100,
    b"GET\r\n\r\n",
    b"GET / HTTP/2.0\r\n\r\n",
    b"GET http://evil/ HTTP/1.1\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST /covey/1/epoch HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /covey/1/epoch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    b"GET / HTTP/1.1\n\n",
    b"G" * 20000,
    b"GET /" + b"a" * 20000,
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 3000,
]


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_gets_a_clear_refusal(start, data):
    serving = start()
    with serving.connect() as client:
        client.sendall(data)
        reply = read_reply(client)
    assert reply.status in (400, 404, 411, 413, 431)
    assert reply.headers["x-covey-agent"] == "python/1"
    assert serving.ask("/health").status == 200


def test_those_who_are_slow_or_silent_or_many_do_not_keep_others_waiting(start):
    serving = start()
    silent = [serving.connect() for _ in range(300)]
    dripping = serving.connect()
    for byte in b"GET /health HT":
        dripping.send(bytes([byte]))
        assert serving.ask("/health").status == 200
    asked = serving.connect()  # asks, and does not take the answer
    asked.sendall(b"GET /coverage HTTP/1.1\r\n\r\n")
    for _ in range(20):
        assert serving.ask("/covey/1/identity").status == 200
    assert len(serving.server._connections) <= server.MAX_CONNECTIONS
    for one in (*silent, dripping, asked):
        one.close()


def test_a_request_that_never_ends_is_ended(start, monkeypatch):
    monkeypatch.setattr(server, "READ_SECONDS", 0.2)
    serving = start()
    with serving.connect() as silent, serving.connect() as half:
        half.sendall(b"GET /health HTTP/1.1\r\n")
        assert read_reply(half).status == 408
        assert silent.recv(10) == b""


def test_a_reply_that_nobody_takes_is_dropped(start, monkeypatch):
    monkeypatch.setattr(server, "WRITE_SECONDS", 0.2)
    serving = start()
    for number in range(40):
        mask = bytes([0, *[1, 0] * 40_000])
        put_segment(serving, record(b"/app/%d.py" % number, mask, bytes(len(mask))), name=f"7-{number}-0.seg")
    with serving.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /covey/1/capture HTTP/1.1\r\n\r\n")
        agent_serving.until(lambda: serving.server._connections and serving.ask("/health").status == 200)
        client.recv(10)
        time.sleep(0.5)
        agent_serving.until(lambda: not serving.server._connections)
    assert len(serving.ask("/covey/1/capture").json["processes"][0]["files"]) == 40


def test_a_reply_too_large_is_refused_not_made(start, monkeypatch):
    monkeypatch.setattr(agent_runs.agent_module("capture"), "MAX_BODY", 1000)
    serving = start()
    put_segment(serving, record(b"/app/a.py", bytes([0, *[1, 0] * 4000]), bytes(8001)))
    assert serving.ask("/covey/1/capture").status == 503
    assert serving.ask("/health").status == 200


def test_a_client_that_leaves_does_not_leave_a_window_half_closed(start):
    serving = start()
    put_segment(serving, record(b"/app/a.py", b"\0\1", b"\0\0"))
    with serving.connect() as client:
        client.sendall(b"POST /covey/1/epoch HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    agent_serving.until(lambda: serving.ask("/covey/1/identity").json["epoch"] == 1)
    (window,) = serving.ask("/covey/1/capture").json["windows"]
    assert window["files"] == {"/app/a.py": "1"}
    assert serving.ask("/covey/1/epoch", method="POST").json["epoch"] == 2


def test_health_names_other_users_folders(start):
    serving = start()
    for name in ("u1000-1", "u1000-2", "u1001-1x", "evil-1", "uevil-1"):
        (serving.spool.parent / name).mkdir()
    who = f"4321 {os.getpid()} {processes.start_ticks(os.getpid())} {processes.boot_id()}"
    (serving.spool.parent / "u1000-1" / "helper").write_text(who)
    assert serving.ask("/health").json["warnings"] == ["user 1000 records too: its helper is on port 4321"]


@pytest.mark.parametrize(
    ("text", "value"), [("a%20b%2Fc", "a b/c"), ("%zz%", "%zz%"), ("%ff", "\ufffd"), ("%4", "%4"), ("% 1", "% 1")]
)
def test_percent_decoding(text, value):
    assert http_text.decoded(text) == value


def test_json_text_is_json():
    value = {"a": [1, 2.5, None, True, False, 'é\u2028\n"\\', {"\udcff": []}], "b": {}}
    assert json.loads(jsontext.dump(value)) == {
        "a": [1, 2.5, None, True, False, 'é\u2028\n"\\', {"\\xff": []}],
        "b": {},
    }
