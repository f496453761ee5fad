from __future__ import annotations

import pytest

from covey.model.outside import Table, without_credentials


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://bob:hunter2@git.example/x", "https://git.example/x"),
        ("https://x-access-token:gh@s@git.example:8443/x.git", "https://git.example:8443/x.git"),
        ("https://t0ken@git.example/x", "https://git.example/x"),
        ("ssh://git@git.example/x", "ssh://git@git.example/x"),
        ("ssh://git:pw@git.example/x", "ssh://git.example/x"),
        ("git@git.example:org/x@y", "git@git.example:org/x@y"),
        ("bob:pw@host/x", "host/x"),
        ("https://git.example/@org/x?y=a@b", "https://git.example/@org/x?y=a@b"),
        ("", ""),
    ],
)
def test_an_address_is_told_without_what_lets_in(url, kept):
    assert without_credentials(url) == kept


def test_half_a_character_is_written_out():
    assert Table({"test": "a\ud800\x1b"}).text("test").encode() == b"a\\ud800" + "\ufffd".encode()
