"""The way to the API server: TLS, proxy, credentials and retries, as one HTTP transport that all of `kube` shares.

Loaded only when a cluster is really talked to. What the client library lacks is done here: plugins that want
KUBERNETES_EXEC_INFO or give certificates, tls-server-name, proxy-url, impersonation, token files that are renewed.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2

from covey import tools, web
from covey.errors import ClusterDenied, ClusterError, ConfigError, ToolError
from covey.kube import proxy
from covey.kube.kubeconfig import Account, Plugin
from covey.model.outside import clean

_VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
_EARLY = timedelta(seconds=30)  # a token that is about to expire is renewed this long before
_PLUGIN_SECONDS = 60.0


class Door(httpx2.AsyncBaseTransport):
    """Adds credentials; asks again after 401 with fresh ones, and reads again when the server is busy or away."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tls = _context(account)
        self._credentials = Credentials(account, self._tls)
        self._wire = httpx2.AsyncHTTPTransport(
            verify=self._tls,
            trust_env=False,
            proxy=proxy.chosen(account.server, account.proxy),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, whatever its status."""
        if self._account.server_name:
            request.extensions = {**request.extensions, "sni_hostname": self._account.server_name}
        if self._account.headers:
            request.headers = httpx2.Headers([*request.headers.multi_items(), *self._account.headers])
        return await web.patiently(
            lambda: self._once(request), tries=web.ATTEMPTS if request.method in web.IDEMPOTENT else 1
        )

    async def _once(self, request: httpx2.Request) -> httpx2.Response:
        try:
            request.headers.update(await self._credentials.headers())
            response = await self._wire.handle_async_request(request)
            if response.status_code == 401 and await self._credentials.renew():
                await response.aclose()
                request.headers.update(await self._credentials.headers())
                response = await self._wire.handle_async_request(request)
        except (httpx2.ConnectError, httpx2.ReadError, httpx2.RemoteProtocolError) as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE" in str(error):
                raise
            raise web.Again(error) from error
        if response.status_code in web.BUSY or (response.status_code != 101 and "upgrade" in request.headers):
            await response.aread()  # a refused WebSocket is closed before anybody asks why
        if response.status_code in web.BUSY:
            raise web.Again(response, response.headers.get("retry-after", ""))
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._wire.aclose()


class Credentials:
    """What to say of oneself in each request; kept until it expires or is refused."""

    def __init__(self, account: Account, tls: ssl.SSLContext) -> None:
        self._account, self._tls = account, tls
        self._given: str | None = None
        self._until: datetime | None = None
        self._asking = anyio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """{} or the Authorization header. ClusterDenied when a plugin gives nothing, ConfigError for unknown ones."""
        account = self._account
        if account.token_file is not None:
            try:
                token = await anyio.Path(account.token_file).read_text()
            except OSError as error:
                raise ConfigError(f"the token file {account.token_file} cannot be read: {error.strerror}") from error
            return {"authorization": f"Bearer {token.strip()}"}
        if account.token:
            return {"authorization": f"Bearer {account.token}"}
        if account.plugin is not None:
            async with self._asking:
                if self._given is None or (self._until is not None and datetime.now(UTC) + _EARLY > self._until):
                    await self._ask(account.plugin)
            return {"authorization": f"Bearer {self._given}"} if self._given else {}
        if account.username:
            pair = base64.b64encode(f"{account.username}:{account.password}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        return {}

    async def renew(self) -> bool:
        """Forget what was refused; whether there may be something else to say."""
        self._given = None
        return self._account.plugin is not None or self._account.token_file is not None

    async def _ask(self, plugin: Plugin) -> None:
        if plugin.version not in _VERSIONS:
            raise ConfigError(f"the credential plugin {plugin.command!r} has the unknown version {plugin.version!r}")
        spec: dict[str, Any] = {"interactive": False}
        if plugin.cluster is not None:
            spec["cluster"] = plugin.cluster
        asked = json.dumps({"apiVersion": plugin.version, "kind": "ExecCredential", "spec": spec})
        try:
            said = await tools.run(
                [plugin.command, *plugin.args],
                env={**dict(plugin.env), "KUBERNETES_EXEC_INFO": asked},
                seconds=_PLUGIN_SECONDS,
                most=2**20,
            )
        except ToolError as error:
            cure = plugin.hint or "log in with your provider's tool, then try again"
            raise ClusterDenied(f"the credential plugin of the kubeconfig: {error.what}", hint=cure) from error
        try:
            status = json.loads(said)["status"]
            self._given = str(status.get("token") or "")
            expires = status.get("expirationTimestamp")
            until = datetime.fromisoformat(expires) if expires else None
            self._until = until if until is None or until.tzinfo else until.replace(tzinfo=UTC)
            if certificate := status.get("clientCertificateData"):
                _identify(self._tls, certificate.encode(), status["clientKeyData"].encode())
        except (ssl.SSLError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ClusterDenied(f"the credential plugin {plugin.command!r} gave no ExecCredential") from error


def _context(account: Account) -> ssl.SSLContext:
    try:
        if account.insecure:
            context = httpx2.create_ssl_context(verify=False)
        elif account.authority:
            # Beside the certificates there may be comments in any encoding. Nothing left would mean the system's own.
            context = ssl.create_default_context(cadata=account.authority.decode("ascii", "ignore") or "none")
        else:
            context = httpx2.create_ssl_context()
        # Clusters' own authorities often lack extensions that Python 3.13 insists on; Go, and so kubectl, does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if account.certificate:
            _identify(context, account.certificate, account.key)
    except (ssl.SSLError, ValueError, TypeError) as error:
        raise ConfigError(f"a certificate or key of the kubeconfig cannot be used: {error}") from error
    return context


def _identify(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a certificate and its key: Python takes only files, so they exist for that moment, for this user alone."""
    with tempfile.TemporaryDirectory(prefix="covey-") as folder:
        both = Path(folder) / "identity.pem"
        with open(os.open(both, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(certificate + b"\n" + key)
        context.load_cert_chain(both)


def unreachable(account: Account, error: Exception) -> ClusterError:
    """The error to raise when no answer came, with the cure that fits."""
    words = web.redact(clean(str(error))) or type(error).__name__
    cure = f"is it up, and the VPN or proxy? `kubectl{_flag(account)} get --raw /readyz` asks the same server"
    if "CERTIFICATE" in words:
        cure = "the kubeconfig's certificate-authority does not fit this server: fetch the kubeconfig anew"
    return ClusterError(f"the Kubernetes API at {web.redact(account.server)} cannot be reached: {words}", hint=cure)


def _flag(account: Account) -> str:
    return f" --context {account.context}" if account.context else ""
