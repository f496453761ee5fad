"""The Kubernetes API as covey needs it, and the only file that knows the client library.

    async with client.open_cluster(kubeconfig, context) as cluster:
        pods = await cluster.pods("shop", labels="app=checkout")

What fails comes out as ClusterDenied (401, 403, with the rule that would allow it) or ClusterError.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from covey import web
from covey.errors import ClusterDenied, ClusterError, InputError, MissingExtra
from covey.kube import decode
from covey.kube.kubeconfig import Account, load
from covey.kube.pods import Pod, Workload
from covey.kube.rbac import Permission
from covey.model.outside import clean

if TYPE_CHECKING:
    import httpx2

PAGE = 250
_RESTARTS = 3  # of a listing whose continue token expired (410)
_KINDS = {
    "deployment": ("apps_v1", "Deployment"),
    "statefulset": ("apps_v1", "StatefulSet"),
    "daemonset": ("apps_v1", "DaemonSet"),
    "replicaset": ("apps_v1", "ReplicaSet"),
    "job": ("batch_v1", "Job"),
    "cronjob": ("batch_v1", "CronJob"),
}
_SHORT = {"deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "rs": "replicaset", "cj": "cronjob"}
_NAMES = {**{kind: kind for kind in _KINDS}, **{f"{kind}s": kind for kind in _KINDS}, **_SHORT}


@asynccontextmanager
async def open_cluster(kubeconfig: str = "", context: str = "") -> AsyncIterator[Cluster]:
    """The cluster of a kubeconfig and context, "" for the usual ones; see kubeconfig.load for the rules."""
    try:
        account = load(kubeconfig, context)
    except ImportError as error:
        raise MissingExtra("k8s", "talking to Kubernetes") from error
    async with open_account(account) as cluster:
        yield cluster


@asynccontextmanager
async def open_account(account: Account) -> AsyncIterator[Cluster]:
    """A cluster by its account. Opening asks nothing of it yet."""
    try:
        from lightkube import AsyncClient
        from lightkube.config.kubeconfig import SingleConfig
        from lightkube.config.models import Cluster as Server
        from lightkube.config.models import Context, User
    except ImportError as error:
        raise MissingExtra("k8s", "talking to Kubernetes") from error
    import httpx2

    from covey.kube.door import Door

    door = Door(account)
    # TLS and credentials are the door's; so the library is told of a server without either.
    config = SingleConfig(
        context_name=account.context or "in-cluster",
        context=Context(cluster="", namespace=account.namespace),
        cluster=Server(server=account.server, insecure=True),
        user=User(),
    )
    waiting = httpx2.Timeout(30.0, connect=10.0)
    api = AsyncClient(config=config, transport=door, trust_env=False, timeout=waiting)
    async with httpx2.AsyncClient(base_url=account.server, transport=door, trust_env=False, timeout=waiting) as http:
        yield Cluster(account, api, http)


class Cluster:
    """An open connection to one cluster. namespace: the context's."""

    def __init__(self, account: Account, api: Any, http: httpx2.AsyncClient) -> None:
        self.account, self.namespace = account, account.namespace
        self._api, self._http = api, http

    async def pods(self, namespace: str, *, labels: str = "", name: str = "", page: int = PAGE) -> list[Pod]:
        """The pods of a namespace ("" for all), by label selector or name."""
        from lightkube.resources.core_v1 import Pod as Resource

        found = await self._list(Resource, namespace, labels, f"metadata.name={name}" if name else "", page, "pods")
        return [decode.pod(entry) for entry in found]

    async def namespaces(self) -> list[str]:
        """The names of all namespaces."""
        from lightkube.resources.core_v1 import Namespace as Resource

        found = await self._list(Resource, None, "", "", PAGE, "namespaces")
        return sorted(entry.metadata.name for entry in found)

    async def workload(self, kind: str, namespace: str, name: str) -> Workload | None:
        """A workload by kind (deployment, deploy, sts, ds, rs, job, cronjob) and name, or None when there is none."""
        import importlib

        asked, kind = kind, _NAMES.get(kind.lower().partition(".")[0], "")
        if not kind:
            raise InputError(f"{asked!r} is no kind of workload", hint=f"there are {', '.join(_KINDS)}")
        module, title = _KINDS[kind]
        resource = getattr(importlib.import_module(f"lightkube.resources.{module}"), title)
        wanted = Permission("get", f"{kind}s", namespace, "batch" if module == "batch_v1" else "apps")
        try:
            with self._mapped(wanted):
                found = await self._api.get(resource, name, namespace=namespace)
        except _Missing:
            return None
        return await self._made(kind, found)

    async def _made(self, kind: str, found: Any) -> Workload:
        """Pods name a deployment's replica sets and a cron job's jobs as their owners."""
        namespace, uid = found.metadata.namespace, found.metadata.uid
        owners = {uid}
        selector = "" if kind == "cronjob" else decode.selector(found.spec.selector)
        if kind in ("deployment", "cronjob"):
            from lightkube.resources.apps_v1 import ReplicaSet
            from lightkube.resources.batch_v1 import Job

            between, plural = (ReplicaSet, "replicasets") if kind == "deployment" else (Job, "jobs")
            group = "apps" if kind == "deployment" else "batch"
            made = await self._list(between, namespace, selector, "", PAGE, plural, group)
            owners |= {entry.metadata.uid for entry in made if uid in decode.owners(entry)}
        return Workload(kind, namespace, found.metadata.name, selector, frozenset(owners))

    async def allowed(self, permission: Permission) -> bool:
        """Whether the present user may, as the API server says."""
        from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
        from lightkube.resources.authorization_v1 import SelfSubjectAccessReview

        resource, _, sub = permission.resource.partition("/")
        asked = ResourceAttributes(
            verb=permission.verb,
            group=permission.group,
            resource=resource,
            subresource=sub or None,
            namespace=permission.namespace or None,
        )
        with self._mapped(Permission("create", "selfsubjectaccessreviews", group="authorization.k8s.io")):
            review = await self._api.create(
                SelfSubjectAccessReview(spec=SelfSubjectAccessReviewSpec(resourceAttributes=asked))
            )
        return bool(review.status and review.status.allowed)

    async def user(self) -> str:
        """The present user's name as the API server knows it; "" where it does not say (before Kubernetes 1.28)."""
        from lightkube.resources.authentication_v1 import SelfSubjectReview

        try:
            with self._mapped(Permission("create", "selfsubjectreviews", group="authentication.k8s.io")):
                review = await self._api.create(SelfSubjectReview())
        except (_Missing, ClusterDenied):
            return ""
        return str(review.status.userInfo.username or "") if review.status and review.status.userInfo else ""

    async def version(self) -> str:
        """The server's version, like v1.33.1. The cheapest proof that it is there."""
        with self._mapped(Permission("get", "version")):
            response = await self._http.get("/version")
            response.raise_for_status()
            return clean(str(response.json().get("gitVersion", "")))

    async def upgrade(self, path: str, params: Sequence[tuple[str, str]], protocols: Sequence[str]) -> httpx2.Response:
        """Ask for a WebSocket. The answer, whatever its status; at 101 its "network_stream" is open."""
        import base64
        import secrets

        import httpx2

        headers = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": base64.b64encode(secrets.token_bytes(16)).decode(),
            "sec-websocket-protocol": ", ".join(protocols),
        }
        try:
            wanted = self._http.build_request("GET", path, params=list(params), headers=headers)
            response = await self._http.send(wanted, stream=True)
            if response.status_code != 101:
                await response.aread()
            return response
        except httpx2.HTTPError as error:
            from covey.kube.door import unreachable

            raise unreachable(self.account, error) from error

    async def _list(
        self, resource: Any, namespace: str | None, labels: str, fields: str, page: int, plural: str, group: str = ""
    ) -> list[Any]:
        """All of it, page by page; from the beginning again when the server has forgotten where we were."""
        where = {} if namespace is None else {"namespace": namespace or "*"}
        asked = {"labels": _verbatim(labels), "fields": [tuple(fields.split("=", 1))] if fields else None}
        for attempt in range(_RESTARTS):
            try:
                with self._mapped(Permission("list", plural, namespace or "", group)):
                    return [entry async for entry in self._api.list(resource, chunk_size=page, **where, **asked)]
            except _Expired as error:
                if attempt == _RESTARTS - 1:
                    raise ClusterError(
                        f"listing {plural} takes longer than the API server remembers it",
                        hint="ask for fewer: a namespace or a label selector",
                    ) from error
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _mapped(self, permission: Permission) -> Iterator[None]:
        """Foreign errors become covey's."""
        import httpx2
        import msgspec
        from lightkube.core.exceptions import ApiError

        from covey.kube.door import unreachable

        try:
            yield
        except ApiError as error:
            raise refused(
                error.status.code or 0, str(error.status.message or error.status.reason), permission
            ) from error
        except httpx2.HTTPStatusError as error:
            raise refused(error.response.status_code, word(error.response.text), permission) from error
        except httpx2.HTTPError as error:
            raise unreachable(self.account, error) from error
        except (msgspec.MsgspecError, KeyError, UnicodeDecodeError) as error:
            raise ClusterError(
                f"what answers at {web.redact(self.account.server)} is not a Kubernetes API",
                hint="is a proxy or login page in between? look at the server of the kubeconfig",
            ) from error


class _Answered(ClusterError):
    """The API server is there and says no."""


class _Missing(_Answered):
    """404: there is no such thing."""


class _Expired(_Answered):
    """410: a continue token or resource version is too old."""


def word(answer: str) -> str:
    """What an answer of the API server says: the message of its Status, else its text."""
    import json

    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return answer[:300]


def refused(status: int, message: str, permission: Permission) -> ClusterError:
    """The error for an answer of the API server that is none of success; `message` is its own word."""
    said = clean(message)[:400]
    if status == 401:
        return ClusterDenied(
            f"the cluster does not accept these credentials ({permission})",
            hint="log in again with your provider's tool, or choose another --context",
        )
    if status == 403:
        return ClusterDenied(
            f"not allowed to {permission}: {said}", hint="`covey doctor` prints the Role that allows it"
        )
    kinds: dict[int, type[ClusterError]] = {404: _Missing, 410: _Expired}
    return kinds.get(status, _Answered)(f"the Kubernetes API answered {status} to {permission}: {said}")


def _verbatim(labels: str) -> Any:
    """A selector as the user wrote it; the library would build it from parts."""
    from lightkube.operators import Operator

    return [("", Operator("verbatim", "", labels))] if labels else None
