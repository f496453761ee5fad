"""The way to the API server leads through a proxy where kubectl's does, and nowhere else."""

from __future__ import annotations

import os

import pytest

from covey.errors import ConfigError
from covey.kube.door import Door
from covey.kube.kubeconfig import Account
from covey.kube.proxy import chosen


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def goes_by(server, proxy_url=""):
    proxy = chosen(server, proxy_url)
    return None if proxy is None else str(proxy.url)


@pytest.mark.parametrize("host", ["127.0.0.1:41234", "localhost:6443", "LOCALHOST", "127.8.8.8", "[::1]:6443"])
def test_this_machine_is_never_behind_a_proxy(monkeypatch, host):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    assert goes_by(f"https://{host}") is None


@pytest.mark.parametrize(
    ("listed", "server", "exempt"),
    [
        (".svc,.cluster.local,10.0.0.0/16,172.30.0.0/16", "https://172.30.0.1:443", True),
        ("10.0.0.0/16", "https://10.1.0.1", False),
        ("fd00::/8", "https://[fd00::1]:6443", True),
        ("api.corp", "https://api.corp:6443", True),
        ("api.corp", "https://one.api.corp", True),
        ("api.corp", "https://other-api.corp", False),
        (".corp", "https://api.corp", True),
        (".api.corp", "https://api.corp", False),
        ("*.corp", "https://API.corp", True),
        ("api.corp:6443", "https://api.corp:6443", True),
        ("api.corp:443", "https://api.corp", True),
        ("api.corp:6443", "https://api.corp", False),
        ("10.0.0.1:6443, 10.0.0.2", "https://10.0.0.2:6443", True),
        ("10.0.0.1:6443", "https://10.0.0.1:443", False),
        ("fd00::1", "https://[fd00::1]:6443", True),
        ("[fd00::1]:6443", "https://[fd00::1]:6443", True),
        ("x,*", "https://api.corp", True),
        ("10.0.0.0/99,:,/,", "https://10.0.0.1", False),
    ],
)
def test_no_proxy_is_read_as_go_does(monkeypatch, listed, server, exempt):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", listed)
    assert (goes_by(server) is None) == exempt


def test_the_variable_of_the_scheme_counts_and_no_other(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://localhost:1080")
    monkeypatch.setenv("http_proxy", "http://plain:1")
    assert goes_by("https://api.corp") is None
    assert goes_by("http://api.corp") == "http://plain:1"


def test_a_proxy_without_a_scheme_is_one_of_http(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "proxy.corp:3128")
    assert goes_by("https://api.corp") == "http://proxy.corp:3128"
    assert goes_by("https://127.0.0.1", "other.corp:3128") == "http://other.corp:3128"


@pytest.mark.parametrize(
    "proxy", ["http://bob:hunter2@[::bad", "bob:hunter2@host:port", "http://bob:hunter2@", "socks4://bob:hunter2@x:1"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(proxy):
    with pytest.raises(ConfigError) as refused:
        Door(Account(server="https://api.corp", proxy=proxy))
    assert "hunter2" not in f"{refused.value.what} {refused.value.hint} {refused.value.__cause__}"


def test_what_a_socks_proxy_needs_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"socks5://\*\*\*@localhost:1080") as refused:
        Door(Account(server="https://api.corp", proxy="socks5://bob:hunter2@localhost:1080"))
    assert refused.value.hint == "pip install socksio"
