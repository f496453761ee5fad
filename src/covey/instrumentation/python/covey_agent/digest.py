"""SHA-256 without hashlib, which loads OpenSSL: an application that does not use it should not pay for it."""

from __future__ import annotations

try:
    from _sha2 import sha256  # 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256
    except ImportError:
        from hashlib import sha256

__all__ = ["sha256"]
