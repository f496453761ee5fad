"""Real documents of every schema: what covey's command line and its agent say and write, gathered in one go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import zlib
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import interpreters
from agent_serving import folder_of, served
from fakes import kubernetes
from fakes.agent_servers import Request, capture_of, covey, old, serving, stranger
from fakes.kubernetes import JSON, container, listing, pod, status

from covey.model.journal import Journal
from covey.model.manifest import Capture, Failure, Process
from covey.model.provenance import Target

PROGRAM = """\
import sys

print("ready", flush=True)
for line in sys.stdin:
    print(line, flush=True)
"""


def command(*arguments, cwd, code=0, **more):
    """What a covey command prints on stdout, of one that ends with `code`."""
    environ = {**os.environ, "NO_COLOR": "1", "KUBECONFIG": os.devnull, "HOME": str(cwd)} | more
    line = [sys.executable, "-m", "covey", *map(str, arguments)]
    done = subprocess.run(line, cwd=cwd, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout


class Said(defaultdict):
    """Schema's name -> the documents that were said of it."""

    def __init__(self):
        super().__init__(list)

    def add(self, document):
        self[document["schema"]].append(document)
        return document

    def add_bundle(self, folder):
        self.add(json.loads((folder / "metadata.json").read_bytes()))
        self["covey.journal/1"] += map(json.loads, (folder / "journal.jsonl").read_bytes().splitlines())


def everything(folder):
    """A real agent's documents, those of the verbs that ask it, of a fake cluster, and of no agent."""
    found = Said()
    _agent(found, folder)
    _cluster(found, folder)
    _journal(found, folder / "pods")
    settings = '[collect]\nport = 9100\nlabel-selector = "app=shop"\nnamespace = ["a", "b"]\n[paths]\n"/app" = "src"\n'
    (folder / "covey.toml").write_text(settings)
    found.add(json.loads(command("config", "--json", cwd=folder, COVEY_REPORT_CONTEXT="3")))
    found.add(json.loads(command("plugins", "--json", cwd=folder)))
    (folder / "x.info").write_text("SF:/srv/covey.toml\nDA:1,1\nend_of_record\nSF:b.c\nDA:1,1\nend_of_record\n")
    found.add(json.loads(command("report", "x.info", "--explain-paths", "--json", cwd=folder)))
    found.add(json.loads(command("doctor", "--json", cwd=folder)))
    return found


def _agent(found, folder):
    """A process on the newest core there is, over three windows, the last of which it does not begin in time."""
    python = interpreters.locate("3.12") or interpreters.locate("3.13") or Path(sys.executable)
    (folder / "app.py").write_text(PROGRAM)
    with served(python, folder / "spool", folder / "app.py", SOURCE_GIT_COMMIT="c0ffee") as running:
        running.process.stdout.readline()
        found.add(running.get("/covey/1/identity").json)
        found.add(running.capture())
        found.add(running.close_window("login"))
        running.process.stdin.write("x\n")
        assert running.process.stdout.readline() == "x\n"
        found.add(running.capture(since=1))
        _verbs(found, folder, f"127.0.0.1:{running.port}")
        running.process.send_signal(signal.SIGSTOP)
        late = found.add(running.close_window())
        if python != Path(sys.executable):
            assert late["late"]
        running.process.kill()
        running.process.wait()
        assert found.add(running.capture())["processes"][0]["alive"] is False
        for path in folder_of(running.spool).glob("*.window"):
            found.add(json.loads(zlib.decompress(path.read_bytes())))


def _verbs(found, folder, url):
    """The verbs that ask agents: the real one, an old one and a server that is none."""
    dump = b"z" + zlib.compress(b"")
    with serving(old({"coverage_data": dump})) as before, serving(stranger) as other:
        urls = [part for port in (before.port, other.port) for part in ("--url", f"127.0.0.1:{port}")]
        both = ("--url", url, *urls, "--json")
        found.add(json.loads(command("collect", *both, "--test-name", "e2e", "-o", "b", cwd=folder, code=6)))
        found.add(json.loads(command("collect", *both, "-o", "b", cwd=folder, code=6)))
        found.add_bundle(folder / "b")
        found.add(json.loads(command("collect", "--url", url, "--json", "-o", "one", "--", "true", cwd=folder)))
        found.add_bundle(folder / "one")
        nothing = ("--url", f"127.0.0.1:{other.port}", "--json", "-o", "none")
        found.add(json.loads(command("collect", *nothing, cwd=folder, code=3)))
        found.add_bundle(folder / "none")
        found.add(json.loads(command("reset", *both, cwd=folder, code=6)))
        found.add(json.loads(command("doctor", *both, cwd=folder, code=2)))
    found.add(json.loads(command("report", "one", "--format", "json", "--part", "unit=one", cwd=folder)))


def _forwarded(forward):
    """An agent at the end of a port-forward."""
    forward.listen(b"\r\n\r\n")
    method, path, _ = forward.heard.decode().split(" ", 2)
    back = SimpleNamespace(sendall=forward.data)
    covey(ports=[9095])(Request(method, path, {}, b"", back, threading.Event()))
    forward.close()


def _api(request):
    """A cluster of two running pods with agents and one that is going, in which one may only list."""
    image = "127.0.0.1:1/org/app"
    pods = [
        pod("a", container("app", f"{image}:v1", f"{image}@sha256:{'a' * 64}"), labels={"app": "shop"}),
        pod("b", container("app", f"{image}:v2")),
        pod("c", deleting=True),
    ]
    path = urlsplit(request.path).path
    if path.endswith("/pods"):
        listing(pods)(request)
    elif path.endswith("/portforward"):
        kubernetes.forwarding(_forwarded)(request)
    elif path == "/version":
        request.answer(200, json.dumps({"gitVersion": "v1.33.1"}), JSON)
    elif path.endswith("/selfsubjectaccessreviews"):
        asked = json.loads(request.body)
        allowed = asked["spec"]["resourceAttributes"]["verb"] == "list"
        request.answer(201, json.dumps({**asked, "status": {"allowed": allowed}}), JSON)
    else:
        status(request, 404, "not found")


def _cluster(found, folder):
    with serving(_api) as server:
        (folder / "config").write_text(json.dumps(kubernetes.kubeconfig(server.port)))
        which = ("--kubeconfig", "config", "-n", "shop", "--json")
        found.add(json.loads(command("discover", *which, "--pods", "a,c,x", cwd=folder)))
        image = ("--images", "127.0.0.1:1/org/app:v2")
        assert found.add(json.loads(command("discover", *which, *image, cwd=folder)))["near_misses"]
        found.add(json.loads(command("doctor", *which, cwd=folder, code=2)))
        assert found.add(json.loads(command("collect", *which, *image, "-o", "pod", cwd=folder)))["near_misses"]
        found.add_bundle(folder / "pod")


def _journal(found, folder):
    """A bundle of pods with a replacement, warnings and a failure, and one that went on without its journal."""
    place = Target("shop", "ns", "pod", "app", "reg/app:v1", "reg/app@sha256:1", "uid", "containerd://1", 2)
    for pids in ((7,), (7, 8)):
        journal = Journal.begin(folder, "e2e", {}, "")
        one = Capture(place, datetime(2026, 1, 1, tzinfo=UTC), agent="python", format="segments", warnings=("late",))
        processes = tuple(Process(pid, "2026-01-01T00:00:00.000Z") for pid in pids)
        journal.add(replace(one, processes=processes), {"capture.json": json.dumps(capture_of()).encode()})
        journal.fail(Failure("ns/c", "deadline"))
        journal.finish()
        found.add_bundle(folder)
    (folder / "journal.jsonl").unlink()
    Journal.begin(folder, "", {}, "").finish()
    found.add_bundle(folder)
