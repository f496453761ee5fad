"""What covey may have to be allowed in a cluster, and the YAML that allows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing to be allowed. namespace: "" for the whole cluster. optional: covey does its work without it."""

    verb: str
    resource: str  # with a subresource after a slash: pods/portforward
    namespace: str = ""
    group: str = ""
    optional: bool = False

    def __str__(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        name = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {name} {where}"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is to be allowed: kind is User, Group or ServiceAccount (then with a namespace)."""

    kind: str
    name: str
    namespace: str = ""


def subject(user: str) -> Subject:
    """The subject of a user name as the API server says it; service accounts are named by their own kind."""
    prefix = "system:serviceaccount:"
    if user.startswith(prefix) and user.count(":") == 3:
        _, _, namespace, name = user.split(":")
        return Subject("ServiceAccount", name, namespace)
    return Subject("User", user)


def yaml(permissions: Iterable[Permission], to: Subject, name: str = "covey") -> str:
    """The Role and RoleBinding of each namespace, and ClusterRole and ClusterRoleBinding, for `kubectl apply -f -`."""
    scopes: dict[str, list[Permission]] = {}
    for permission in permissions:
        scopes.setdefault(permission.namespace, []).append(permission)
    return "---\n".join(_role(scope, scopes[scope], name) + "---\n" + _binding(scope, to, name) for scope in scopes)


def _role(namespace: str, permissions: Iterable[Permission], name: str) -> str:
    verbs: dict[tuple[str, str], list[str]] = {}
    for permission in permissions:
        known = verbs.setdefault((permission.group, permission.resource), [])
        if permission.verb not in known:
            known.append(permission.verb)
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), allowed in verbs.items():
        grouped.setdefault((group, tuple(allowed)), []).append(resource)
    rules = "".join(
        f"  - apiGroups: [{_text(group)}]\n    resources: {_list(resources)}\n    verbs: {_list(allowed)}\n"
        for (group, allowed), resources in grouped.items()
    )
    kind = "Role" if namespace else "ClusterRole"
    return f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\n{_metadata(namespace, name)}rules:\n{rules}"


def _binding(namespace: str, to: Subject, name: str) -> str:
    kind = "Role" if namespace else "ClusterRole"
    if to.kind == "ServiceAccount":
        who = f"  - kind: ServiceAccount\n    name: {_text(to.name)}\n    namespace: {_text(to.namespace)}\n"
    else:
        who = f"  - kind: {to.kind}\n    name: {_text(to.name)}\n    apiGroup: rbac.authorization.k8s.io\n"
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}Binding\n{_metadata(namespace, name)}"
        f"roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {kind}\n  name: {_text(name)}\nsubjects:\n{who}"
    )


def _metadata(namespace: str, name: str) -> str:
    return f"metadata:\n  name: {_text(name)}\n" + (f"  namespace: {_text(namespace)}\n" if namespace else "")


def _text(value: str) -> str:
    return json.dumps(value)  # a JSON string is a YAML string, whatever is in it


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"
