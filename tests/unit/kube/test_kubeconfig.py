from __future__ import annotations

import base64
import os

import pytest
import yaml
from fakes.kubernetes import kubeconfig as made

from covey.errors import ClusterError, ConfigError
from covey.kube.kubeconfig import load


@pytest.fixture(autouse=True)
def nothing(tmp_path, monkeypatch):
    """No kubeconfig and no pod around."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def test_the_file_asked_for_comes_first_then_the_variable_then_home(tmp_path, monkeypatch):
    write(tmp_path / ".kube/config", made(1))
    assert load().server == "http://127.0.0.1:1"
    monkeypatch.setenv("KUBECONFIG", write(tmp_path / "two", made(2)))
    assert (load().server, load().kubeconfig) == ("http://127.0.0.1:2", "")
    three = load(write(tmp_path / "three", made(3)))
    assert (three.server, three.kubeconfig) == ("http://127.0.0.1:3", str(tmp_path / "three"))
    assert (three.context, three.namespace) == ("c", "shop")


def test_a_home_is_written_out_for_kubectl_too(tmp_path):
    write(tmp_path / "mine", made(4))
    assert load("~/mine").kubeconfig == str(tmp_path / "mine")


def test_of_several_files_the_first_to_name_a_thing_wins(tmp_path, monkeypatch):
    first = {"clusters": [{"name": "c", "cluster": {"server": "https://first/"}}]}
    names = [write(tmp_path / "a", first), str(tmp_path / "missing"), write(tmp_path / "b", made(2, token="t"))]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(names))
    account = load()
    assert (account.server, account.token, account.context) == ("https://first", "t", "c")


def test_paths_are_relative_to_their_file_and_data_comes_first(tmp_path):
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki/ca.pem").write_bytes(b"CA")
    (tmp_path / "pki/key.pem").write_bytes(b"KEY")
    content = made(1)
    content["clusters"][0]["cluster"] |= {"certificate-authority": "pki/ca.pem", "tls-server-name": "api.x"}
    content["users"][0]["user"] = {
        "client-certificate": "nowhere",
        "client-certificate-data": base64.b64encode(b"CERT").decode(),
        "client-key": "pki/key.pem",
        "tokenFile": "pki/token",
    }
    account = load(write(tmp_path / "config", content))
    assert (account.authority, account.certificate, account.key) == (b"CA", b"CERT", b"KEY")
    assert (account.server_name, account.token_file) == ("api.x", tmp_path / "pki/token")


def test_a_plugin_is_read_with_what_it_is_to_be_told(tmp_path):
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./bin/login",
        "args": ["--cluster", 7],
        "env": [{"name": "A", "value": "b"}],
        "provideClusterInfo": True,
        "installHint": "get it there",
    }
    (tmp_path / "ca").write_bytes(b"CA")
    content = made(1, exec=plugin)
    content["clusters"][0]["cluster"]["certificate-authority"] = "ca"
    found = load(write(tmp_path / "config", content)).plugin
    assert found is not None
    assert (found.command, found.args, found.env) == (str(tmp_path / "bin/login"), ("--cluster", "7"), (("A", "b"),))
    assert found.cluster == {
        "server": "http://127.0.0.1:1",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
    }
    assert found.hint == "get it there"


def test_impersonation_becomes_headers(tmp_path):
    extra = {"as": "jane", "as-groups": ["a", "b"], "as-uid": "7", "as-user-extra": {"scope": ["x"]}}
    assert load(write(tmp_path / "config", made(1, **extra))).headers == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-scope", "x"),
    )


def test_secrets_are_not_in_its_repr(tmp_path):
    account = load(write(tmp_path / "config", made(1, token="hush", password="hush", username="me")))
    assert "hush" not in repr(account)


def test_without_a_kubeconfig_the_pods_account_is_used(tmp_path, monkeypatch):
    with pytest.raises(ClusterError, match="no kubeconfig") as failed:
        load()
    assert "--kubeconfig" in failed.value.hint
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    folder = tmp_path / "account"
    write(folder / "token", "t")
    write(folder / "namespace", "team\n")
    with pytest.raises(ConfigError, match="service account"):
        load(service_account=folder)
    write(folder / "ca.crt", "CA")
    account = load(service_account=folder)
    assert (account.server, account.namespace) == ("https://[fd00::1]:443", "team")
    assert (account.token_file, account.authority) == (folder / "token", b"CA")


def changed(**more):
    return {**made(1), **more}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not a kubeconfig"),
        ("[1]", "is not a kubeconfig"),
        ("\x00", "is not a kubeconfig"),
        ("!!python/object/apply:os.system ['true']", "is not a kubeconfig"),
        (changed(clusters={}), "has no server"),
        (changed(clusters="x"), "is not a kubeconfig"),
        (changed(clusters=[3]), "has no name"),
        (changed(clusters=[]), "its cluster 'c' has no server"),
        (changed(users=[]), "there is no user 'u'"),
        (changed(**{"current-context": ""}), "no current context"),
        (changed(**{"current-context": "other"}), "no context 'other'"),
        (made(1, **{"auth-provider": {"name": "gcp"}}), "auth-provider"),
        (made(1, **{"client-key": "missing"}), "client-key cannot be read"),
        (made(1, **{"client-key": "zero\0"}), "client-key cannot be read"),
        (made(1, **{"client-key": "~no-such-user/key"}), "client-key cannot be read"),
        (made(1, **{"client-key-data": "größer"}), "client-key cannot be read"),
        (made(1, exec={"command": "x", "interactiveMode": "Always"}), "insists on a terminal"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, words):
    with pytest.raises(ConfigError, match=words):
        load(write(tmp_path / "config", content))


def test_a_missing_file_or_context_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere cannot be read"):
        load(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="no context 'd'") as failed:
        load(write(tmp_path / "config", made(1)), "d")
    assert "there are: c" in failed.value.hint
