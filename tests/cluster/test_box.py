"""The cluster itself: what the other tests take for granted."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from cluster import manifests, traffic
from cluster.images import PYTHONS
from cluster.kube import BOX, wait_until


def test_the_example_answers_through_its_service(images, namespace, core):
    image = images.example(PYTHONS[core], stage="production", name="flask-service-production")
    objects = manifests.example("deployment.yaml", image)
    manifests.container(objects[0])["env"] = []
    namespace.apply(*objects)
    traffic.send(namespace, "flask-service", rounds=2)
    pods = namespace.pods("app=flask-service")
    assert [pod["status"]["containerStatuses"][0]["image"] for pod in pods] == [image] * 3
    version = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert namespace.run(pods[0]["metadata"]["name"], version).strip() == PYTHONS[core]


@pytest.mark.skipif("COVEY_TEST_KUBECONFIG" in os.environ, reason="restarts components: only of our own cluster")
def test_components_that_end_are_started_again(cluster):
    subprocess.run([BOX / "restart", "kube-apiserver"], check=True, timeout=60)

    def ready():
        done = subprocess.run(
            [cluster.program, "get", "--raw", "/readyz"], env=cluster.environment, capture_output=True
        )
        return done.stdout == b"ok"

    wait_until("the API server", ready)
    assert len(json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]) == 1


def test_the_reference_leaves_the_unvisited_at_zero(reference):
    files = reference["files"]
    assert files["parcels/ledger.py"]["summary"]["covered_lines"] == 0
    assert files["parcels/customs.py"]["summary"]["covered_lines"] > 0
    assert "test/test_e2e.py" not in files
