"""JSON from outside, read by type and within bounds: every wrong shape is one clear error, none a surprise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from covey.errors import BundleError

MOST = 100_000  # captures, files of a capture, processes, failures
TEXT = 8192  # characters of one value

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Text from outside without what a terminal would obey, cut to TEXT characters."""
    return _CONTROL.sub("\ufffd", text[:TEXT])


def fit(text: str) -> str:
    """Text as UTF-8 can hold it, as it goes into reports: bytes of a file's name that are none become \\udcXX, in six
    characters."""
    return text.encode("utf-8", "backslashreplace").decode()


def without_credentials(url: str) -> str:
    """An address without what stands before its host: user:password@, or the token that serves as a user. The user of
    ssh://git@host and git@host:path is no secret and stays."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    userinfo, at, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    if not at or (scheme.lower() in ("", "ssh", "git+ssh") and ":" not in userinfo):
        return url
    return f"{scheme}{separator}{rest[len(userinfo) + 1 :]}"


def parse(data: bytes) -> Any:
    """JSON from outside; BundleError when it is none."""
    import json

    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"its manifest or journal is not JSON: {clean(str(error))}") from error


class Table:
    """A JSON object whose values are asked for by type; BundleError when one is of another type or out of bounds."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise BundleError("its manifest has a value where an object is wanted")
        self._values: dict[str, Any] = value

    def _get(self, key: str, kind: type, default: Any) -> Any:
        value = self._values.get(key)
        if value is None:
            return default
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BundleError(f"its manifest has a wrong value for {key!r}")
        return value

    def text(self, key: str) -> str:
        return fit(clean(self._get(key, str, "")))  # JSON may have halves of characters

    def number(self, key: str, least: int = 0) -> int:
        value = self._get(key, int, 0)
        if not least <= value < 2**63:
            raise BundleError(f"its manifest has a number out of bounds for {key!r}")
        return int(value)

    def rows(self, key: str) -> list[Any]:
        rows = self._get(key, list, [])
        if len(rows) > MOST:
            raise BundleError(f"its manifest has more than {MOST} {key}")
        return list(rows)

    def mapping(self, key: str) -> Mapping[str, Any]:
        return dict(self._get(key, dict, {}))

    def time(self, key: str) -> datetime:
        text = self.text(key)
        try:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise BundleError(f"its manifest has no time for {key!r}: {text[:100]!r}") from error
