"""Image registries: which digests a reference stands for now, that of an index and those of its platforms' manifests.

Never fatal: a registry that cannot be reached, or does not tell, gives a reason instead of digests. Plain HTTP is
spoken to this machine's own registries only. Source: the OCI distribution specification 1.1, "pulling manifests", and
the distribution project's token authentication.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import anyio

from covey import web
from covey.credentials import Login, login
from covey.errors import CoveyError
from covey.model.provenance import Image

if TYPE_CHECKING:
    import httpx2

_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_NAME = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_REFERENCE = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_MOST = 4 * 2**20  # bytes of a manifest; registries allow this much
_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Resolution:
    """digests: all that the reference may run as, or None when it is not known; `reason` then says why."""

    digests: frozenset[str] | None
    reason: str = ""


async def resolve(image: Image, *, seconds: float = 5.0) -> Resolution:
    """The digests of an image's reference (its digest, else its tag, else "latest"), with the logins kept here."""
    try:
        with anyio.fail_after(seconds):
            return await _resolve(image, seconds)
    except TimeoutError:
        return Resolution(None, f"{registry(image)} did not answer within {seconds:g} s")
    except CoveyError as error:
        return Resolution(None, error.what)


def registry(image: Image) -> str:
    """The host[:port] that serves an image."""
    host = image.repository.partition("/")[0]
    return "registry-1.docker.io" if host in ("docker.io", "index.docker.io") else host


def is_local(host: str) -> bool:
    """Whether a host[:port] is this machine's own, to be spoken to without TLS."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


async def _resolve(image: Image, seconds: float) -> Resolution:
    path = image.repository.partition("/")[2]
    reference = image.digest or image.tag or "latest"
    if not _NAME.fullmatch(path) or not (_DIGEST if image.digest else _REFERENCE).fullmatch(reference):
        return Resolution(None, f"{image} is no reference that a registry has")
    scheme = "http" if is_local(registry(image)) else "https"
    url = f"{scheme}://{registry(image)}/v2/{path}/manifests/{reference}"
    async with web.client(direct=scheme == "http") as client:
        reply = await _pull(client, url, image, seconds)
    if reply.status != 200:
        return Resolution(None, f"{registry(image)} answered {reply.status} for {image}: {reply.text}"[:300])
    return _read(image, reply)


def _read(image: Image, reply: web.Reply) -> Resolution:
    digest = f"sha256:{hashlib.sha256(reply.body).hexdigest()}"
    if image.digest.startswith("sha256:") and image.digest != digest:
        return Resolution(None, f"{registry(image)} gave other bytes than {image.digest}")
    manifest = reply.json()
    if not isinstance(manifest, dict):
        return Resolution(None, f"{registry(image)} gave no manifest for {image}")
    entries = manifest.get("manifests")
    # A manifest's config digest is what runtimes without a registry (loaded images) call the image.
    inner = [*(entries if isinstance(entries, list) else []), manifest.get("config")]
    found = {str(entry.get("digest")) for entry in inner if isinstance(entry, dict)}
    return Resolution(frozenset({digest} | {one for one in found if _DIGEST.fullmatch(one)}))


async def _pull(client: httpx2.AsyncClient, url: str, image: Image, seconds: float) -> web.Reply:
    """The manifest, logging in when the registry asks for it."""
    reply = await _get(client, url, "", seconds)
    if reply.status != 401:
        return reply
    kept = await login(image.repository)
    kind, _, rest = reply.headers.get("www-authenticate", "").partition(" ")
    if kind.lower() == "basic" and kept.basic:
        return await _get(client, url, kept.basic, seconds)
    if kind.lower() == "bearer":
        token = await _token(client, url, dict(_CHALLENGE.findall(rest)), kept, image, seconds)
        return await _get(client, url, f"Bearer {token}", seconds)
    return reply


async def _get(client: httpx2.AsyncClient, url: str, authorization: str, seconds: float) -> web.Reply:
    """A manifest; redirects are followed, but the login stays with the host that asked for it."""
    bounds, home = web.Bounds(seconds, _MOST, _MOST), urlsplit(url).netloc
    for _ in range(_REDIRECTS):
        headers = {"accept": _ACCEPT}
        if authorization and urlsplit(url).netloc == home:
            headers["authorization"] = authorization
        reply = await web.fetch(client, "GET", url, headers=headers, bounds=bounds)
        place = urljoin(url, reply.headers.get("location", ""))
        if reply.status not in (301, 302, 303, 307, 308) or not _safe(place, url):
            return reply
        url = place
    return reply


def _safe(place: str, origin: str) -> bool:
    """Whether to go to an address that a registry named: never from TLS to none, nor to this machine from outside."""
    to, came = urlsplit(place), urlsplit(origin)
    if is_local(to.netloc) and not is_local(came.netloc):
        return False
    return to.scheme == "https" or (to.scheme == "http" and came.scheme == "http" and is_local(to.netloc))


async def _token(
    client: httpx2.AsyncClient, url: str, challenge: Mapping[str, str], kept: Login, image: Image, seconds: float
) -> str:
    realm = challenge.get("realm", "")
    if not _safe(realm, url):
        raise CoveyError(f"{registry(image)} asks to log in at {web.redact(realm)[:100]!r}, which is not safe")
    scope = challenge.get("scope") or f"repository:{image.repository.partition('/')[2]}:pull"
    asked = {"service": challenge.get("service", ""), "scope": scope}
    bounds = web.Bounds(seconds, 2**20, 2**20)
    if kept.identity:
        from urllib.parse import urlencode

        form = {"grant_type": "refresh_token", "client_id": "covey", "refresh_token": kept.identity, **asked}
        kind = {"content-type": "application/x-www-form-urlencoded"}
        reply = await web.fetch(client, "POST", realm, headers=kind, body=urlencode(form).encode(), bounds=bounds)
    else:
        headers = {"authorization": kept.basic} if kept.basic else {}
        reply = await web.fetch(client, "GET", realm, headers=headers, params=asked, bounds=bounds)
    answer: Any = reply.json() if reply.status == 200 else None
    token = (answer.get("token") or answer.get("access_token")) if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token.isprintable():
        raise CoveyError(f"{registry(image)} gave no token: its login answered {reply.status}")
    return token
