"""The way to the API server: whom it trusts, and what is said where that cannot be."""

from __future__ import annotations

import pytest

from covey.errors import ConfigError
from covey.kube.door import Door
from covey.kube.kubeconfig import Account

# Of nobody, self-signed; its key was never kept.
PEM = b"""\
-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUI+nV1pK5ZoJ3BRNNIanjxBMfwAgwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAgFw0yNjExMjIwMDExMjFaGA8yMTI2MTAyOTAwMTEyMVow
DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFMQ/JXGy0Dj
thrxNOD1OzV2tnWeHqQ/kpfWVxWD1Id7Owhk7AoQDsWxhShywrgsm1CqmDdvdjVu
zdHBDUaqWcGjUzBRMB0GA1UdDgQWBBTL4kXT5Ti8fK9t0oeHI+cwERBF/jAfBgNV
HSMEGDAWgBTL4kXT5Ti8fK9t0oeHI+cwERBF/jAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0kAMEYCIQCBYwAp8tTQn7yUGYmDhbi0wE1eQvk/YUXs1lu9nE7C
DwIhAKgC+j2jYnVBO+EoezJcE8lZHX09O/lcVQMEMPYk4Vex
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize("comment", [b"", "# NetLock Arany = Főtanúsítvány\n".encode(), b"\xff\xfe\n"])
def test_comments_beside_a_certificate_may_be_in_any_encoding(comment):
    door = Door(Account(server="https://x", authority=comment + PEM))
    assert door._tls.cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("authority", [b"no certificate", b"\xff\xfe", b"\0", "é".encode(), PEM[:200]])
def test_what_is_no_certificate_is_an_error_of_the_kubeconfig(authority):
    with pytest.raises(ConfigError, match="a certificate or key of the kubeconfig cannot be used"):
        Door(Account(server="https://x", authority=authority))
