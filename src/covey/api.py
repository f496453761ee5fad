"""The two functions of the public API that need more than the model: reading anything, writing anything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from covey.model.merge import How
from covey.model.report import Report

Name = str | os.PathLike[str]


def load(
    *inputs: Name,
    checkout: Name | None = ".",
    parts: Mapping[str, Name] | None = None,
    format: str = "",  # noqa: A002 - the word people know it by
    how: How = "sum",
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Report:
    """One report of bundles and report files of any known format.

    checkout: the root of the sources, None for none. parts: name -> an input that becomes a slice "part:NAME".
    format: the inputs' format where their content should not tell. include, exclude: globs of the files that count;
    what the checkout's .gitattributes leave out does not either. Raises CoveyError, as the command line does.
    """
    from covey.flows import merge
    from covey.flows.checkout import checkout_sources
    from covey.flows.scope import scope_of
    from covey.formats.sources import NoSources

    sources = NoSources() if checkout is None else checkout_sources(Path(checkout))
    reading = merge.Reading(sources, format, scope=scope_of(sources, include, exclude))
    named = {part: [os.fspath(name)] for part, name in (parts or {}).items()}
    return merge.load([os.fspath(name) for name in inputs], reading, named, how)


def write(report: Report, out: Name, format: str = "", *, checkout: Name | None = ".") -> None:  # noqa: A002
    """Write a report to a file, or a folder for html. format: as --format takes it; by the name of `out` when ""."""
    from covey.flows import show
    from covey.flows.checkout import checkout_sources
    from covey.formats.sources import NoSources
    from covey.render.base import Options

    sources = NoSources() if checkout is None else checkout_sources(Path(checkout))
    path = Path(out)
    show.show(report, format or show.name_for(path, "native"), path, Options(show.CheckoutTexts(sources)))
