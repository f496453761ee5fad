"""The checkout that reports are read against: its files, and the rules that map recorded paths to them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from covey.formats.pyconfig import mentions
from covey.formats.sources import CheckoutSources
from covey.model.paths import Alias


def checkout_sources(root: Path, aliases: Iterable[Alias] = ()) -> CheckoutSources:
    """Sources of a checkout: `[paths]` of its coverage configuration, then `aliases`, then the automatic rules."""
    root = root.resolve()
    return CheckoutSources(root, (*_of_coverage(root), *aliases))


def _of_coverage(root: Path) -> Iterator[Alias]:
    """`[paths]` as coverage.py means it: of each list the first is the place, the others lie there too."""
    if not mentions(root, "paths"):
        return  # reading it properly costs the import of coverage.py
    from covey.formats.pysource import read_rules

    for first, *others in filter(None, read_rules(root).aliases.values()):
        target = posixpath.relpath(posixpath.join(str(root), first), str(root))
        if not target.startswith(".."):
            for pattern in others:
                yield Alias(pattern, "" if target == "." else target, "[paths]")
