"""The routes: which request gets which reply (docs/reference/wire.md).

`answer` is a generator, as what it calls: it yields the seconds after which it wants to go on and returns the reply.
Only `/coverage/reset` and `POST /covey/1/epoch` change what is told.
"""

from __future__ import annotations

import binascii
import os
import sys
import time
from _operator import _compare_digest as same  # what hmac.compare_digest is, without hmac

from covey_agent import (
    VERSION,
    WIRE,
    capture,
    closing,
    dumps,
    folders,
    folding,
    linetable,
    processes,
    surroundings,
    windows,
)
from covey_agent.http_text import Refused, Request, reply
from covey_agent.jsontext import dump, quote
from covey_agent.settings import DEFAULT_SPOOL_MAX

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_MAX_TOKEN = 4096
_RESPITE = 60.0  # seconds until a spool that could not be folded is tried again
# Of the environment a helper starts with, what its identity is made of: header, then the variables in order.
IDENTITY = (
    ("Source-Commit", ("SOURCE_GIT_COMMIT",)),
    ("Source-Url", ("SOURCE_GIT_URL",)),
    ("Software-Group", ("SOFTWARE_GROUP", "__doozer_group")),
    ("Software-Key", ("SOFTWARE_KEY", "__doozer_key")),
)


class Answers:
    """What one spool's helper answers. `pid` is that of the process that began to serve; `token_file` may be "";
    `limit`: the bytes that segments may have."""

    def __init__(
        self, spool: str, pid: int, token_file: str = "", environ=os.environ, max_source=0, limit=DEFAULT_SPOOL_MAX
    ) -> None:
        self.spool = spool
        self._limit = limit
        self._fold_at = 0.0
        self.pid = pid
        self._started = processes.started_at(processes.start_ticks(pid) or 0)
        self._token_file = token_file
        self._token: tuple[object, bytes] = (None, b"")
        self._identity = _identity(environ)
        self._store = windows.Store(spool)
        self._tables = linetable.Tables(quote, max_source or linetable.MAX_SOURCE)
        self.headers = [("X-Art-Coverage-Server", "1"), ("X-Art-Coverage-Pid", str(pid))]
        self.headers.append(("X-Art-Coverage-Binary", binary()))
        self.headers.extend(("X-Art-Coverage-" + name, text) for name, text in self._identity.items())
        self.headers.append(("X-Covey-Agent", WIRE))

    def refuse(self, status: int, text: str) -> bytes:
        return reply(status, self.headers, _TEXT, text.encode("utf-8", "replace"))

    def answer(self, request: Request):
        """The reply's bytes. An error of ours becomes a 500 that names it; nothing is raised but GeneratorExit."""
        try:
            return (yield from self._answer(request))
        except Refused as error:
            return self.refuse(error.status, error.text)
        except (capture.TooLarge, closing.Busy) as error:
            return self.refuse(503, str(error))
        except Exception as error:
            return self.refuse(500, f"covey's agent: {error!r}")

    def upkeep(self):
        """Folds what ended processes have left, when that is due; steps as those of an answer. Raises nothing."""
        if time.monotonic() < self._fold_at:
            return
        try:
            yield from folding.upkeep(self.spool, self._limit)
        except Exception:  # no room for the fold, or the folder is gone: all stays as it is
            self._fold_at = time.monotonic() + _RESPITE

    def _answer(self, request):
        if request.method == "HEAD":
            return reply(200, self.headers)
        if not self._token_file and request.is_of_a_page():
            return self.refuse(403, "not for pages of other sites; another name than localhost needs a token")
        allowed = not self._token_file or same(self._bearer(request), self._wanted())
        if request.path == "/health" and request.method == "GET":
            return self._ok(_JSON, (yield from self._health(allowed)))
        if not allowed:
            return self.refuse(401, "Unauthorized")
        route = self._route(request)
        if route is None:
            return self.refuse(404, "Not found")
        yield from self.upkeep()
        return (yield from route(request))

    def _route(self, request):
        routes = {
            ("GET", "/coverage"): self._coverage,
            ("GET", "/coverage/reset"): self._reset,
            ("POST", "/coverage/reset"): self._reset,
            ("GET", "/covey/1/identity"): self._who,
            ("GET", "/covey/1/capture"): self._capture,
            ("POST", "/covey/1/epoch"): self._epoch,
        }
        return routes.get((request.method, request.path))

    def _ok(self, kind, body):
        return reply(200, self.headers, kind, body)

    def _bearer(self, request):
        scheme, _, token = request.fields.get(b"authorization", b"").partition(b" ")
        return token.strip() if scheme.lower() == b"bearer" else b""

    def _wanted(self) -> bytes:
        """The token as the file has it now: secrets are replaced while a pod runs. Unreadable or empty: one that
        nobody can know, so that everything is refused."""
        try:
            status = os.stat(self._token_file)
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if stamp != self._token[0]:
                with open(self._token_file, "rb") as file:
                    self._token = (stamp, file.read(_MAX_TOKEN).strip())
        except OSError:
            self._token = (None, b"")
        return self._token[1] or os.urandom(32)

    def _health(self, allowed):
        self._store.refresh()
        fields = {"status": "ok", "coverage_enabled": True, "data_dir": self.spool}
        fields["coverage_files"] = max(1, len(folders.names(self.spool)))
        if allowed:
            found = yield from capture.gather(self.spool, [])
            fields["warnings"] = found.warnings + folders.unserved(self.spool)
        return dump(fields).encode("ascii")

    def _coverage(self, request):
        files, count = yield from capture.since_reset(self.spool, self._store)
        blob = binascii.b2a_base64(dumps.dumps(files, VERSION), newline=False).decode("ascii")
        label = request.query.get("name") or "session"
        fields = {"label": label, "timestamp": processes.iso(time.time()), "coverage_data": blob}
        return self._ok(_JSON, capture.Body(dump(dict(fields, files_combined=count))).encoded())

    def _reset(self, _request):
        yield from closing.close(self._store, is_reset=True)
        return self._ok(_TEXT, b"Coverage reset")

    def _epoch(self, request):
        done = yield from closing.close(self._store, _name(request.body))
        return self._ok(_JSON, dump(done).encode("ascii"))

    def _head(self, schema):
        return {
            "schema": schema,
            "agent": "python",
            "version": VERSION,
            "language_version": ".".join(map(str, sys.version_info[:3])),
            "implementation": "CPython",
            "boot_id": processes.boot_id(),
        }

    def _who(self, _request):
        self._store.refresh()
        found = yield from capture.gather(self.spool, [])
        fields = dict(self._head("covey.identity/1"), uid=os.geteuid(), pid=self.pid)
        began = next(
            (one.segment.started for (pid, _), one in found.processes.items() if pid == self.pid), self._started
        )
        fields.update(started=processes.iso(began), epoch=self._store.epoch)
        fields.update(commit=self._identity.get("Source-Commit"), repository=self._identity.get("Source-Url"))
        container, pod_uid = surroundings.container()
        fields.update(container=container, pod_uid=pod_uid, ports=surroundings.ports())
        fields.update(processes=found.count(), warnings=found.warnings + folders.unserved(self.spool))
        return self._ok(_JSON, dump(fields).encode("ascii"))

    def _capture(self, request):
        since = request.query.get("since")
        if since is not None and not (since.isascii() and since.isdigit() and len(since) < 10):
            raise Refused(400, "since must be the number of an epoch")
        epoch = None if since is None else int(since)
        head = self._head("covey.capture/1")
        body = yield from capture.capture(head, self.spool, self._store, self._tables, epoch)
        return self._ok(_JSON, body)


def _name(body: bytes) -> str:
    """The name in the body of `POST /covey/1/epoch`; "" when there is none."""
    if not body.strip():
        return ""
    import json

    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    name = fields.get("name") if isinstance(fields, dict) else None
    if name is None and isinstance(fields, dict):
        return ""
    if not isinstance(name, str) or not name.isprintable() or len(name.encode("utf-8", "replace")) > windows.MAX_NAME:
        raise Refused(400, f'the body must be {{"name": TEXT}}, at most {windows.MAX_NAME} bytes, printable')
    return name


def _identity(environ) -> dict[str, str]:
    """The optional identity headers, each printable and at most 1024 characters: they come from outside."""
    found = {}
    for header, variables in IDENTITY:
        text = next((environ[name] for name in variables if environ.get(name)), "")
        text = "".join(character for character in text[:1024] if " " <= character <= "~")
        if header == "Source-Url":
            text = _without_password(text)
        if text:
            found[header] = text
    return found


def _without_password(url):
    """Pipelines clone by https://user:token@host/...: who asks for the repository is not to be told the token."""
    scheme, separator, rest = url.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if not at or (scheme == "ssh" and ":" not in user):  # ssh://git@host has no secret
        return url
    return scheme + separator + rest[len(user) + 1 :]


def binary() -> str:
    """Base name of the interpreter, with its version: `python3.12`."""
    return "python{}.{}".format(*sys.version_info)
