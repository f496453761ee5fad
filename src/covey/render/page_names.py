"""File names for the pages of source files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from covey.model.report import Key

SLUG_LIMIT = 60  # characters; with the hash well below the 255 bytes of a file name, and readable


def page_names(keys: Iterable[Key]) -> dict[Key, str]:
    """A page's file name for each file: the end of its path, reduced to a-z 0-9 . _ -, and a hash of the whole.

    Names differ also where letters' case does not count, hold nothing that a file system or URL treats specially,
    and depend on the file alone, so a link to a page stays good from report to report.
    """
    names: dict[Key, str] = {}
    taken: set[str] = set()
    for key in keys:
        repository, path = key
        whole = f"{repository or ''}\0{path}".encode("utf-8", "surrogatepass")
        slug = re.sub("[^a-z0-9._-]+", "-", path[-SLUG_LIMIT:].lower()).strip(".-")
        names[key] = name = f"{slug}-{blake2b(whole, digest_size=6).hexdigest()}.html".lstrip("-")
        if name in taken:  # 48 bits: never by chance in a report, so somebody has made it so
            names[key] = name = f"{blake2b(whole, digest_size=32).hexdigest()}.html"
        taken.add(name)
    return names
