"""The ways into a target: through the API server, through kubectl, or straight to an address.

    async with tunnel.open_channel(cluster, target, via="native") as channel:
        stream = await channel.connect(9095)

Each satisfies the agents' Channel. Leaving the block ends whatever was started for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal
from urllib.parse import quote, urlsplit

import anyio
from anyio.abc import ByteStream

from covey.errors import AgentError, ClusterDenied, ClusterError, NoAgent, PodGone, UsageError
from covey.kube.client import Cluster, refused, word
from covey.kube.kubectl import KubectlChannel
from covey.kube.portforward import PROTOCOL, PortStream
from covey.kube.rbac import Permission
from covey.model.provenance import Target

Via = Literal["native", "kubectl"]


@asynccontextmanager
async def open_channel(
    cluster: Cluster | None, target: Target, via: Via = "native"
) -> AsyncIterator[PodChannel | KubectlChannel | UrlChannel]:
    """The channel of a target. UsageError for a pod without a cluster, ToolError where kubectl is missing."""
    if target.url:
        yield UrlChannel(target.url)
    elif cluster is None:
        raise UsageError(f"{target.name} is in a cluster, and none is open")
    elif via == "kubectl":
        async with AsyncExitStack() as ends:
            yield KubectlChannel(target, kubectl_flags(cluster), ends)
    else:
        yield PodChannel(cluster, target)


def kubectl_flags(cluster: Cluster) -> tuple[str, ...]:
    """What makes kubectl talk to the same cluster as the same user."""
    flags = [f"--kubeconfig={cluster.account.kubeconfig}"] if cluster.account.kubeconfig else []
    return (*flags, *([f"--context={cluster.account.context}"] if cluster.account.context else []))


class PodChannel:
    """Into a pod, through the API server: a WebSocket for each connection."""

    def __init__(self, cluster: Cluster, target: Target) -> None:
        self._cluster, self._target = cluster, target

    async def connect(self, port: int) -> ByteStream:
        """A stream to a port on the pod's loopback. That nothing listens is raised by its first `receive` (NoAgent)."""
        space, pod = self._target.namespace, self._target.pod
        path = f"/api/v1/namespaces/{quote(space, safe='')}/pods/{quote(pod, safe='')}/portforward"
        answer = await self._cluster.upgrade(path, [("ports", str(port))], (PROTOCOL,))
        if answer.status_code != 101:
            raise _unopened(answer.status_code, answer.text, self._target)
        protocol = answer.headers.get("sec-websocket-protocol", "")
        if protocol != PROTOCOL:
            await answer.aclose()
            raise ClusterError(
                f"the API server opens port-forwards over WebSocket as {protocol!r}, which is not known here",
                hint="use --via kubectl",
            )
        network = answer.extensions["network_stream"]
        return PortStream(network, self._target.name, port, answer.aclose)


def _unopened(status: int, answer: str, target: Target) -> Exception:
    """The API server does not open a port-forward: a right is missing, the pod is gone, or its node is away."""
    error = refused(status, word(answer), Permission("get", "pods/portforward", target.namespace))
    if isinstance(error, ClusterDenied):
        return error
    if status == 404:
        return PodGone(f"{target.name}: the pod is gone", hint="collect before it is deleted or replaced")
    return AgentError(f"{target.name}: {error.what}")


class UrlChannel:
    """Straight to a host: http://host:9095, https://host, host:53700.

    port: what the address names, else 443 with https and 80 with http. path: below which the agent answers, "" or
    "/x" without the end slash; a path of the agent's own (".../coverage") counts as none.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            named = parts.port
        except ValueError as error:
            raise UsageError(f"{url!r} has no usable port") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is no address of an agent", hint="write http://host:port")
        self._tls = parts.scheme == "https"
        self.host, self.port = parts.hostname, named or (443 if self._tls else 80)
        self.path = parts.path.rstrip("/").removesuffix("/coverage")

    async def connect(self, port: int) -> ByteStream:
        """A stream to a port of the host; TLS where the address says https and it is the address' own port."""
        try:
            if self._tls and port == self.port:
                import ssl

                return await anyio.connect_tcp(
                    self.host, port, tls=True, ssl_context=ssl.create_default_context(), tls_standard_compatible=False
                )
            return await anyio.connect_tcp(self.host, port)
        except ConnectionRefusedError as error:
            raise NoAgent(f"{self.host}: nothing listens on port {port}") from error
        except OSError as error:
            if isinstance(error.__cause__, ConnectionRefusedError):
                raise NoAgent(f"{self.host}: nothing listens on port {port}") from error
            raise AgentError(f"{self.host}:{port} cannot be reached: {error}") from error
