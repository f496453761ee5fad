"""What `covey doctor` asks of a cluster: is it there, what may this user do, and which YAML would mend the rest.

Prints nothing and changes nothing: the questions are SelfSubjectAccessReviews, which everybody may ask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from covey.kube import rbac
from covey.kube.client import Cluster
from covey.kube.rbac import Permission


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer; `why` says what covey needs it for."""

    permission: Permission
    allowed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Access:
    """server, context, version: of the cluster; user: as it knows them, "" before Kubernetes 1.28."""

    server: str
    context: str
    version: str
    user: str
    checks: tuple[Check, ...]

    @property
    def missing(self) -> tuple[Check, ...]:
        """What covey cannot do without."""
        return tuple(check for check in self.checks if not check.allowed and not check.permission.optional)

    @property
    def cure(self) -> str:
        """The RBAC YAML that allows what is missing, with what goes with it; "" when nothing is."""
        if not self.missing:
            return ""
        scopes = {check.permission.namespace for check in self.missing}
        # With what is optional here: another version of Kubernetes, or kubectl, would want it.
        needed = [check.permission for check in self.checks]
        to = rbac.subject(self.user or "NAME-OF-THE-USER")
        return rbac.yaml([one for one in needed if one.namespace in scopes], to)


async def check(
    cluster: Cluster, namespaces: Sequence[str] = (), *, all_namespaces: bool = False, workloads: bool = False
) -> Access:
    """Ask about each namespace (the context's when none is named), or about all at once.

    workloads: whether workloads will be asked for by name. ClusterError when the cluster cannot be reached.
    """
    version = await cluster.version()
    scopes = [""] if all_namespaces else list(namespaces) or [cluster.namespace]
    wanted = [one for scope in scopes for one in needs(scope, version, workloads=workloads)]
    if all_namespaces and workloads:
        wanted.append((Permission("list", "namespaces"), "to look for workloads in all of them"))
    checks = [Check(permission, await cluster.allowed(permission), why) for permission, why in wanted]
    return Access(cluster.account.server, cluster.account.context, version, await cluster.user(), tuple(checks))


def needs(namespace: str, version: str = "", *, workloads: bool = False) -> list[tuple[Permission, str]]:
    """What covey needs in a namespace ("" for all), each with what for.

    A WebSocket is opened by GET, which API servers before 1.35 authorise as "get", later ones as "create" too.
    """
    early = _minor(version) < 35
    found = [
        (Permission("list", "pods", namespace), "to find pods"),
        (Permission("get", "pods/portforward", namespace), "to reach agents"),
        (
            Permission("create", "pods/portforward", namespace, optional=early),
            "to reach agents by --via kubectl, and from Kubernetes 1.35 on",
        ),
    ]
    if workloads:
        for group, resources in (
            ("apps", ("deployments", "statefulsets", "daemonsets")),
            ("batch", ("jobs", "cronjobs")),
        ):
            found += [(Permission("get", one, namespace, group), f"to find pods by {one}") for one in resources]
        found.append((Permission("get", "replicasets", namespace, "apps"), "to find pods by replicasets"))
        found.append((Permission("list", "replicasets", namespace, "apps"), "to find the pods of a deployment"))
        found.append((Permission("list", "jobs", namespace, "batch"), "to find the pods of a cron job"))
    return found


def _minor(version: str) -> int:
    """The 33 of v1.33.1; a version that cannot be read counts as a late one."""
    found = re.match(r"v?1\.(\d+)", version)
    return int(found.group(1)) if found else 99
