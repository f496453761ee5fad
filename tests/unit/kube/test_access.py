from __future__ import annotations

import json

import anyio
import pytest
import yaml
from fakes import kubernetes
from fakes.agent_servers import serving
from fakes.kubernetes import JSON, status

from covey.errors import ClusterError
from covey.kube import access, rbac
from covey.kube.client import open_cluster
from covey.kube.rbac import Permission, Subject


def reviewing(*allowed, version="v1.33.1", user="jane"):
    """An API server that allows what is listed as "verb resource"."""

    def handler(request):
        if request.path == "/version":
            request.answer(200, json.dumps({"gitVersion": version}), JSON)
        elif request.path.endswith("/selfsubjectaccessreviews"):
            asked = json.loads(request.body)
            wanted = asked["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (wanted["resource"], wanted.get("subresource"))))
            answer = {**asked, "status": {"allowed": f"{wanted['verb']} {resource}" in allowed}}
            request.answer(201, json.dumps(answer), JSON)
        elif user:
            request.answer(201, json.dumps({"status": {"userInfo": {"username": user}}}), JSON)
        else:
            status(request, 404, "not found")

    return handler


@pytest.fixture
def check(tmp_path):
    def run(handler, *namespaces, **options):
        async def scenario():
            async with open_cluster(str(tmp_path / "config")) as cluster:
                return await access.check(cluster, namespaces, **options)

        with serving(handler) as server:
            (tmp_path / "config").write_text(json.dumps(kubernetes.kubeconfig(server.port)))
            return anyio.run(scenario)

    return run


def test_who_may_do_all_needs_no_cure(check):
    found = check(reviewing("list pods", "get pods/portforward"))
    assert (found.version, found.user, found.context) == ("v1.33.1", "jane", "c")
    assert found.missing == ()
    assert found.cure == ""
    assert {check.permission.namespace for check in found.checks} == {"shop"}


def test_the_cure_allows_what_is_missing_where_it_is(check):
    found = check(reviewing("list pods", user="system:serviceaccount:ci:robot"), "shop", "bank")
    assert [str(check.permission) for check in found.missing] == [
        "get pods/portforward in namespace shop",
        "get pods/portforward in namespace bank",
    ]
    objects = list(yaml.safe_load_all(found.cure))
    assert [(one["kind"], one["metadata"]["namespace"]) for one in objects] == [
        ("Role", "shop"), ("RoleBinding", "shop"), ("Role", "bank"), ("RoleBinding", "bank")
    ]  # fmt: skip
    assert objects[0]["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]},
    ]
    assert objects[1]["subjects"] == [{"kind": "ServiceAccount", "name": "robot", "namespace": "ci"}]


def test_all_namespaces_want_a_cluster_role(check):
    found = check(reviewing(), all_namespaces=True, workloads=True)
    role, binding = yaml.safe_load_all(found.cure)
    assert (role["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert binding["subjects"] == [{"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}]
    wanted = {(group, one) for rule in role["rules"] for group in rule["apiGroups"] for one in rule["resources"]}
    assert {("", "namespaces"), ("apps", "deployments"), ("batch", "cronjobs")} <= wanted


def test_late_api_servers_want_create_for_a_websocket(check):
    allowed = reviewing("list pods", "get pods/portforward", version="v1.35.0", user="")
    found = check(allowed)
    assert [str(one.permission) for one in found.missing] == ["create pods/portforward in namespace shop"]
    assert "NAME-OF-THE-USER" in found.cure


def test_an_unreachable_cluster_is_an_error(check):
    with pytest.raises(ClusterError, match="cannot be reached"):
        check(lambda request: None)


def test_names_cannot_break_the_yaml():
    odd = 'x"\n- kind: Group\n  name: system:masters #'
    (_, binding) = yaml.safe_load_all(rbac.yaml([Permission("list", "pods", "shop")], Subject("User", odd)))
    assert binding["subjects"] == [{"kind": "User", "name": odd, "apiGroup": "rbac.authorization.k8s.io"}]
