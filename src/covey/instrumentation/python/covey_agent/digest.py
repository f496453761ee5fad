"""SHA-256 without loading OpenSSL for it: an application that does not use it should not pay for it.

Where the application has loaded it, it is used: it is several times as fast."""

from __future__ import annotations

import sys

try:
    from _sha2 import sha256 as _own  # 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256 as _own
    except ImportError:
        from hashlib import sha256 as _own


def sha256(data: bytes):
    """A hash object, as of hashlib."""
    openssl = sys.modules.get("_hashlib")
    if openssl is not None:
        try:
            return openssl.openssl_sha256(data)
        except (AttributeError, ValueError):  # it is just being loaded, or its provider refuses
            pass
    return _own(data)
