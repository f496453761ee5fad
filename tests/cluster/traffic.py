"""What the tests ask of the example service, in a cluster and, for the reference, in one process."""

from __future__ import annotations

import json
import time
from typing import Any

from cluster.kube import wait_until

# (method, path, body): each answer's status is asserted where it is sent.
REQUESTS: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "/", None, 200),
    ("GET", "/status", None, 200),
    ("POST", "/quote", {"grams": 800, "country": "DE"}, 200),
    ("POST", "/quote", {"grams": 4_000, "country": "FR", "express": True}, 200),
    ("POST", "/quote", {"grams": 900, "country": "JP", "contents": "a book", "worth": 1_500}, 200),
    ("POST", "/quote", {"grams": 900, "country": "US", "contents": "a lamp", "worth": 40_000}, 200),
    ("POST", "/quote", {"grams": 900, "country": "US", "contents": "perfume"}, 400),
    ("POST", "/quote", {"country": "DE"}, 400),
    ("POST", "/quote", {"grams": 0, "country": "DE"}, 400),
    ("GET", "/parcels/047003124554", None, 200),
    ("GET", "/parcels/12", None, 404),
)

# Runs inside a container; a new connection a request, so that the service and
# gunicorn choose pod and worker anew each time. Bounded: 11 requests a round.
SENDER = """
import json, sys, time, urllib.error, urllib.request
base, requests, rounds = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
for attempt in range(100):  # the proxy learns of ready pods a moment after they are
    try:
        urllib.request.urlopen(base + "/status", timeout=30).close()
        break
    except urllib.error.URLError:
        time.sleep(0.2)
for method, path, body, wanted in requests * rounds:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    if status != wanted:
        sys.exit(f"{method} {path}: {status}, not {wanted}")
"""


def send(namespace: Any, service: str, rounds: int = 4) -> None:
    """Sends all requests through a Service's address, from inside one of its pods."""
    address = namespace.cluster.get(namespace.name, "service", service)["spec"]
    pods = namespace.names(",".join(f"{key}={value}" for key, value in address["selector"].items()))
    wait_until(f"{len(pods)} endpoints of {service}", lambda: endpoints(namespace, service) == len(pods))
    time.sleep(1.5)  # the node's proxy gathers changes for a second
    base = f"http://{address['clusterIP']}:{address['ports'][0]['port']}"
    namespace.run(pods[0], SENDER, base, json.dumps(REQUESTS), str(rounds))


def endpoints(namespace: Any, service: str) -> int:
    """How many pods the Service sends requests to."""
    slices = namespace.cluster.get(namespace.name, "endpointslices", "-l", f"kubernetes.io/service-name={service}")
    found = [one for part in slices["items"] for one in part["endpoints"] or ()]
    return sum(one["conditions"]["ready"] for one in found)
