"""A Kubernetes API server as far as the collector talks to one: lists in pages, reviews, port-forwards."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fakes.agent_servers import Request
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping

JSON = {"Content-Type": "application/json"}
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def kubeconfig(port: int, **user: Any) -> dict[str, Any]:
    """A kubeconfig for a server on the loopback, without TLS."""
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": user}],
    }


def pod(name: str, *containers: dict[str, Any], namespace: str = "shop", **more: Any) -> dict[str, Any]:
    """A running pod. more: labels, phase, deleting, owners."""
    made = containers or (container(),)
    meta: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "labels": more.get("labels", {}),
    }
    if more.get("deleting"):
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    owners = [{"apiVersion": "apps/v1", "kind": "X", "name": "x", "uid": uid} for uid in more.get("owners", ())]
    return {
        "metadata": meta | {"ownerReferences": owners},
        "spec": {"containers": [{"name": one["name"], "image": one["image"]} for one in made]},
        "status": {
            "phase": more.get("phase", "Running"),
            "containerStatuses": [
                {"ready": False, "restartCount": 2, "containerID": f"containerd://{one['name']}", **one} for one in made
            ],
        },
    }


def container(name: str = "app", image: str = "reg.io/org/app:v1", ran: str = "", **state: Any) -> dict[str, Any]:
    """state: as Kubernetes has it; running when not given."""
    return {"name": name, "image": image, "imageID": ran, "state": state or {"running": {}}}


def status(request: Request, code: int, message: str) -> None:
    """An answer of the API server that is none of success."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    request.answer(code, json.dumps(body), JSON)


def listing(items: Sequence[dict[str, Any]], *, expire: int = 0) -> Callable[[Request], None]:
    """Lists `items` in the pages asked for; `expire` continue tokens are refused as too old."""
    left = [expire]

    def handler(request: Request) -> None:
        asked = parse_qs(urlsplit(request.path).query)
        start, limit = int(asked.get("continue", ["0"])[0]), int(asked["limit"][0])
        if start and left[0] > 0:
            left[0] -= 1
            status(request, 410, "The provided continue parameter is too old")
            return
        more = str(start + limit) if start + limit < len(items) else ""
        body = {"kind": "List", "metadata": {"resourceVersion": "1", "continue": more}}
        request.answer(200, json.dumps({**body, "items": items[start : start + limit]}), JSON)

    return handler


class Forward:
    """The server's side of one port-forward: `data` and `error` speak, `heard` collects what the client sends."""

    def __init__(self, request: Request, port: int) -> None:
        self._request, self._frames = request, Connection(ConnectionType.SERVER)
        self._port = port.to_bytes(2, "little")
        self._said: set[int] = set()
        self._begins = True  # a message, with the byte of its channel
        self.heard = b""

    def data(self, content: bytes, *, pieces: int = 1) -> None:
        self._say(0, content, pieces)

    def error(self, text: str) -> None:
        self._say(1, text.encode(), 1)

    def event(self, event: Any) -> None:
        self._request.send(self._frames.send(event))

    def raw(self, content: bytes) -> None:
        self._request.send(content)

    def ping(self) -> None:
        self.event(Ping(b"there?"))

    def close(self) -> None:
        """Says goodbye and waits for the client to go, as servers do (RFC 6455, 7.1.1): what it still sends, as a pong,
        would else meet a closed socket, whose reset takes back what the client has not read yet."""
        self.event(CloseConnection(1000))
        self._request.connection.settimeout(10)
        with contextlib.suppress(OSError):
            while self._request.connection.recv(65536):
                pass

    def listen(self, until: bytes) -> None:
        """Hear until the client has sent that, in what it sends as data."""
        while until not in self.heard:
            part = self._request.connection.recv(65536)
            if not part:
                raise OSError("gone")
            self._frames.receive_data(part)
            for event in self._frames.events():
                if isinstance(event, BytesMessage):
                    self.heard += bytes(event.data)[self._begins :]
                    self._begins = event.message_finished

    def _say(self, channel: int, content: bytes, pieces: int) -> None:
        if channel not in self._said:
            self._said.add(channel)
            self.event(BytesMessage(bytes([channel]) + self._port))
        size = max(1, -(-len(content) // pieces))
        parts = [content[start : start + size] for start in range(0, len(content), size)] or [b""]
        for number, part in enumerate(parts):
            lead = bytes([channel]) if number == 0 else b""
            self.event(BytesMessage(lead + part, message_finished=number == len(parts) - 1))


def forwarding(play: Callable[[Forward], None], protocol: str = "v4.channel.k8s.io") -> Callable[[Request], None]:
    """Opens each port-forward and lets `play` act the pod."""

    def handler(request: Request) -> None:
        key = request.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Accept: {accept}", f"Sec-WebSocket-Protocol: {protocol}", "", ""]
        request.send("\r\n".join(lines).encode())
        play(Forward(request, int(parse_qs(urlsplit(request.path).query)["ports"][0])))

    return handler
