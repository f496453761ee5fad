"""Which cluster, and as whom: the kubeconfig rules of kubectl, and the account of a pod.

Order: the file asked for; the files that KUBECONFIG lists, of which the first to name a thing wins; ~/.kube/config; the
service account of the pod that covey runs in. Source of the rules: kubernetes.io/docs/concepts/configuration/
organize-cluster-access-kubeconfig. Relative paths are relative to the file that has them.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from covey.errors import ClusterError, ConfigError
from covey.patience import read_small

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LARGEST = 16 * 2**20  # bytes of one file


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that gives credentials (`users[].user.exec`). cluster: what it is told of the cluster, or None."""

    version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cluster: Mapping[str, Any] | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A cluster and an identity there. Certificates and keys are PEM; what is not set is empty."""

    server: str
    namespace: str = "default"
    context: str = ""
    kubeconfig: str = ""  # the file asked for
    authority: bytes = field(default=b"", repr=False)
    insecure: bool = False
    server_name: str = ""
    proxy: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    plugin: Plugin | None = None
    headers: tuple[tuple[str, str], ...] = ()  # impersonation


def load(kubeconfig: str = "", context: str = "", *, service_account: Path = SERVICE_ACCOUNT) -> Account:
    """The account to use. ConfigError when a file is wrong or has no such context, ClusterError when there is none."""
    kubeconfig = os.path.expanduser(kubeconfig)  # noqa: PTH111 - no shell does it in --kubeconfig=~/x
    files = _files(kubeconfig)
    if not files:
        if not context and (inside := _in_cluster(service_account)) is not None:
            return inside
        raise ClusterError(
            "there is no kubeconfig and this is no pod of a cluster",
            hint="name one with --kubeconfig or KUBECONFIG, or make ~/.kube/config with your provider's tool",
        )
    merged = _merge(files)
    name = context or str(merged["current-context"])
    if not name and not context and (inside := _in_cluster(service_account)) is not None:
        return inside
    return _account(merged, name, kubeconfig)


def _files(kubeconfig: str) -> list[Path]:
    if kubeconfig:
        return [Path(kubeconfig)]
    listed = os.environ.get("KUBECONFIG", "")
    if listed:
        return [path for path in map(Path, filter(None, listed.split(os.pathsep))) if path.exists()]
    usual = Path(os.path.expanduser("~/.kube/config"))  # noqa: PTH111 - Path's fails where nobody knows a home
    return [usual] if usual.is_file() else []


def _in_cluster(folder: Path) -> Account | None:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "")
    token = folder / "token"
    if not host or not port or not token.is_file():
        return None
    space = folder / "namespace"
    try:
        return Account(
            server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            namespace=(space.read_text().strip() if space.is_file() else "") or "default",
            authority=(folder / "ca.crt").read_bytes(),
            token_file=token,  # read again and again: the kubelet renews it
        )
    except OSError as error:
        raise ConfigError(f"the pod's service account cannot be read: {error}") from error


def _merge(files: Sequence[Path]) -> dict[str, Any]:
    merged: dict[str, Any] = {"current-context": "", "clusters": {}, "contexts": {}, "users": {}}
    for file in files:
        content = _read(file)
        merged["current-context"] = merged["current-context"] or content.get("current-context") or ""
        for kind, key in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
            for entry in content.get(kind) or []:
                if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                    raise ConfigError(f"{file}: an entry of {kind} has no name")
                value = entry.get(key)
                merged[kind].setdefault(entry["name"], (value if isinstance(value, dict) else {}, file))
    return merged


def _read(file: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]  # it comes with lightkube

    try:
        content = yaml.safe_load(read_small(file, _LARGEST).decode())
    except OSError as error:
        raise ConfigError(f"the kubeconfig {file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not a kubeconfig: {str(error).splitlines()[0]}") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(
        isinstance(content.get(kind) or [], list) for kind in ("clusters", "contexts", "users")
    ):
        raise ConfigError(f"{file} is not a kubeconfig")
    return content


def _account(merged: Mapping[str, Any], name: str, kubeconfig: str) -> Account:
    known = ", ".join(sorted(merged["contexts"])) or "none"
    if not name:
        raise ConfigError("the kubeconfig has no current context", hint=f"name one with --context; there are: {known}")
    if name not in merged["contexts"]:
        raise ConfigError(f"the kubeconfig has no context {name!r}", hint=f"there are: {known}")
    context, _ = merged["contexts"][name]
    cluster, cluster_file = merged["clusters"].get(context.get("cluster"), ({}, Path()))
    if not cluster.get("server"):
        raise ConfigError(f"context {name!r}: its cluster {context.get('cluster')!r} has no server in the kubeconfig")
    user, user_file = merged["users"].get(context.get("user"), ({}, Path()))
    if context.get("user") and context["user"] not in merged["users"]:
        raise ConfigError(f"context {name!r}: there is no user {context['user']!r} in the kubeconfig")
    if user.get("auth-provider"):
        raise ConfigError(
            f"user {context['user']!r} uses auth-provider, which Kubernetes 1.26 removed",
            hint="use your provider's exec plugin: its command line rewrites the kubeconfig",
        )
    return Account(
        server=str(cluster["server"]).rstrip("/"),
        namespace=str(context.get("namespace") or "default"),
        context=name,
        kubeconfig=kubeconfig,
        authority=_pem(cluster, "certificate-authority", cluster_file),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
        certificate=_pem(user, "client-certificate", user_file),
        key=_pem(user, "client-key", user_file),
        token=str(user.get("token") or ""),
        token_file=_beside(user_file, user["tokenFile"]) if user.get("tokenFile") else None,
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        plugin=_plugin(user.get("exec"), cluster, user_file),
        headers=tuple(_impersonation(user)),
    )


def _beside(file: Path, path: object) -> Path:
    return file.parent / Path(str(path)).expanduser()


def _pem(entry: Mapping[str, Any], key: str, file: Path) -> bytes:
    try:
        if data := entry.get(f"{key}-data"):
            return base64.b64decode(str(data), validate=False)
        if path := entry.get(key):
            return _beside(file, path).read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a path with a zero byte; the home of nobody
        raise ConfigError(f"{file}: {key} cannot be read: {error}") from error
    return b""


def _plugin(entry: object, cluster: Mapping[str, Any], file: Path) -> Plugin | None:
    if not isinstance(entry, dict) or not entry.get("command"):
        return None
    if entry.get("interactiveMode") == "Always":
        raise ConfigError(
            f"{file}: the credential plugin {entry['command']!r} insists on a terminal",
            hint="log in with it first, or use a context whose plugin can run alone",
        )
    command = str(entry["command"])
    told = {key: value for key, value in cluster.items() if key != "extensions"} if _wanted(entry) else None
    if told is not None and told.pop("certificate-authority", None):
        authority = _pem(cluster, "certificate-authority", file)
        told["certificate-authority-data"] = base64.b64encode(authority).decode()
    return Plugin(
        version=str(entry.get("apiVersion") or ""),
        command=str(_beside(file, command).absolute()) if "/" in command else command,
        args=tuple(map(str, entry.get("args") or ())),
        env=tuple((str(pair["name"]), str(pair["value"])) for pair in entry.get("env") or ()),
        cluster=told,
        hint=str(entry.get("installHint") or ""),
    )


def _wanted(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("provideClusterInfo"))


def _impersonation(user: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = [("Impersonate-User", str(user["as"]))] if user.get("as") else []
    headers += [("Impersonate-Uid", str(user["as-uid"]))] if user.get("as-uid") else []
    headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers += [(f"Impersonate-Extra-{key}", str(value)) for value in values]
    return headers
