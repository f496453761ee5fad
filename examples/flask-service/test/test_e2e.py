"""End-to-end tests of the service in a cluster, and which lines they reach there.

    kubectl apply -f k8s/wrapper.yaml
    kubectl wait --for=condition=ready pod/coverage-demo --timeout=60s
    python -m pytest test/test_e2e.py -v -s

NAMESPACE, SELECTOR and USE_KUBECTL=0 (port-forward without kubectl) may be set.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request

import pytest

from covey.client import CoverageClient

NAMESPACE = os.environ.get("NAMESPACE", "default")
SELECTOR = os.environ.get("SELECTOR", "app=coverage-demo")
USE_KUBECTL = os.environ.get("USE_KUBECTL", "1") != "0"
TEST_NAME = "e2e-tests"


@pytest.fixture(scope="module")
def pod():
    return CoverageClient.get_pod_name(NAMESPACE, label_selector=SELECTOR)


@pytest.fixture(scope="module")
def url(pod):
    """The service's address: a port of this machine, forwarded to the pod."""
    command = ["kubectl", "port-forward", "--namespace", NAMESPACE, f"pod/{pod}", ":8080"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        try:
            # "Forwarding from 127.0.0.1:40123 -> 8080"
            yield "http://" + forward.stdout.readline().split()[2]
        finally:
            forward.terminate()


@pytest.fixture(scope="module", autouse=True)
def coverage(pod):
    """Collects after the tests; with `client.reset_coverage(pod)` here only what they ran would count."""
    client = CoverageClient(namespace=NAMESPACE, output_dir="./coverage-output")
    yield
    client.collect_coverage_from_pod(pod_name=pod, test_name=TEST_NAME, coverage_port=9095, use_kubectl=USE_KUBECTL)
    client.generate_coverage_report(TEST_NAME)
    client.generate_html_report(TEST_NAME)
    client.generate_xml_report(TEST_NAME)


def call(url, order=None):
    """Status and JSON of an answer; posts when there is something to post."""
    body = None if order is None else json.dumps(order).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_hello(url):
    with urllib.request.urlopen(url + "/", timeout=30) as answer:
        assert answer.read().startswith(b"Parcels")


def test_status(url):
    assert call(url + "/status") == (200, {"status": "ok", "service": "flask-service"})


def test_quote_at_home(url):
    assert call(url + "/quote", {"grams": 800, "country": "DE"}) == (200, {"cents": 390, "zone": "home"})


def test_quote_abroad_needs_a_customs_form(url):
    status, answer = call(url + "/quote", {"grams": 800, "country": "JP", "contents": "a book", "worth": 1500})
    assert (status, answer["customs"]["form"]) == (200, "CN22")


def test_refusals_say_why(url):
    assert call(url + "/quote", {"country": "DE"}) == (400, {"error": "grams is missing"})
    assert call(url + "/quote", {"grams": 0, "country": "DE"}) == (400, {"error": "a parcel weighs something"})


def test_track(url):
    assert call(url + "/parcels/047003124554") == (200, {"depot": "047", "serial": "00312455"})
    assert call(url + "/parcels/12") == (404, {"error": "not a parcel number"})
