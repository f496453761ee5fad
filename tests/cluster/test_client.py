"""The example's end-to-end test, which uses CoverageClient as seed users do: only its import line is covey's."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from cluster import manifests
from cluster.images import PYTHONS


@pytest.mark.parametrize("use_kubectl", ["1", "0"], ids=["kubectl", "native"])
def test_the_examples_end_to_end_test(use_kubectl, core, images, namespace, checkout):
    namespace.apply(*manifests.example("wrapper.yaml", images.example(PYTHONS[core])))
    settings = {"NAMESPACE": namespace.name, "USE_KUBECTL": use_kubectl}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test/test_e2e.py", "-v", "-s"]
    environment = {**namespace.cluster.environment, **settings}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    made = checkout / "coverage-output"
    text = (made / "report_e2e-tests.txt").read_text()
    rows = {row.split()[0]: row.split()[-1] for row in text.splitlines() if re.match(r"\S+\.py ", row)}
    assert rows["parcels/ledger.py"] == "0%"
    assert 80 < int(rows["app.py"].rstrip("%")) < 100
    assert (made / ".coverage_e2e-tests").exists()
    assert (made / "html_e2e-tests/index.html").exists()
    assert 'filename="app.py"' in (made / "coverage.xml").read_text()


ONE_WINDOW = """
import sys
from coverage import CoverageData
from covey.client import CoverageClient
namespace, use_kubectl = sys.argv[1], sys.argv[2] == "1"
client = CoverageClient(namespace=namespace, output_dir="out")
pod = CoverageClient.get_pod_name(namespace)
client.collect_coverage_from_pod(pod, "before", use_kubectl=use_kubectl)
client.reset_coverage(pod, use_kubectl=use_kubectl)
client.collect_coverage_from_pod(pod, "after", use_kubectl=use_kubectl)
client.merge_coverage_files(["before", "after"], "both")
for name in ("before", "after", "both"):
    data = CoverageData(basename=f"out/.coverage_{name}")
    data.read()
    print(len(data.lines("/app/parcels/tariff.py") or ()))
"""


@pytest.mark.parametrize("use_kubectl", ["1", "0"], ids=["kubectl", "native"])
def test_a_reset_begins_anew(use_kubectl, core, images, namespace, tmp_path):
    """What ran at import is before the reset, and merging brings it back."""
    namespace.apply(*manifests.example("wrapper.yaml", images.example(PYTHONS[core])))
    command = [sys.executable, "-c", ONE_WINDOW, namespace.name, use_kubectl]
    environment = namespace.cluster.environment
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    before, after, both = map(int, done.stdout.split()[-3:])
    assert before == both > 10
    assert after == 0
