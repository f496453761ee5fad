from __future__ import annotations

import base64
import json
import sys

import anyio
import pytest
from fakes import kubernetes
from fakes.agent_servers import serving
from fakes.kubernetes import JSON, listing, pod, status

from covey.errors import ClusterDenied, ClusterError, ConfigError, InputError
from covey.kube.client import open_cluster


@pytest.fixture
def use(tmp_path):
    """Lets `do(cluster)` talk to a fake API server; gives what it returns and what the server was asked."""

    def run(handler, do, **user):
        async def scenario():
            async with open_cluster(str(tmp_path / "config")) as cluster:
                with anyio.fail_after(30):
                    return await do(cluster)

        with serving(handler) as server:
            (tmp_path / "config").write_text(json.dumps(kubernetes.kubeconfig(server.port, **user)))
            return anyio.run(scenario), server.asked

    return run


PODS = [pod(f"p{number}") for number in range(12)]


def pods(cluster):
    return cluster.pods("shop", labels="a in (b,c),!d", page=5)


def test_lists_are_read_page_by_page(use):
    found, asked = use(listing(PODS), pods)
    assert [one.name for one in found] == [one["metadata"]["name"] for one in PODS]
    assert len(asked) == 3
    assert (
        "labelSelector=a+in+%28b%2Cc%29%2C%21d" in asked[0] or "labelSelector=a%20in%20%28b%2Cc%29%2C%21d" in asked[0]
    )


def test_a_list_that_the_server_forgot_begins_again(use):
    found, asked = use(listing(PODS, expire=2), pods)
    assert len(found) == 12
    assert len(asked) == 7
    with pytest.raises(ClusterError, match="takes longer than") as failed:
        use(listing(PODS, expire=99), pods)
    assert "fewer" in failed.value.hint


def test_a_pod_is_read_with_its_sidecars_and_states(use):
    one = pod(
        "p", kubernetes.container("app", waiting={"reason": "CrashLoopBackOff"}), deleting=True, labels={"a": "b"}
    )
    one["spec"]["initContainers"] = [
        {"name": "proxy", "image": "envoy", "restartPolicy": "Always"},
        {"name": "once", "image": "busybox"},
    ]
    one["status"]["initContainerStatuses"] = [
        {"name": "proxy", "image": "x", "imageID": "docker.io/envoy@sha256:1", "ready": True, "restartCount": 3}
        | {"state": {"running": {}}, "containerID": "containerd://9"}
    ]
    (found,), _ = use(listing([one]), pods)
    assert (found.deleting, found.uid, found.labels, found.absent) == (True, "uid-p", {"a": "b"}, "is being deleted")
    assert [(it.name, it.running, it.restart, it.waits) for it in found.containers] == [
        ("proxy", True, 3, ""),
        ("app", False, 2, "is waiting: CrashLoopBackOff"),
    ]


@pytest.mark.parametrize(
    ("handler", "error", "words"),
    [
        (
            lambda request: status(request, 403, 'User "x" cannot list'),
            ClusterDenied,
            "not allowed to list pods in name",
        ),
        (lambda request: status(request, 401, "Unauthorized"), ClusterDenied, "does not accept these credentials"),
        (
            lambda request: status(request, 500, "boom"),
            ClusterError,
            "answered 500 to list pods in namespace shop: boom",
        ),
        (lambda request: request.answer(502, "<html>bad gateway"), ClusterError, "502|not a Kubernetes API"),
        (
            lambda request: request.answer(200, "<html>log in", {"Content-Type": "text/html"}),
            ClusterError,
            "not a Kube",
        ),
        (lambda request: request.answer(200, '{"items": 3}', JSON), ClusterError, "not a Kubernetes API"),
        (lambda request: request.send(b"SSH-2.0\r\n\r\n"), ClusterError, "cannot be reached"),
        (lambda request: None, ClusterError, "cannot be reached"),
    ],
)
def test_what_fails_is_an_error_of_ours(use, handler, error, words):
    with pytest.raises(error, match=words) as failed:
        use(handler, pods)
    assert failed.value.hint or "500" in words or "502" in words


def test_a_server_that_is_busy_is_asked_again(use):
    left = [2]

    def handler(request):
        left[0] -= 1
        if left[0] >= 0:
            status(request, 429, "slow down")
        else:
            listing(PODS)(request)

    found, asked = use(handler, pods)
    assert len(found) == 12
    assert len(asked) == 5


def test_a_token_file_is_read_again(use, tmp_path):
    token = tmp_path / "token"
    token.write_text("old\n")

    def handler(request):
        if request.headers["authorization"] == "Bearer new":
            listing(PODS[:1])(request)
        else:
            token.write_text("new\n")
            status(request, 401, "expired")

    found, asked = use(handler, pods, tokenFile=str(token))
    assert len(found) == 1
    assert len(asked) == 2


def plugin(tmp_path, program):
    path = tmp_path / "login"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{program}\n")
    path.chmod(0o700)
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "installHint": "install login"}


TELL = """
told = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
count = os.environ.get("COUNT", "count")
with open(os.path.join(os.path.dirname(__file__), "runs"), "a+") as runs:
    runs.write("x"); runs.seek(0); number = len(runs.read())
assert told["spec"]["cluster"]["server"].startswith("http://127")
status = {"token": "t%d" % number, "expirationTimestamp": "2999-01-01T00:00:00Z"}
print(json.dumps({"apiVersion": told["apiVersion"], "kind": "ExecCredential", "status": status}))
"""


def test_a_plugin_is_told_of_the_cluster_and_asked_again_when_refused(use, tmp_path):
    def handler(request):
        if request.headers["authorization"] == "Bearer t2":
            listing(PODS)(request)
        else:
            status(request, 401, "expired")

    found, asked = use(handler, pods, exec=plugin(tmp_path, TELL) | {"provideClusterInfo": True})
    assert len(found) == 12
    assert len(asked) == 4
    assert (tmp_path / "runs").read_text() == "xx"


@pytest.mark.parametrize("until", ["2999-01-01T00:00:00", "0001-01-01T00:00:00Z", None])
def test_a_plugin_may_tell_its_time_as_it_likes(use, tmp_path, until):
    program = TELL.replace('"2999-01-01T00:00:00Z"', repr(until))
    assert len(use(listing(PODS), pods, exec=plugin(tmp_path, program) | {"provideClusterInfo": True})[0]) == 12


@pytest.mark.parametrize(
    ("program", "error", "words"),
    [
        ("sys.exit('please log in')", ClusterDenied, "exit code 1: please log in"),
        ("print('[]')", ClusterDenied, "gave no ExecCredential"),
        ("print('x')", ClusterDenied, "gave no ExecCredential"),
    ],
)
def test_a_plugin_that_fails_says_its_word(use, tmp_path, program, error, words):
    with pytest.raises(error, match=words):
        use(listing(PODS), pods, exec=plugin(tmp_path, program))
    with pytest.raises(ConfigError, match="unknown version"):
        use(listing(PODS), pods, exec=plugin(tmp_path, program) | {"apiVersion": "v7"})


def test_a_password_and_impersonation_are_sent(use):
    def handler(request):
        assert request.headers["authorization"] == "Basic " + base64.b64encode(b"me:pw").decode()
        assert request.headers["impersonate-user"] == "jane"
        listing(PODS)(request)

    user = {"username": "me", "password": "pw", "as": "jane", "as-groups": ["a", "b"]}
    assert len(use(handler, pods, **user)[0]) == 12


def test_an_unknown_kind_of_workload_is_named(use):
    with pytest.raises(InputError, match="'pig' is no kind of workload") as failed:
        use(listing([]), lambda cluster: cluster.workload("pig", "shop", "x"))
    assert "deployment" in failed.value.hint
