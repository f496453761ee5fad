"""What cluster tests share. Each test gets namespaces of its own; images are built once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.collecting import Covey
from cluster.images import PYTHONS, Images, copy_example, prepare
from cluster.kube import NoCluster, connect
from cluster.traffic import REQUESTS


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def cluster():
    """The cluster of tests/cluster/box, brought up if need be, or the one that COVEY_TEST_KUBECONFIG names."""
    try:
        return connect()
    except NoCluster as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def images(cluster, tmp_path_factory):
    """Builds and loads images: `images.example("3.13")` gives a reference."""
    try:
        prepare()
        made = Images(cluster, tmp_path_factory.mktemp("images"))
        made.base("3.11")
    except NoCluster as why:
        pytest.skip(str(why))
    return made


@pytest.fixture(params=list(PYTHONS))
def core(request):
    """Each recording core; PYTHONS has the Python that it runs on."""
    return request.param


@pytest.fixture
def image(images, core):
    """The example's test image on the Python of the core."""
    return images.example(PYTHONS[core])


@pytest.fixture
def namespace(cluster):
    with cluster.namespace() as made:
        yield made


@pytest.fixture
def checkout(tmp_path):
    """The example as a git repository of its own, as its team has it."""
    folder = copy_example(tmp_path / "checkout")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def covey(cluster, checkout):
    """covey's command line, in the checkout; `covey.collect(...)` and `covey.report(...)` read its JSON."""
    return Covey(checkout, cluster.environment)


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """What coverage.py's tracer records of the same requests in one process, as `coverage json` gives it."""
    folder = copy_example(tmp_path_factory.mktemp("reference") / "example")
    out = folder.parent / "reference.json"
    here = Path(__file__).with_name("reference.py")
    environment = {"COVERAGE_CORE": "ctrace", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, here, out, json.dumps(REQUESTS)]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return json.loads(out.read_text())
