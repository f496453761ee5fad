"""Agents as real servers on the loopback: honest ones of each protocol, and those that mean harm."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Handler = Callable[["Request"], None]


@dataclass
class Request:
    """One connection after its request was read; `answer` and `send` may fail once the other side has gone."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: socket.socket
    stop: threading.Event

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def answer(self, status: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.0 {status} Some", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.send(head if self.method == "HEAD" else head + data)


@dataclass
class Server:
    """port: where it listens. asked: "METHOD path" of each request so far."""

    port: int
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving(handler: Handler, port: int = 0) -> Iterator[Server]:
    """A server, one thread a connection, gone afterwards; port 0: any that is free."""
    listener = socket.create_server(("127.0.0.1", port))
    listener.settimeout(0.1)
    server, stop = Server(listener.getsockname()[1]), threading.Event()
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            request = _read(connection, stop)
            server.asked.append(f"{request.method} {request.path}")
            handler(request)

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                thread = threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True)
                thread.start()
                threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        stop.set()
        acceptor.join()
        listener.close()
        for thread in threads:
            thread.join(timeout=10)


def _read(connection: socket.socket, stop: threading.Event) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise OSError("gone")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Request(method, path, headers, body, connection, stop)


IDENTITY = {"X-Art-Coverage-Server": "1", "X-Art-Coverage-Pid": "7", "X-Covey-Agent": "python/1"}


def capture_of(pid: int = 7, lines: str = "1-3", **more: Any) -> dict[str, Any]:
    """A covey.capture/1 of one process."""
    process = {
        "pid": pid,
        "started": "2026-11-21T08:19:10.100Z",
        "start_ticks": 123,
        "epoch": 0,
        "alive": True,
        "complete": True,
        "core": "monitoring",
        "program": "/app/app.py",
        "files": {"/app/app.py": {"source_hash": None, "lines": lines}},
    }
    return {
        "schema": "covey.capture/1",
        "agent": "python",
        "version": "0.1.0",
        "language_version": "3.12.1",
        "implementation": "CPython",
        "boot_id": "b007",
        "epoch": 3,
        "captured_at": "2026-11-21T08:19:14.250Z",
        "processes": [process],
        "sources": {},
        "windows": [],
        "not_recorded": [],
        "warnings": [],
    } | more


def covey(capture: Mapping[str, Any] | bytes | None = None, token: str = "", **identity: Any) -> Handler:
    """An agent of covey's own wire. capture: what it gives, as JSON or bytes."""
    given = capture if isinstance(capture, bytes) else json.dumps(capture or capture_of()).encode()
    who = {
        "schema": "covey.identity/1",
        "agent": "python",
        "version": "0.1.0",
        "language_version": "3.12.1",
        "implementation": "CPython",
        "boot_id": "b007",
        "uid": 1000,
        "pid": 7,
        "started": "2026-11-21T08:19:10.100Z",
        "epoch": 3,
        "commit": None,
        "repository": None,
        "container": None,
        "pod_uid": None,
        "ports": None,
        "processes": 1,
        "warnings": [],
    } | identity

    def handle(request: Request) -> None:
        path = urlsplit(request.path).path
        if path != "/health" and token and request.headers.get("authorization") != f"Bearer {token}":
            request.answer(401, "no", IDENTITY)
        elif path == "/covey/1/identity":
            request.answer(200, json.dumps(who), IDENTITY)
        elif path == "/covey/1/capture":
            request.answer(200, given, IDENTITY)
        elif path == "/covey/1/epoch" and request.method == "POST":
            closed = {"epoch": 3, "name": json.loads(request.body).get("name") or "window-4"}
            answer = {"schema": "covey.epoch/1", "epoch": 4, "closed": closed, "acknowledged": 1, "late": []}
            request.answer(200, json.dumps(answer), IDENTITY)
        else:
            request.answer(404, "Not found", IDENTITY)

    return handle


def old(reply: Mapping[str, Any] | bytes, *, art: bool = False, reset: int = 200, health: str = "") -> Handler:
    """An agent of the old protocols. reply: to /coverage; bytes in it go as base64. art: with identity headers."""
    fields = reply if isinstance(reply, bytes) else {key: _text(value) for key, value in reply.items()}
    headers = {"X-Art-Coverage-Server": "1", "X-Art-Coverage-Pid": "21", "X-Art-Coverage-Binary": "/bin/app"}

    def handle(request: Request) -> None:
        path = urlsplit(request.path).path
        sent = headers if art else {}
        if path == "/coverage":
            request.answer(200, fields if isinstance(fields, bytes) else json.dumps(fields), sent)
        elif path == "/health":
            request.answer(200, health or '{"status":"ok","coverage_enabled":true}', sent)
        elif path == "/coverage/reset":
            request.answer(reset, "Coverage reset" if reset == 200 else "404 page not found", sent)
        else:
            request.answer(404, "Not found", sent)

    return handle


def _text(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def hanging(request: Request) -> None:
    """Takes the question and never answers."""
    request.stop.wait(60)


def stranger(request: Request) -> None:
    """A web server that is no agent."""
    request.answer(404, "<h1>not here</h1>")


def garbage(request: Request) -> None:
    request.send(b"\x00\xff" * 2000)


def announcing(size: int) -> Handler:
    """An agent whose capture announces `size` bytes."""
    return _capture_raw(lambda request: request.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{" % size))


def endless(request: Request) -> None:
    """An agent whose capture never ends, as fast as it goes."""

    def flood(request: Request) -> None:
        request.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not request.stop.is_set():
            request.send(b"x" * 65536)

    _capture_raw(flood)(request)


def dripping(request: Request) -> None:
    """An agent whose capture comes byte by byte, for ever."""

    def drip(request: Request) -> None:
        request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not request.stop.is_set():
            request.send(b" ")
            time.sleep(0.05)

    _capture_raw(drip)(request)


def _capture_raw(send: Handler) -> Handler:
    honest = covey()

    def handle(request: Request) -> None:
        (send if request.path.startswith("/covey/1/capture") else honest)(request)

    return handle
