"""`covey doctor` without a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def doctor(*arguments, tmp_path, **env):
    plain = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    return subprocess.run(
        [sys.executable, "-m", "covey", "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=plain | {"HOME": str(tmp_path)} | env,
        cwd=tmp_path,
    )


def findings(done):
    answer = json.loads(done.stdout)
    assert answer["schema"] == "covey.doctor/1"
    return {row["name"]: row for row in answer["findings"]}


def test_without_a_cluster_nothing_that_was_asked_for_is_missing(tmp_path):
    done = doctor("--json", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    found = findings(done)
    assert found["covey"]["state"] == "ok"
    assert found["cluster"]["state"] == "absent"
    assert "KUBECONFIG" in found["cluster"]["cure"]


def test_a_cluster_that_is_asked_for_and_not_there(tmp_path):
    done = doctor("-n", "shop", tmp_path=tmp_path)
    assert done.returncode == 2
    assert "MISSING cluster" in done.stdout


def test_a_cluster_that_cannot_be_reached(tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: hidden}}]\n"
    )
    done = doctor("-n", "shop", "--json", tmp_path=tmp_path, KUBECONFIG=str(config))
    assert done.returncode == 2
    assert findings(done)["cluster"]["state"] == "missing"
    assert "hidden" not in done.stdout + done.stderr


def test_an_address_where_nothing_answers(tmp_path):
    done = doctor("--url", "127.0.0.1:1", "--json", tmp_path=tmp_path)
    assert done.returncode == 2
    found = findings(done)
    assert "cluster" not in found
    assert found["agent in 127.0.0.1:1"]["state"] == "missing"
    assert "covey agent python" in found["agent in 127.0.0.1:1"]["cure"]


def test_kubectl_is_missing_only_when_it_is_asked_for(tmp_path):
    bare = str(tmp_path)
    assert findings(doctor("--json", tmp_path=tmp_path, PATH=bare))["kubectl"]["state"] == "absent"
    done = doctor("--via", "kubectl", "--json", tmp_path=tmp_path, PATH=bare)
    assert (done.returncode, findings(done)["kubectl"]["state"]) == (2, "missing")
