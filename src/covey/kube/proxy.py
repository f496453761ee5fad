"""Which proxy the way to an API server takes, by Go's rules, so that covey gets through wherever kubectl does.

Source of the rules: golang.org/x/net/http/httpproxy, and client-go for `proxy-url`.
"""

from __future__ import annotations

import importlib.util
import os
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

from covey import web
from covey.errors import ConfigError
from covey.model.outside import clean

_PORTS = {"http": 80, "https": 443}


def chosen(server: str, proxy_url: str) -> httpx2.Proxy | None:
    """The proxy for a server: the kubeconfig's `proxy-url` ("" for none) whatever the variables say, else that of
    HTTPS_PROXY or HTTP_PROXY, unless the server is this machine or NO_PROXY names it. ConfigError for one that cannot
    be used."""
    told = proxy_url or _told(server)
    if not told:
        return None
    url = told if "://" in told else f"http://{told}"
    named = clean(web.redact(url))[:200]
    try:
        proxy = httpx2.Proxy(url)
        if not proxy.url.host:
            raise ValueError("it names no host")
    except (httpx2.InvalidURL, ValueError) as error:
        raise ConfigError(
            f"the proxy {named!r} cannot be used: {web.redact(clean(str(error)))[:200]}",
            hint="write it as http://host:port, in the kubeconfig's proxy-url or HTTPS_PROXY",
        ) from None  # the cause would tell the URL as it is
    if proxy.url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise ConfigError(f"the proxy {named!r} needs a package that is not installed", hint="pip install socksio")
    return proxy


def _told(server: str) -> str:
    url = httpx2.URL(server)
    if url.scheme not in _PORTS or _is_here(url.host):
        return ""
    if _is_exempt(url.host.lower().rstrip("."), url.port or _PORTS[url.scheme], _variable("NO_PROXY")):
        return ""
    return _variable(f"{url.scheme.upper()}_PROXY")


def _variable(name: str) -> str:
    return (os.environ.get(name) or os.environ.get(name.lower(), "")).strip()


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_here(host: str) -> bool:
    found = _address(host)
    return host.lower() == "localhost" or (found is not None and found.is_loopback)


def _is_exempt(host: str, port: int, listed: str) -> bool:
    """NO_PROXY: names, with their subdomains (only those after a leading dot), addresses and networks, each but a
    network with a port if need be; or * for everything."""
    return any(part == "*" or _names(part, host, port) for part in map(str.strip, listed.lower().split(",")) if part)


def _names(part: str, host: str, port: int) -> bool:
    address = _address(host)
    if "/" in part:
        try:
            return address is not None and address in ip_network(part, strict=False)
        except ValueError:
            return False
    name, colon, wanted = part.rpartition(":")
    if not colon or not wanted.isdecimal() or (":" in name and not name.endswith("]")):  # a bare IPv6 address
        name, wanted = part, ""
    if wanted and int(wanted[:6]) != port:
        return False
    if (known := _address(name)) is not None:
        return known == address
    name = name.removeprefix("*")
    return (host == name or host.endswith(f".{name}")) if not name.startswith(".") else host.endswith(name)
