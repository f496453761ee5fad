from __future__ import annotations

import base64
import hashlib
import json
import socket
import stat
import sys
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from fakes.agent_servers import serving

from covey import oci
from covey.credentials import login
from covey.errors import ConfigError
from covey.model.provenance import Image

CONFIG = "sha256:" + "c" * 64
MANIFEST = json.dumps({"schemaVersion": 2, "config": {"digest": CONFIG}, "layers": []}).encode()
AMD, ARM = "sha256:" + "a" * 64, "sha256:" + "b" * 64
INDEX = json.dumps({"manifests": [{"digest": AMD}, {"digest": ARM}, {"digest": "junk"}, 3, {}]}).encode()


def digest(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own: no logins but those a test makes."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".docker").mkdir()
    return tmp_path


def keep(home, **content):
    (home / ".docker/config.json").write_text(json.dumps(content))


def helper(home, monkeypatch, name, program):
    """A docker-credential-NAME on PATH."""
    path = home / f"docker-credential-{name}"
    path.write_text(f"#!{sys.executable}\nimport sys\nserver = sys.stdin.read()\n{program}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(home), prepend=":")


def resolve(handler, reference="org/app:v1", **options):
    with serving(handler) as server:
        found = anyio.run(lambda: oci.resolve(Image.parse(f"127.0.0.1:{server.port}/{reference}"), **options))
    return found, server


def registry(allowed=lambda request: True, challenge="", body=INDEX, token=None):
    """Serves one manifest at any reference; `token` answers at /token."""

    def handler(request):
        if request.path.startswith("/token"):
            token(request)
        elif not allowed(request):
            host = request.headers["host"]
            request.answer(401, headers={"WWW-Authenticate": challenge.replace("HOST", host)} if challenge else {})
        else:
            request.answer(200, body, {"Content-Type": "application/json"})

    return handler


def test_an_index_stands_for_each_of_its_platforms():
    found, server = resolve(registry())
    assert found.digests == {digest(INDEX), AMD, ARM}
    assert server.asked == ["GET /v2/org/app/manifests/v1"]
    assert resolve(registry(), "org/app")[1].asked == ["GET /v2/org/app/manifests/latest"]


def test_a_manifest_comes_with_its_configuration():
    assert resolve(registry(body=MANIFEST))[0].digests == {digest(MANIFEST), CONFIG}


def test_a_digest_is_checked():
    good, _ = resolve(registry(), f"org/app:v1@{digest(INDEX)}")
    assert digest(INDEX) in good.digests
    bad, _ = resolve(registry(), f"org/app@{AMD}")
    assert bad.digests is None
    assert "other bytes" in bad.reason


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_basic_login_from_the_docker_configuration(home):
    def handler(request):
        registry(lambda request: request.headers.get("authorization") == basic("me", "p:w"), 'Basic realm="r"')(request)

    assert "answered 401" in resolve(handler)[0].reason
    with serving(handler) as server:
        keep(home, auths={f"127.0.0.1:{server.port}": {"auth": base64.b64encode(b"me:p:w").decode()}})
        found = anyio.run(oci.resolve, Image.parse(f"127.0.0.1:{server.port}/org/app"))
    assert found.digests


CHALLENGE = 'Bearer realm="http://HOST/token",service="reg",scope="repository:org/app:pull"'


def bearer(asked, wanted=""):
    def give(request):
        asked.append((request.method, parse_qs(urlsplit(request.path).query), request.body.decode()))
        if wanted and request.headers.get("authorization") != wanted:
            request.answer(401)
        else:
            request.answer(200, json.dumps({"access_token": "t0k"}))

    return registry(lambda request: request.headers.get("authorization") == "Bearer t0k", CHALLENGE, token=give)


def test_a_token_is_fetched_without_a_login():
    asked = []
    assert resolve(bearer(asked))[0].digests
    assert asked == [("GET", {"service": ["reg"], "scope": ["repository:org/app:pull"]}, "")]


def test_a_token_is_fetched_with_the_login_of_a_helper(home, monkeypatch):
    program = """print('{"Username": "u", "Secret": "s"}') if server.startswith("127.") else sys.exit(1)"""
    helper(home, monkeypatch, "mine", program)
    keep(home, credsStore="mine")
    assert resolve(bearer([], basic("u", "s")))[0].digests


def test_an_identity_token_is_exchanged(home, monkeypatch):
    helper(home, monkeypatch, "cloud", """print('{"Username": "<token>", "Secret": "id"}')""")
    asked = []
    with serving(bearer(asked)) as server:
        keep(home, credHelpers={f"127.0.0.1:{server.port}": "cloud"})
        found = anyio.run(oci.resolve, Image.parse(f"127.0.0.1:{server.port}/org/app"))
    assert found.digests
    method, _, form = asked[0]
    assert method == "POST"
    assert parse_qs(form)["refresh_token"] == ["id"]


def test_a_helper_that_knows_nothing_is_nobody_and_a_wrong_name_is_refused(home, monkeypatch):
    helper(home, monkeypatch, "empty", "print('credentials not found'); sys.exit(1)")
    keep(home, credsStore="empty")
    assert resolve(bearer([]))[0].digests
    keep(home, credsStore="../../evil")
    assert "no name of a credential helper" in resolve(bearer([]))[0].reason


def test_logins_are_found_where_docker_and_podman_keep_them(home, monkeypatch):
    entry = {"auth": base64.b64encode(b"hub:pw").decode()}
    keep(home, auths={"https://index.docker.io/v1/": entry})
    assert anyio.run(login, "docker.io/library/busybox").user == "hub"
    assert anyio.run(login, "quay.io/a/b").user == ""
    other = home / "auth.json"
    other.write_text(json.dumps({"auths": {"quay.io/a": {"username": "path", "password": "x"}, "quay.io": entry}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(other))
    assert anyio.run(login, "quay.io/a/b").user == "path"
    assert anyio.run(login, "quay.io/c/b").user == "hub"
    assert "pw" not in repr(anyio.run(login, "quay.io/c/b"))
    other.write_text("{")
    with pytest.raises(ConfigError, match=r"auth\.json"):
        anyio.run(login, "quay.io/a/b")


def test_redirects_are_followed_but_the_login_stays(home):
    seen = []

    def behind(request):
        seen.append(request.headers.get("authorization"))
        request.answer(200, INDEX)

    with serving(behind) as other:

        def front(request):
            if "authorization" not in request.headers:
                request.answer(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
            else:
                request.answer(307, headers={"Location": f"http://127.0.0.1:{other.port}/there"})

        with serving(front) as server:
            keep(home, auths={f"127.0.0.1:{server.port}": {"auth": base64.b64encode(b"me:pw").decode()}})
            found = anyio.run(oci.resolve, Image.parse(f"127.0.0.1:{server.port}/org/app"))
    assert found.digests
    assert seen == [None]


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (registry(body=b"[]"), "no manifest"),
        (registry(body=b"not json \x1b["), "not JSON"),
        (lambda request: request.answer(404, b"{}"), "answered 404"),
        (lambda request: request.answer(302), "answered 302"),
        (lambda request: request.send(b"hello\r\n\r\n"), "not HTTP"),
        (registry(lambda request: False, 'Bearer realm="http://example.com/token"'), "not safe"),
        (registry(lambda request: False, 'Bearer realm="file:///etc/passwd"'), "not safe"),
        (registry(lambda request: False, CHALLENGE, token=lambda request: request.answer(500)), "gave no token"),
        (registry(lambda request: False, CHALLENGE, token=lambda request: request.answer(200, b"[]")), "no token"),
        (lambda request: request.stop.wait(), "did not answer within"),
    ],
)
def test_a_registry_that_does_not_tell_gives_a_reason(handler, words):
    found, _ = resolve(handler, seconds=3)
    assert found.digests is None
    assert words in found.reason
    assert "\x1b" not in found.reason


def test_one_that_is_not_there_gives_a_reason():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = anyio.run(oci.resolve, Image.parse(f"127.0.0.1:{port}/org/app"))
    assert found.digests is None
    assert found.reason


@pytest.mark.parametrize("reference", ["127.0.0.1:1/org/app:-v", "127.0.0.1:1/org/app@junk", "127.0.0.1:1/../app"])
def test_what_is_no_reference_is_not_asked_for(reference):
    assert "no reference" in anyio.run(oci.resolve, Image.parse(reference)).reason


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *((host, True) for host in ("localhost:5000", "127.0.0.9", "[::1]:5000", "r.localhost")),
        *((host, False) for host in ("quay.io", "10.0.0.1:5000", "localhost.example.com")),
    ],
)
def test_only_this_machines_registries_are_spoken_to_without_tls(host, local):
    assert oci.is_local(host) is local
