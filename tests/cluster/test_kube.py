"""The collector's way into a real cluster: listing, finding, port-forwards, permissions."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import pytest
import yaml
from cluster.kube import wait_until
from cluster.manifests import script_pod

from covey import web
from covey.errors import AgentError, ClusterDenied, NoAgent
from covey.kube import access, kubeconfig
from covey.kube.client import open_account, open_cluster
from covey.kube.discover import Query, discover
from covey.kube.tunnel import open_channel
from covey.model.provenance import Target

BLOB = bytes(range(256)) * 600
SERVER = """
import http.server, socket, socketserver, threading, time
BLOB = bytes(range(256)) * 600
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BLOB)))
        self.end_headers()
        if self.path == "/slow":
            for start in range(0, len(BLOB), 1000):
                self.wfile.write(BLOB[start:start + 1000])
                time.sleep(0.1)
        else:
            self.wfile.write(BLOB)
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
def greet():
    listener = socket.create_server(("127.0.0.1", 7001))
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        connection.close()
threading.Thread(target=greet, daemon=True).start()
Server(("127.0.0.1", 9095), Handler).serve_forever()
"""


def server_pod(name, image, **labels):
    """A pod of SERVER, which is ready when it listens."""
    pod = script_pod(name, image, SERVER, **labels)
    listens = ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 9095)).close()"]
    pod["spec"]["containers"][0]["readinessProbe"] = {"exec": {"command": listens}, "timeoutSeconds": 10}
    return pod


def run(do, *arguments, **named):
    """Awaits it, for a minute and a half at most."""

    async def bounded():
        with anyio.fail_after(90):
            return await do(*arguments, **named)

    return anyio.run(bounded)


@pytest.fixture(scope="module")
def place(cluster, images):
    """A namespace with a server of three replicas, and what fails beside it."""
    with cluster.namespace() as made:
        image = images.base("3.11")
        pod = server_pod("blob", image, app="blob")
        pod["spec"]["initContainers"] = [
            {"name": "sidecar", "image": image, "restartPolicy": "Always", "command": ["sleep", "3600"]},
            {"name": "once", "image": image, "command": ["true"]},
        ]
        made.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "blob"},
                "spec": {
                    "replicas": 3,
                    "selector": {"matchLabels": {"app": "blob"}},
                    "template": {"metadata": {"labels": {"app": "blob"}}, "spec": pod["spec"]},
                },
            },
            server_pod("stranger", image, app="blob"),
        )
        yield made


@pytest.fixture
def config(cluster):
    return str(cluster.kubeconfig)


def target(namespace: str, pod: str) -> Target:
    return Target("blob", namespace, pod, "app")


async def all_of(stream) -> bytes:
    return b"".join([part async for part in stream])


async def get(cluster, where: Target, path: str = "/", via: str = "native", port: int = 9095) -> bytes:
    async with open_channel(cluster, where, via) as channel, web.over(channel.connect) as client:
        url, bounds = f"http://localhost:{port}{path}", web.Bounds(60, 256 * 2**20)
        return (await web.fetch(client, "GET", url, bounds=bounds, errors=web.AGENT)).body


def test_thirty_forwards_at_once_are_exact(config, place):
    async def scenario():
        whole = []
        async with open_cluster(config) as cluster:
            pods = place.names("app=blob")

            async def one(number):
                whole.append(await get(cluster, target(place.name, pods[number % len(pods)])) == BLOB)

            async with anyio.create_task_group() as group:
                for number in range(30):
                    group.start_soon(one, number)
        return whole

    assert run(scenario) == [True] * 30


@pytest.mark.parametrize("via", ["native", "kubectl"])
def test_each_way_in_tells_what_is_there(cluster, config, place, via, monkeypatch):
    monkeypatch.setenv("PATH", cluster.environment["PATH"])
    where = target(place.name, place.names("app=blob")[0])

    async def scenario():
        async with open_cluster(config) as api:
            assert await get(api, where, via=via) == BLOB
            with pytest.raises(NoAgent, match="nothing listens on port 9999"):
                await get(api, where, via=via, port=9999)
            assert await get(api, where, via=via) == BLOB  # a refusal harms no later connection
            async with open_channel(api, where, via) as channel, await channel.connect(7001) as stream:
                assert await all_of(stream) == b"hello"  # the server ended first, and what it said arrived
            with pytest.raises(AgentError, match="gone"):
                await get(api, target(place.name, "gone"), via=via)

    run(scenario)


def test_a_pod_that_is_deleted_midway_is_an_error_of_its_own(config, images, place):
    place.apply(server_pod("doomed", images.base("3.11"), app="doomed"))

    async def scenario():
        async with open_cluster(config) as cluster:
            stream = await _open(cluster)
            await stream.receive()
            kill = ("delete", "pod", "doomed", "--grace-period=0", "--force", "--wait=true")
            await anyio.to_thread.run_sync(place.kubectl, *kill)
            with suppress(anyio.BrokenResourceError, AgentError):  # how a tunnel breaks is up to the kubelet
                assert len(await all_of(stream)) < len(BLOB)
            await stream.aclose()
            with pytest.raises(AgentError, match="gone"):
                await get(cluster, target(place.name, "doomed"))

    async def _open(cluster):
        async with open_channel(cluster, target(place.name, "doomed")) as channel:
            stream = await channel.connect(9095)
            await stream.send(b"GET /slow HTTP/1.0\r\n\r\n")
            return stream

    run(scenario)


def test_no_kubectl_is_left_behind_when_cancelled(cluster, config, place, monkeypatch):
    monkeypatch.setenv("PATH", cluster.environment["PATH"])
    where = target(place.name, place.names("app=blob")[0])
    pids = []

    async def scenario():
        async with open_cluster(config) as api:
            with anyio.move_on_after(20) as scope:
                async with open_channel(api, where, "kubectl") as channel, await channel.connect(9095):
                    pids.extend(_children("port-forward"))
                    scope.cancel()
                    await anyio.sleep_forever()

    run(scenario)
    assert pids
    assert not _children("port-forward")


def _children(word: str) -> list[int]:
    """This process's children whose command line has the word."""
    done = subprocess.run(
        ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True
    )
    return [int(line.split()[0]) for line in done.stdout.splitlines() if word in line]


def waiting(name: str, replicas: int) -> dict:
    """Pods that no node takes."""
    labels = {"app": "waiting", "set": name}
    spec = {"nodeSelector": {"nowhere": "1"}, "containers": [{"name": "app", "image": "covey.test/none:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def test_lists_page_by_page(config, place):
    place.apply(*(waiting(name, 6) for name in ("one", "two")))
    wait_until("twelve pods", lambda: len(place.pods("app=waiting")) == 12)

    async def scenario():
        async with open_cluster(config) as cluster:
            listed = await cluster.pods(place.name, labels="app in (waiting),!nothing", page=5)
            found = await discover(cluster, Query((place.name,), label_selector="app=waiting"), page=5)
        return listed, found

    listed, found = run(scenario)
    assert sorted(pod.name for pod in listed) == place.names("app=waiting")
    assert found.targets == ()
    assert len(found.skipped) == 12
    assert found.skipped[0][1].startswith("is Pending")


def find(config, *namespaces, **query):
    async def scenario():
        async with open_cluster(config) as cluster:
            return await discover(cluster, Query(namespaces, **query))

    return run(scenario)


def test_finds_by_label_workload_name_and_container(config, place):
    everyone = find(config, place.name, label_selector="app=blob")
    assert [one.container for one in everyone.targets] == ["app", "sidecar"] * 3 + ["app"]
    assert {one.component for one in everyone.targets} == {"blob"}
    assert all(one.pod_uid and one.container_id for one in everyone.targets)

    made = find(config, place.name, workloads=("deploy/blob",), containers=("app",))
    assert len(made.targets) == 3  # the stranger has its labels, not its owner
    assert "stranger" not in {one.pod for one in made.targets}

    named = find(config, place.name, pods=("stranger", "nobody"), workloads=("sts/none",))
    assert [one.pod for one in named.targets] == ["stranger"]
    assert ("nobody", "there is no such pod") in named.skipped
    assert ("sts/none", f"there is none in {place.name}") in named.skipped

    spaces = {one.namespace for one in find(config, all_namespaces=True).targets}
    assert place.name in spaces
    assert "kube-system" not in spaces


def test_finds_by_image(config, images, place):
    image = images.base("3.11")
    repository = image.rpartition(":")[0]
    assert len(find(config, place.name, images=(image,), label_selector="app=blob").targets) == 7
    assert len(find(config, place.name, images=(repository,), label_selector="app=blob").targets) == 7
    other = find(config, place.name, images=(f"{repository}:other",), pods=("stranger",))
    assert not other.targets
    assert [(near.target.pod, near.asked, near.why) for near in other.near_misses] == [
        ("stranger", f"{repository}:other", "it runs another tag")
    ]
    assert image in other.near_misses[0].runs
    loose = find(config, place.name, images=(f"{repository}:other",), pods=("stranger",), match="repository")
    assert loose.targets[0].image_ran.startswith("sha256:")


def test_says_what_is_not_running(config, images, place):
    image = images.base("3.11")
    crash = script_pod("crash", image, "raise SystemExit(7)", app="ill")
    slow = script_pod("leaving", image, "import time; time.sleep(3600)", app="ill")
    slow["spec"]["terminationGracePeriodSeconds"] = 30
    place.apply(slow)
    place.kubectl("apply", "-f", "-", stdin=json.dumps(crash))
    place.kubectl("delete", "pod", "leaving", "--wait=false")
    ask = partial(find, config, place.name, label_selector="app=ill")
    wait_until("a crash", lambda: any("ended" in why or "waiting" in why for _, why in ask().skipped))
    found = ask()
    assert found.targets == ()
    assert (f"{place.name}/leaving", "is being deleted") in found.skipped
    place.kubectl("delete", "pod", "leaving", "crash", "--grace-period=0", "--force")


@pytest.fixture
def limited(cluster, place, tmp_path):
    """The kubeconfig of a service account that may do nothing yet."""
    account = f"limited-{secrets.token_hex(4)}"
    place.kubectl("create", "serviceaccount", account)
    token = place.kubectl("create", "token", account).strip()
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": token}
    content["contexts"][0]["context"]["namespace"] = place.name
    path = tmp_path / "limited"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_a_limited_user_is_told_what_is_missing_and_how_to_mend_it(limited, place):
    async def look():
        async with open_cluster(limited) as cluster:
            return await access.check(cluster)

    async def use():
        async with open_cluster(limited) as cluster:
            found = await discover(cluster, Query(label_selector="app=blob", containers=("app",)))
            return await get(cluster, found.targets[0])

    with pytest.raises(ClusterDenied, match=f"not allowed to list pods in namespace {place.name}") as denied:
        run(use)
    assert "covey doctor" in denied.value.hint

    before = run(look)
    assert before.version.startswith("v1.")
    assert before.user.startswith(f"system:serviceaccount:{place.name}:limited")
    assert {str(check.permission) for check in before.missing} >= {
        f"list pods in namespace {place.name}",
        f"get pods/portforward in namespace {place.name}",
    }

    place.kubectl("apply", "-f", "-", stdin=before.cure)
    wait_until("the new rights", lambda: not run(look).missing)
    assert run(look).cure == ""
    assert run(use) == BLOB

    with pytest.raises(ClusterDenied, match="in all namespaces"):
        find(limited, all_namespaces=True)
    with pytest.raises(ClusterDenied, match=r"get deployments\.apps"):
        find(limited, place.name, workloads=("deploy/blob",))


def test_a_port_forward_that_is_not_allowed_says_so(limited, place):
    async def use():
        async with open_cluster(limited) as cluster:
            await get(cluster, target(place.name, place.names("app=blob")[0]))

    with pytest.raises(ClusterDenied, match="pods/portforward"):
        run(use)


def test_works_from_inside_by_the_pods_account(cluster, place, tmp_path, monkeypatch):
    inside = "/var/run/secrets/kubernetes.io/serviceaccount"
    for name in ("token", "ca.crt", "namespace"):
        content = place.kubectl("exec", "stranger", "-c", "app", "--", "cat", f"{inside}/{name}")
        (tmp_path / name).write_text(content)
    server = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    host, _, port = server.partition("://")[2].rpartition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)

    async def who():
        async with open_account(kubeconfig.load(service_account=tmp_path)) as api:
            return api.namespace, await api.user()

    assert run(who) == (place.name, f"system:serviceaccount:{place.name}:default")


def test_wrong_credentials_and_certificates_are_told_apart(cluster, tmp_path):
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": "no"}
    path = Path(tmp_path / "config")
    path.write_text(yaml.safe_dump(content))

    async def list_pods():
        async with open_cluster(str(path)) as api:
            await api.pods("default")

    with pytest.raises(ClusterDenied, match="does not accept these credentials"):
        run(list_pods)
    other = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", os.devnull],
        capture_output=True,
    ).stdout
    content["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(other).decode()
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED") as failed:
        run(list_pods)
    assert "certificate-authority" in failed.value.hint
