"""Coverage of running pods comes home whole: the same lines as coverage.py's tracer gives in one process."""

from __future__ import annotations

import ast
import json
from collections import Counter

import pytest
from cluster import manifests, traffic
from cluster.collecting import assert_exact, manifest, ran
from cluster.images import PYTHONS

LABEL = "app=flask-service"


def deploy(namespace, image, change=lambda deployment: None):
    """The example's own manifests, with its traffic sent; the pods' names."""
    objects = manifests.example("deployment.yaml", image)
    change(objects[0])
    namespace.apply(*objects)
    traffic.send(namespace, "flask-service")
    return namespace.names(LABEL)


def test_three_pods_of_four_workers_are_one_exact_union(core, image, namespace, covey, reference, tmp_path):
    pods = deploy(namespace, image)
    answer = covey.collect("-l", LABEL, "-n", namespace.name, "--test-name", "e2e", out=tmp_path / "bundle")
    assert (answer["status"], answer["failures"]) == ("complete", [])
    report = covey.report(tmp_path / "bundle")
    assert_exact(report, reference)
    assert Counter(source["pod"] for source in report["sources"]) == dict.fromkeys(pods, 5)
    kept = manifest(tmp_path / "bundle")
    assert_provenance(kept, namespace, pods, image)
    assert_shared(tmp_path / "bundle", kept)


def assert_provenance(kept, namespace, pods, image):
    """Every pod is named with what ran there, its master and four workers one by one."""
    running = {pod["metadata"]["name"]: pod for pod in namespace.pods(LABEL)}
    assert (kept["test_name"], kept["status"]) == ("e2e", "complete")
    assert sorted(one["pod_name"] for one in kept["components"]) == pods
    for one in kept["components"]:
        pod = running[one["pod_name"]]
        assert (one["name"], one["namespace"], one["container_name"]) == ("flask-service", namespace.name, "app")
        assert (one["image"], one["pod_uid"]) == (image, pod["metadata"]["uid"])
        ran_as = pod["status"]["containerStatuses"][0]
        assert one["image_ran"].endswith(ran_as["imageID"].rpartition("sha256:")[2])
        assert ran_as["containerID"].endswith(one["container_id"])
        assert (one["agent"], one["format"]) == ("python", "segments")
        assert len({(process["pid"], process["started"]) for process in one["processes"]}) == 5


def assert_shared(bundle, kept):
    """No process alone ran all of it, and every pod ran more than its imports: the union is of many."""
    pods = [[recorded(process) for process in capture["processes"]] for capture in captures(bundle, kept)]
    union = set().union(*(lines for pod in pods for lines in pod))
    for pod in pods:
        assert all(lines < union for lines in pod)
        assert len(set(map(len, pod))) > 2  # gunicorn's master, which imports nothing, and workers that differ


def captures(bundle, kept):
    for one in kept["components"]:
        yield json.loads((bundle / one["coverage_dir"] / one["files"][0]["name"]).read_text())


def recorded(process):
    """The pairs of path and line that a process ran."""
    return frozenset((path, line) for path, file in process["files"].items() for line in numbers(file["lines"]))


def numbers(ranges):
    """The numbers of "1-3,7"."""
    ends = [part.split("-") for part in ranges.split(",") if part]
    return [line for end in ends for line in range(int(end[0]), int(end[-1]) + 1)]


def test_by_image_and_by_workload(image, namespace, covey, reference, tmp_path):
    """--images takes the pods that run exactly that; another tag of the repository is a near miss."""
    deploy(namespace, image)
    by_image = covey.collect("--images", image, "-n", namespace.name, out=tmp_path / "image")
    assert len(by_image["collected"]) == 3
    assert_exact(covey.report(tmp_path / "image"), reference)
    covey.collect("deploy/flask-service", "-n", namespace.name, out=tmp_path / "workload")
    assert_exact(covey.report(tmp_path / "workload"), reference)
    other = image.rpartition(":")[0] + ":other"
    missed = covey("discover", "--images", other, "-n", namespace.name, exit_code=3)
    assert image in missed.stderr + missed.stdout
    near = covey.collect("--images", other, "-n", namespace.name, "--match", "repository", out=tmp_path / "near")
    assert len(near["collected"]) == 3
    assert {one["image"] for one in manifest(tmp_path / "near")["components"]} == {image}


def test_read_only_and_not_root(core, image, namespace, covey, reference, tmp_path):
    """Nothing is writable but /dev/shm, which every container has."""

    def harden(deployment):
        app = manifests.container(deployment)
        app["command"] += ["--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
        app["securityContext"] = {
            "readOnlyRootFilesystem": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }

    deploy(namespace, image, harden)
    covey.collect("-l", LABEL, "-n", namespace.name, out=tmp_path / "bundle")
    assert_exact(covey.report(tmp_path / "bundle"), reference)


def test_agent_only_mounted(core, images, namespace, covey, reference, tmp_path):
    """The production image, unchanged: an init container brings the agent in a volume, the environment starts it."""
    deploy(
        namespace,
        images.example(PYTHONS[core], stage="production", name="flask-service-production"),
        lambda deployment: mount_agent(deployment, images.example(PYTHONS[core])),
    )
    covey.collect("-l", LABEL, "-n", namespace.name, out=tmp_path / "bundle")
    assert_exact(covey.report(tmp_path / "bundle"), reference)


def mount_agent(deployment, agent_image):
    spec = manifests.pod_spec(deployment)
    mount = [{"name": "covey", "mountPath": "/opt/covey"}]
    copy = {"name": "agent", "image": agent_image, "imagePullPolicy": "IfNotPresent", "workingDir": "/"}
    copy["command"] = ["cp", "-r", "/opt/covey/.", "/to/"]
    spec["initContainers"] = [{**copy, "volumeMounts": [{"name": "covey", "mountPath": "/to"}]}]
    spec["volumes"] = [{"name": "covey", "emptyDir": {}}]
    spec["containers"][0]["volumeMounts"] = mount


@pytest.mark.parametrize("uids", [(10001, 10002), (10001, 10001)], ids=["two-uids", "one-uid"])
def test_two_containers_of_a_pod_twice(uids, core, image, namespace, covey, reference, tmp_path):
    """They share a network and /dev/shm. Each is collected, and collecting again adds nothing."""
    pod = manifests.script_pod("pair", image, "", app="pair")
    pod["spec"]["containers"] = [
        {**manifests.gunicorn(name, 2, port), "image": image, "securityContext": {"runAsUser": uid}}
        for name, port, uid in (("front", 8080, uids[0]), ("back", 8081, uids[1]))
    ]
    namespace.apply(pod)
    half = len(traffic.REQUESTS) // 2
    for name, port, requests in (("front", 8080, traffic.REQUESTS[:half]), ("back", 8081, traffic.REQUESTS[half:])):
        base = f"http://127.0.0.1:{port}"
        namespace.run("pair", traffic.SENDER, base, json.dumps(requests), "4", container=name)
    reports = []
    for _ in range(2):
        covey.collect("-l", "app=pair", "-n", namespace.name, out=tmp_path / "bundle")
        reports.append(covey.report(tmp_path / "bundle"))
    assert {one["container_name"] for one in manifest(tmp_path / "bundle")["components"]} == {"front", "back"}
    assert_exact(reports[0], reference)
    assert reports[1]["files"] == reports[0]["files"]
    again = covey.collect("-l", "app=pair", "-n", namespace.name, out=tmp_path / "second")
    assert len(again["collected"]) == 2
    assert covey.report(tmp_path / "bundle", tmp_path / "second")["files"] == reports[0]["files"]


def test_thirty_pods(images, namespace, covey, reference, tmp_path):
    def many(deployment):
        deployment["spec"]["replicas"] = 30
        command = manifests.container(deployment)["command"]
        command[command.index("--workers") + 1] = "1"

    pods = deploy(namespace, images.example("3.13"), many)
    covey.collect("-l", LABEL, "-n", namespace.name, out=tmp_path / "bundle")
    assert sorted(one["pod_name"] for one in manifest(tmp_path / "bundle")["components"]) == pods
    assert len(pods) == 30
    assert_exact(covey.report(tmp_path / "bundle"), reference)


def test_through_kubectl(core, image, namespace, covey, reference, tmp_path):
    deploy(namespace, image)
    covey.collect("-l", LABEL, "-n", namespace.name, "--via", "kubectl", out=tmp_path / "bundle")
    assert_exact(covey.report(tmp_path / "bundle"), reference)


def test_a_window_around_a_command(image, namespace, covey, tmp_path):
    """`covey collect -- COMMAND`: what ran before it is not in the window, yet not forgotten."""
    deploy(namespace, image)
    pod = namespace.names(LABEL)[0]
    ask = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/untested').read()"
    command = ["kubectl", "-n", namespace.name, "exec", pod, "-c", "app", "--", "python", "-I", "-c", ask]
    covey.collect("-l", LABEL, "-n", namespace.name, "--test-name", "untested", out=tmp_path / "all")
    before = ran(covey.report(tmp_path / "all"))["app.py"]
    covey("collect", "-l", LABEL, "-n", namespace.name, "--test-name", "w", "-o", tmp_path / "window", "--", *command)
    window = ran(covey.report(tmp_path / "window"))
    body = function_lines(covey.checkout / "app.py", "untested")
    assert body <= window["app.py"]
    assert not body & before
    assert not window["parcels/customs.py"]
    covey.collect("-l", LABEL, "-n", namespace.name, out=tmp_path / "after")
    assert ran(covey.report(tmp_path / "after"))["app.py"] == before | body


def function_lines(path, name):
    """The lines of a function's statements, its docstring left out."""
    found = next(one for one in ast.walk(ast.parse(path.read_text())) if getattr(one, "name", "") == name)
    return {statement.lineno for statement in found.body[1:]}
