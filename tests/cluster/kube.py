"""A cluster for tests, and what they ask of it: kubectl, namespaces, images."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOX = Path(__file__).parent / "box"
CACHE = Path(os.environ.get("COVEY_CLUSTER_CACHE") or Path.home() / ".cache/covey-cluster")
NOT_HERE = 77  # exit status of box/up where this machine cannot carry a cluster


class NoCluster(Exception):
    """There is no cluster to test with, and why."""


@dataclass
class Cluster:
    """One Kubernetes, and how images get into it."""

    kubeconfig: Path
    program: str  # kubectl
    load: Callable[[Path], None] | None  # an image archive; None: no way is known
    knows: Callable[[str], bool]  # is an image there already?

    @property
    def environment(self) -> dict[str, str]:
        """What a child needs to use this cluster, kubectl on its PATH included."""
        path = f"{Path(self.program).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Standard output; AssertionError with what kubectl said when it failed."""
        done = subprocess.run(
            [self.program, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def get(self, namespace: str, *what: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.kubectl("-n", namespace, "get", *what, "-o", "json"))
        return answer

    @contextlib.contextmanager
    def namespace(self) -> Iterator[Namespace]:
        """A namespace of its own, gone afterwards."""
        name = f"covey-test-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        try:
            # Pods are refused until the controller has made their account.
            wait_until(f"an account in {name}", lambda: self.get(name, "serviceaccounts")["items"])
            yield Namespace(self, name)
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")


@dataclass(frozen=True)
class Namespace:
    cluster: Cluster
    name: str

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        return self.cluster.kubectl("-n", self.name, *arguments, stdin=stdin, timeout=timeout)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Creates objects and waits until Deployments and Pods are ready, or says what their pods say."""
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
        for one in objects:
            name = one["metadata"]["name"]
            try:
                if one["kind"] == "Deployment":
                    self.kubectl("rollout", "status", f"deployment/{name}", "--timeout=180s", timeout=200)
                elif one["kind"] == "Pod":
                    self.kubectl("wait", "--for=condition=ready", f"pod/{name}", "--timeout=180s", timeout=200)
            except AssertionError as error:
                error.add_note(self.describe())
                raise

    def pods(self, selector: str = "") -> list[dict[str, Any]]:
        """The pods that are not on their way out."""
        found = self.cluster.get(self.name, "pods", "-l", selector)["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def names(self, selector: str = "") -> list[str]:
        return sorted(pod["metadata"]["name"] for pod in self.pods(selector))

    def logs(self, pod: str, container: str = "app") -> str:
        return self.kubectl("logs", pod, "-c", container)

    def run(self, pod: str, script: str, *arguments: str, container: str = "app") -> str:
        """Runs a Python script inside a container, out of the sight of an agent there."""
        command = ("exec", "-i", pod, "-c", container, "--", "python", "-I", "-", *arguments)
        return self.kubectl(*command, stdin=script)

    def describe(self) -> str:
        """State and last lines of every pod, for the message of a test that failed."""
        parts = [self.kubectl("get", "pods", "-o", "wide"), self.kubectl("get", "events")]
        for name in self.names():
            with contextlib.suppress(AssertionError):
                parts.append(f"--- {name}\n" + self.kubectl("logs", name, "--all-containers", "--tail=20"))
        return "\n".join(parts)


def wait_until(what: str, ask: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer; AssertionError when there is none in time."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.1)
    return answer


def connect() -> Cluster:
    """The cluster that COVEY_TEST_KUBECONFIG names, else our own, brought up; NoCluster with a reason."""
    if named := os.environ.get("COVEY_TEST_KUBECONFIG"):
        return named_cluster(Path(named))
    if os.environ.get("COVEY_TEST_CLUSTER") == "0":
        raise NoCluster("switched off by COVEY_TEST_CLUSTER=0")
    done = subprocess.run([BOX / "up"], capture_output=True, text=True)
    if done.returncode == NOT_HERE:
        raise NoCluster(done.stderr.strip().removeprefix("cluster: "))
    if done.returncode:
        raise AssertionError(f"tests/cluster/box/up failed:\n{done.stderr[-5000:]}")
    return Cluster(
        kubeconfig=Path(done.stdout.strip()),
        program=str(CACHE / "bin/kubectl"),
        load=lambda archive: box("load", archive),
        knows=lambda name: subprocess.run([BOX / "load", "--known", name]).returncode == 0,
    )


@contextlib.contextmanager
def borrowed() -> Iterator[Cluster]:
    """As `connect()`; a cluster that this brought up ends again, one that ran already stays."""
    ran = "COVEY_TEST_KUBECONFIG" in os.environ or subprocess.run([BOX / "running"]).returncode == 0
    cluster = connect()
    try:
        yield cluster
    finally:
        if not ran:
            box("down")


def named_cluster(kubeconfig: Path) -> Cluster:
    program = shutil.which("kubectl")
    if program is None:
        raise NoCluster("COVEY_TEST_KUBECONFIG is set, but there is no kubectl on PATH")
    loader = os.environ.get("COVEY_TEST_LOAD", "").split()
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def load(archive: Path) -> None:
        subprocess.run([*loader, archive], env=environment, check=True, timeout=600)

    return Cluster(kubeconfig, program, load if loader else None, knows=lambda _: False)


def box(name: str, *arguments: str | Path) -> None:
    """Runs one of the box's programs; AssertionError with what it said."""
    done = subprocess.run([BOX / name, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"box/{name}: {done.stderr}{done.stdout}"
