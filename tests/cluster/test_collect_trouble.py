"""What cannot be collected is named, and everything else is collected all the same."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from cluster import manifests, traffic
from cluster.collecting import assert_exact, manifest
from cluster.kube import wait_until

LABEL = "set=trouble"
BRIEF = ("--pod-timeout", "8")  # seconds that a pod has


@pytest.fixture
def good(images, namespace):
    """A pod of the example that is well, with its traffic sent."""
    image = images.example("3.13")
    pod = manifests.script_pod("good", image, "", set="trouble", app="good")
    pod["spec"]["containers"] = [{**manifests.gunicorn("app", 2), "image": image}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "good"},
        "spec": {"selector": {"app": "good"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    namespace.apply(pod, service)
    traffic.send(namespace, "good")
    return image


def connected(namespace, pod):
    wait_until(f"a connection to {pod}", lambda: "connected" in namespace.logs(pod))


def test_pods_in_trouble_are_named_and_the_rest_is_collected(good, namespace, covey, reference, tmp_path):
    """One hangs, one has no agent, one is deleted midway."""
    bad = {"hanging": manifests.HANG, "plain": manifests.PLAIN, "doomed": manifests.HANG}
    namespace.apply(*(manifests.script_pod(name, good, script, set="trouble") for name, script in bad.items()))
    out = tmp_path / "bundle"
    run = covey.start("collect", "-l", LABEL, "-n", namespace.name, "-o", out, "--json", *BRIEF)
    connected(namespace, "doomed")
    namespace.kubectl("delete", "pod", "doomed", "--force", "--grace-period=0")
    said, told = run.communicate(timeout=120)
    assert run.returncode == 6, told + said
    answer = json.loads(said)
    assert answer["status"] == "partial"
    failed = {one["target"].split("/")[1]: one for one in answer["failures"]}
    assert failed.keys() == bad.keys()
    assert failed["hanging"]["reason"] != failed["plain"]["reason"]
    assert all(one["hint"] for one in failed.values())
    for name in ("good", *bad):
        assert name in told
    assert manifest(out)["failures"] == answer["failures"]
    assert_exact(covey.report(out), reference)


HOSTILE = {
    "huge": "announcing(10 * 2**30)",
    "endless": "endless",
    "bomb": "old({'coverage_data': b'z' + __import__('zlib').compress(bytes(2**28 + 2**26))})",
    "garbage": "garbage",
    "drip": "dripping",
    "place": "covey(container='../../../evil', boot_id='../..')",
}


def test_hostile_agents_are_named_and_nothing_else_suffers(good, namespace, covey, reference, tmp_path):
    namespace.apply(*(manifests.hostile_pod(name, good, one, set="trouble") for name, one in HOSTILE.items()))
    for name in HOSTILE:
        wait_until(f"the agent of {name}", lambda name=name: "serving" in namespace.logs(name))
    out = tmp_path / "in" / "bundle"
    done = covey("collect", "-l", LABEL, "-n", namespace.name, "-o", out, "--json", *BRIEF, exit_code=6)
    failed = {one["target"].split("/")[1]: one for one in json.loads(done.stdout)["failures"]}
    assert failed.keys() == HOSTILE.keys()
    assert all(one["hint"] for one in failed.values())
    assert {path.name for path in tmp_path.iterdir()} == {"in", covey.checkout.name}
    assert_exact(covey.report(out), reference)


def test_soft_makes_a_part_good_enough(good, namespace, covey, reference, tmp_path):
    namespace.apply(manifests.script_pod("plain", good, manifests.PLAIN, set="trouble"))
    asked = ("collect", "-l", LABEL, "-n", namespace.name, *BRIEF)
    covey(*asked, "-o", tmp_path / "hard", exit_code=6)
    done = covey(*asked, "-o", tmp_path / "soft", "--soft")
    assert "plain" in done.stderr
    assert manifest(tmp_path / "soft")["status"] == "partial"
    assert_exact(covey.report(tmp_path / "soft"), reference)


def test_nothing_to_collect(namespace, covey, tmp_path):
    done = covey("collect", "-l", "app=nobody", "-n", namespace.name, "-o", tmp_path / "bundle", exit_code=3)
    assert "app=nobody" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("via", ["native", "kubectl"])
def test_interrupted_it_keeps_what_it_has_and_leaves_nothing(via, good, namespace, covey, reference, tmp_path):
    """Ctrl-C while one pod hangs: a valid bundle marked partial, exit code 130, no process and no tunnel."""
    namespace.apply(manifests.script_pod("hanging", good, manifests.HANG, set="trouble"))
    out = tmp_path / "bundle"
    run = covey.start("collect", "-l", LABEL, "-n", namespace.name, "-o", out, "--via", via)
    connected(namespace, "hanging")
    wait_until("the first capture", lambda: '{"capture"' in (out / "journal.jsonl").read_text())
    os.killpg(run.pid, signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert run.returncode == 130, told
    assert "Traceback" not in told
    assert manifest(out)["status"] == "partial"
    assert_exact(covey.report(out), reference)
    assert not session(run.pid)
    wait_until("the tunnel's end", lambda: ended(namespace.logs("hanging")))


def ended(log):
    """Has every connection to a hanging pod been closed?"""
    return log.count("closed") == log.count("connected")


def session(leader):
    """The processes of a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(folder.name)
    return found
