"""`covey doctor` against a real API server, as an administrator and as somebody who may do nothing."""

from __future__ import annotations

import json

import pytest
import yaml
from cluster import manifests


@pytest.fixture
def limited(namespace, tmp_path):
    """The kubeconfig of a service account without any right."""
    namespace.kubectl("create", "serviceaccount", "tester")
    token = namespace.kubectl("create", "token", "tester").strip()
    config = yaml.safe_load(namespace.cluster.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = tmp_path / "limited"
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)
    return file


def findings(done):
    return {row["name"]: row for row in json.loads(done.stdout)["findings"]}


def test_what_is_missing_is_mended_by_what_it_prints(limited, namespace, covey, images):
    pod = manifests.script_pod("plain", images.base("3.13"), manifests.PLAIN, app="plain")
    namespace.apply(pod)
    command = ("doctor", "-n", namespace.name, "-l", "app=plain", "--kubeconfig", limited, "--json")
    told = findings(covey(*command, exit_code=2))
    assert told[f"may list pods in namespace {namespace.name}"]["state"] == "missing"
    assert told["cluster"]["state"] == "ok"
    namespace.kubectl("apply", "-f", "-", stdin=told["RBAC"]["cure"])
    told = findings(covey(*command, exit_code=2))
    assert told[f"may list pods in namespace {namespace.name}"]["state"] == "ok"
    assert "RBAC" not in told
    [agent] = [row for name, row in told.items() if name.startswith("agent in")]
    assert agent["state"] == "missing"  # the pod has no agent, and that was asked for
    assert "covey agent python" in agent["cure"]


def test_an_instrumented_pod_answers(image, namespace, covey):
    namespace.apply(*manifests.example("wrapper.yaml", image))
    done = covey("doctor", "-n", namespace.name, "--pods", "coverage-demo", "--json")
    [agent] = [row for name, row in findings(done).items() if name.startswith("agent in")]
    assert agent["state"] == "ok"
    assert "port 9095" in agent["what"]
