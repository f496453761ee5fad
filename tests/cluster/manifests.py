"""Kubernetes objects for tests: the example's own manifests, and small pods that behave in some way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).parents[2] / "examples/flask-service/k8s"
AGENTS = Path(__file__).parents[1] / "fakes/agent_servers.py"
GUNICORN = ["python", "-m", "gunicorn", "--bind", "0.0.0.0:8080", "--worker-tmp-dir", "/dev/shm"]

# Accepts connections on the agent's port and never answers; says so in its log.
HANG = """
import socket, threading
def hold(connection):
    print("connected", flush=True)
    while connection.recv(4096):
        pass
    print("closed", flush=True)
listener = socket.create_server(("127.0.0.1", 9095))
while True:
    threading.Thread(target=hold, args=listener.accept()[:1], daemon=True).start()
"""
PLAIN = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8080)"


def example(name: str, image: str) -> list[dict[str, Any]]:
    """The objects of one of the example's files, with the image replaced."""
    objects = list(yaml.safe_load_all((K8S / name).read_text()))
    for one in objects:
        for container in pod_spec(one).get("containers", ()):
            container["image"] = image
    return objects


def pod_spec(one: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = one["spec"].get("template", one)["spec"]
    return spec


def container(one: dict[str, Any], index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = pod_spec(one)["containers"][index]
    return found


def script_pod(name: str, image: str, script: str, **labels: str) -> dict[str, Any]:
    """A pod that runs a Python script, without any agent."""
    app = {"name": "app", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["python", "-c", script]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [app]},
    }


def hostile_pod(name: str, image: str, handler: str, **labels: str) -> dict[str, Any]:
    """A pod whose agent means harm. handler: which of tests/fakes/agent_servers.py, as an expression."""
    serve = f"with serving({handler}, 9095):\n    print('serving', flush=True)\n    threading.Event().wait()\n"
    return script_pod(name, image, f"{AGENTS.read_text()}\n{serve}", **labels)


def gunicorn(name: str, workers: int, port: int = 8080, **settings: str) -> dict[str, Any]:
    """A container of the example under gunicorn, the agent switched on by environment."""
    command = [*GUNICORN, "--workers", str(workers), "app:app"]
    command[command.index("0.0.0.0:8080")] = f"0.0.0.0:{port}"
    env = {"PYTHONPATH": "/opt/covey", "COVEY_AGENT": "1", "COVEY_AGENT_SOURCE": "/app", **settings}
    return {
        "name": name,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "readinessProbe": {"httpGet": {"path": "/status", "port": port}, "periodSeconds": 1},
    }
