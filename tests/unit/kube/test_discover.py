from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from fakes import kubernetes
from fakes.agent_servers import serving
from fakes.kubernetes import JSON, container, listing, pod, status

from covey.errors import ClusterDenied, InputError
from covey.kube.client import open_cluster
from covey.kube.discover import Query, discover
from covey.oci import Resolution

A, B = (f"sha256:{letter * 64}" for letter in "ab")
LABELS = {"app.kubernetes.io/name": "checkout", "app": "other"}
WORLD = [
    pod("cart-1", container("app", "reg.io/org/cart:v1", f"reg.io/org/cart@{A}"), container("log", "fluent:1")),
    pod("cart-2", container("app", "reg.io/org/cart:v2", f"reg.io/org/cart@{B}"), labels=LABELS, owners=["u-rs"]),
    pod("gone", deleting=True),
    pod("new", phase="Pending"),
    pod("ill", container("app", waiting={"reason": "ImagePullBackOff"})),
    pod("dns", namespace="kube-system"),
    pod("router", namespace="openshift-ingress"),
    pod("far", namespace="default"),
]


def world(request):
    """The pods of WORLD by path, namespace and name; a deployment with one replica set."""
    address = urlsplit(request.path)
    parts, fields = address.path.split("/"), parse_qs(address.query).get("fieldSelector", [""])[0]
    space = parts[parts.index("namespaces") + 1] if "namespaces" in parts and parts[-1] != "namespaces" else ""
    if parts[-1] == "pods":
        found = [one for one in WORLD if not space or one["metadata"]["namespace"] == space]
        name = fields.removeprefix("metadata.name=")
        listing([one for one in found if not name or one["metadata"]["name"] == name])(request)
    elif parts[-1] == "namespaces":
        listing([{"metadata": {"name": name}} for name in ("shop", "default", "kube-system")])(request)
    elif parts[-1] == "replicasets":
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "uid": "u-deploy"}
        mine = {"metadata": {"name": "cart-7", "uid": "u-rs", "ownerReferences": [owner]}, "spec": {"selector": {}}}
        listing([mine, {"metadata": {"name": "other", "uid": "u-other"}, "spec": {"selector": {}}}])(request)
    elif parts[-2:] == ["deployments", "cart"] and space == "shop":
        spec = {"selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}}
        meta = {"name": "cart", "namespace": "shop", "uid": "u-deploy"}
        body = {"metadata": meta, "spec": {**spec, "template": {}}}
        request.answer(200, json.dumps(body), JSON)
    else:
        status(request, 404, "not found")


@pytest.fixture
def find(tmp_path):
    def run(*namespaces, handler=world, digests=None, **query):
        async def resolve(image):
            found = (digests or {}).get(str(image))
            return Resolution(found and frozenset(found), "" if found else "it is down")

        async def scenario():
            async with open_cluster(str(tmp_path / "config")) as cluster:
                return await discover(cluster, Query(namespaces, **query), resolve=resolve)

        with serving(handler) as server:
            (tmp_path / "config").write_text(json.dumps(kubernetes.kubeconfig(server.port)))
            found = anyio.run(scenario)
        return found, server.asked

    return run


def names(found):
    return [target.name for target in found.targets]


def test_every_container_of_the_contexts_namespace_and_why_others_are_not_there(find):
    found, _ = find()
    assert names(found) == ["shop/cart-1/app", "shop/cart-1/log", "shop/cart-2/app"]
    assert found.skipped == (
        ("shop/gone", "is being deleted"),
        ("shop/ill/app", "is waiting: ImagePullBackOff"),
        ("shop/new", "is Pending"),
    )
    assert [target.component for target in found.targets] == ["cart", "fluent", "checkout"]
    first = found.targets[0]
    assert (first.image, first.image_ran) == ("reg.io/org/cart:v1", f"reg.io/org/cart@{A}")
    assert (first.pod_uid, first.container_id, first.restart) == ("uid-cart-1", "containerd://app", 2)


def test_all_namespaces_are_all_but_the_systems(find):
    assert "default/far/app" in names(find(all_namespaces=True)[0])
    assert not [name for name in names(find(all_namespaces=True)[0]) if name.startswith(("kube-", "openshift-"))]
    assert names(find("kube-system")[0]) == ["kube-system/dns/app"]


def test_names_and_containers(find):
    found, _ = find(pods=("cart-2", "default/far", "nobody", "pod/gone"), containers=("app",))
    assert names(found) == ["default/far/app", "shop/cart-2/app"]
    assert found.skipped == (("nobody", "there is no such pod"), ("shop/gone", "is being deleted"))


def test_a_workloads_pods_are_those_it_owns(find):
    found, asked = find(workloads=("deploy/cart", "sts/none"))
    assert names(found) == ["shop/cart-2/app"]
    assert found.skipped == (("sts/none", "there is none in shop"),)
    assert any("labelSelector=a%3Db%2Cc" in path for path in asked)
    spread, asked = find(workloads=("deployment/cart",), all_namespaces=True)
    assert names(spread) == ["shop/cart-2/app"]
    assert not any("namespaces/kube-system" in path for path in asked)


def test_an_image_by_tag_with_its_near_misses(find):
    found, _ = find(images=("reg.io/org/cart:v1",))
    assert names(found) == ["shop/cart-1/app"]
    (near,) = found.near_misses
    assert (near.target.name, near.asked, near.why) == ("shop/cart-2/app", "reg.io/org/cart:v1", "it runs another tag")
    assert near.runs == f"reg.io/org/cart:v2 (reg.io/org/cart@{B})"
    assert len(found.notes) == 1
    assert "it is down" in found.notes[0]
    assert found.skipped == ()


def test_an_image_by_what_its_registry_says(find):
    found, _ = find(images=("reg.io/org/cart:v1",), digests={"reg.io/org/cart:v1": {B}})
    assert names(found) == ["shop/cart-2/app"]
    assert [near.why for near in found.near_misses] == ["its tag has moved since"]
    assert found.notes == ()


def test_any_version_of_an_image(find):
    found, _ = find(images=("reg.io/org/cart:v9",), match="repository")
    assert names(found) == ["shop/cart-1/app", "shop/cart-2/app"]
    assert [target.image_ran for target in found.targets] == [f"reg.io/org/cart@{A}", f"reg.io/org/cart@{B}"]
    assert found.near_misses == ()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"images": ("a b",)}, "not an image reference"),
        ({"workloads": ("cart",)}, "names no workload"),
        ({"workloads": ("pig/cart",)}, "no kind of workload"),
    ],
)
def test_what_cannot_be_meant(find, query, words):
    with pytest.raises(InputError, match=words):
        find(**query)


def test_a_refused_listing_of_all_namespaces_says_how_to_go_on(find):
    with pytest.raises(ClusterDenied, match="in all namespaces") as failed:
        find(all_namespaces=True, handler=lambda request: status(request, 403, "no"))
    assert "-n" in failed.value.hint


def forbidding(*spaces):
    """The world, of which some namespaces may not be read."""
    return lambda request: (
        status(request, 403, "no") if any(f"/namespaces/{one}/" in request.path for one in spaces) else world(request)
    )


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({}, ["default/far/app"]),
        ({"pods": ("far", "shop/cart-1")}, ["default/far/app"]),
        ({"pods": ("shop/cart-1", "default/far")}, ["default/far/app"]),
    ],
)
def test_a_namespace_that_may_not_be_read_costs_only_itself(find, query, left):
    found, _ = find("shop", "default", handler=forbidding("shop"), **query)
    assert names(found) == left
    assert [(one.target, one.reason) for one in found.failures] == [("shop", "cluster-denied")]
    assert "in namespace shop" in found.failures[0].what
    assert found.skipped == ()


def test_a_workload_is_looked_for_in_the_namespaces_that_may_be_read(find):
    found, _ = find("default", "shop", handler=forbidding("default"), workloads=("deploy/cart",))
    assert names(found) == ["shop/cart-2/app"]
    assert [one.target for one in found.failures] == ["default"]


def test_where_no_namespace_may_be_read_that_is_the_error(find):
    with pytest.raises(ClusterDenied, match="in namespace shop"):
        find("shop", "default", handler=forbidding("shop", "default"))
