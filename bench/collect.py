"""Collecting 1, 8 and 30 pods of a real cluster: wall time and the collector's own CPU time."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SIZES = (1, 8, 30)
ROUNDS = 5


def main(_: argparse.Namespace) -> None:
    from cluster import images, kube, manifests

    results = {}
    try:
        with kube.borrowed() as cluster, tempfile.TemporaryDirectory() as scratch, cluster.namespace() as namespace:
            images.prepare()
            image = images.Images(cluster, Path(scratch)).example("3.13")
            print(f"\ncollect: seconds, median of {ROUNDS} (pods of one gunicorn worker, this machine runs them too)")
            for size in SIZES:
                namespace.apply(_deployment(manifests, image, size))
                results[size] = _measure(cluster.environment, namespace.name, Path(scratch), size)
                wall, cpu = results[size]["wall"], results[size]["cpu"]
                more = wall - results[SIZES[0]]["wall"]
                print(f"  {size:3} pods   wall {wall:6.2f} ({more:+.2f})   collector's CPU {cpu:6.2f}", flush=True)
    except kube.NoCluster as why:
        print(f"\ncollect: no cluster to measure with: {why}")
        return
    cache = ROOT / ".cache" / "bench"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "collect.json").write_text(json.dumps(results, indent=1))


def _deployment(manifests: Any, image: str, replicas: int) -> dict[str, Any]:
    container = manifests.gunicorn("app", 1) | {"image": image}
    labels = {"app": "bench"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "bench"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def _measure(environment: dict[str, str], namespace: str, scratch: Path, size: int) -> dict[str, float]:
    walls, cpus = [], []
    for number in range(ROUNDS):
        out = scratch / f"bundle-{size}-{number}"
        command = [sys.executable, "-m", "covey", "collect", "-n", namespace, "-l", "app=bench", "-o", str(out)]
        quiet = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_DUP2, 2, 1)]
        begin = time.monotonic()
        pid = os.posix_spawn(sys.executable, command, environment, file_actions=quiet)
        _, status, usage = os.wait4(pid, 0)
        walls.append(time.monotonic() - begin)
        cpus.append(usage.ru_utime + usage.ru_stime)
        code = os.waitstatus_to_exitcode(status)
        if code:
            raise RuntimeError(f"collect ended with {code}")
        found = len(json.loads((out / "metadata.json").read_text())["components"])
        if found != size:
            raise RuntimeError(f"{found} captures of {size} pods")
    return {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}
