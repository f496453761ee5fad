"""Credentials for image registries, from where docker and podman keep them: a file, or a program it names.

Sources: docs.docker.com/reference/cli/docker/login (auths, credsStore, credHelpers) and containers-auth.json(5).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from covey import tools
from covey.errors import ConfigError, ToolError

_HUB = "https://index.docker.io/v1/"
_LARGEST = 4 * 2**20  # bytes of a file
_HELPER_SECONDS = 10.0
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password, or an identity token to be exchanged; all "" for nobody."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The Authorization header, or "" for nobody."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


async def login(repository: str) -> Login:
    """The login for an image's repository (registry/name). Nobody when none is kept.

    ConfigError when a file is damaged, ToolError when the program it names fails.
    """
    registry = repository.partition("/")[0]
    for file in _files():
        content = _read(file)
        if helper := _helper(content, registry):
            return await _ask(helper, registry)
        auths = content.get("auths")
        for key in _keys(repository):
            entry = auths.get(key) if isinstance(auths, dict) else None
            if isinstance(entry, dict) and entry:
                return _kept(file, entry)
    return Login()


def _files() -> Iterator[Path]:
    """Those that exist, the most particular first."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home fails where nobody knows one
    named = [
        os.environ.get("REGISTRY_AUTH_FILE", ""),
        f"{os.environ.get('DOCKER_CONFIG') or home / '.docker'}/config.json",
        f"{os.environ.get('XDG_RUNTIME_DIR', '/nonexistent')}/containers/auth.json",
        f"{os.environ.get('XDG_CONFIG_HOME') or home / '.config'}/containers/auth.json",
    ]
    return (Path(name) for name in named if name and Path(name).is_file())


def _read(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > _LARGEST:
            raise ConfigError(f"{file}: too large for a file of credentials")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read as a file of credentials") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{file} is no file of credentials")
    return content


def _keys(repository: str) -> Iterator[str]:
    """The names under which a login may be kept: a part of the path first (podman), then the registry's spellings."""
    registry, *path = repository.split("/")
    for length in range(len(path), 0, -1):
        yield "/".join([registry, *path[:length]])
    if registry in ("docker.io", "index.docker.io"):
        yield from (_HUB, "index.docker.io", "docker.io", "https://index.docker.io/v1")
    yield from (registry, f"https://{registry}", f"https://{registry}/v1/", f"https://{registry}/v2/")
    yield f"http://{registry}"


def _helper(content: Mapping[str, Any], registry: str) -> str:
    helpers = content.get("credHelpers")
    particular = helpers.get(registry) if isinstance(helpers, dict) else None
    name = str(particular or content.get("credsStore") or "")
    if name and not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name of a credential helper")
    return name


async def _ask(helper: str, registry: str) -> Login:
    server = _HUB if registry in ("docker.io", "index.docker.io") else registry
    try:
        said = await tools.run(
            [f"docker-credential-{helper}", "get"], stdin=server.encode(), seconds=_HELPER_SECONDS, most=2**20
        )
        answer = json.loads(said)
        user, secret = str(answer.get("Username", "")), str(answer.get("Secret", ""))
    except ToolError as error:
        if "exit code" in error.what:  # it knows no login for this registry, or is locked: go on as nobody
            return Login()
        raise
    except (ValueError, AttributeError, RecursionError) as error:
        raise ToolError(f"docker-credential-{helper} gave no credentials") from error
    return Login(identity=secret) if user == "<token>" else Login(user, secret)


def _kept(file: Path, entry: Mapping[str, Any]) -> Login:
    if token := entry.get("identitytoken"):
        return Login(identity=str(token))
    if not entry.get("auth"):
        return Login(str(entry.get("username") or ""), str(entry.get("password") or ""))
    try:
        user, _, password = base64.b64decode(str(entry["auth"])).decode().strip("\0").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: a login is not base64") from error
    return Login(user, password)
