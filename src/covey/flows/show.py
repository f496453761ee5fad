"""Show a report to people, or write it as data."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from covey import plugins
from covey.errors import UsageError
from covey.formats.base import Format, Sources
from covey.model.report import FileCoverage, Report

if TYPE_CHECKING:
    from covey.render.base import Options, Renderer, Texts

DATA_NAMES = {"json": "native"}  # what people call a data format -> its name
SUFFIXES = {  # or whole names, which come first
    ".info": "lcov",
    ".lcov": "lcov",
    ".json": "native",
    ".xml": "cobertura",
    ".coverage": "coveragepy",
    ".md": "markdown",
    ".txt": "text",
    ".svg": "badge",
    ".out": "gocover",
    ".cov": "gocover",
    "coverage-final.json": "istanbul",  # as nyc, c8, jest and vitest call theirs
    "clover.xml": "clover",
    "jacoco.xml": "jacoco",
    "sonar.xml": "sonar",
}


@dataclass(frozen=True)
class CheckoutTexts:
    """Source texts of the files of one checkout, for renderers."""

    sources: Sources

    def text(self, file: FileCoverage) -> bytes | None:
        """The text that ran, as it lies in the checkout; None where it cannot be had."""
        return self.sources.locate(file.path, file.source_hash).text


def sources_of(texts: Texts) -> Sources | None:
    """The checkout that the texts come from; None where they come from elsewhere."""
    return texts.sources if isinstance(texts, CheckoutTexts) else None


def known() -> tuple[str, ...]:
    """The names --format takes: renderers, then data formats."""
    return (*plugins.names("renderers"), "json", *plugins.written())


def name_for(path: Path | None, default: str, *, strict: bool = False) -> str:
    """The format that an output's name asks for; UsageError for the name of one page, and where it asks for none and
    is `strict`: but a pipe or a device may be called as it likes."""
    if path is None:
        return default
    if path.name.startswith(".coverage."):  # as coverage.py itself calls the files of parallel runs
        return SUFFIXES[".coverage"]
    if path.name.startswith("junit") and path.suffix == ".xml":  # the names that TestGrid looks for
        return "junit"
    if path.suffix.lower() in (".html", ".htm"):
        raise UsageError(f"{path} is one file, and the HTML report is a folder", hint="--format html -o FOLDER")
    found = SUFFIXES.get(path.name.lower()) or SUFFIXES.get(path.suffix.lower())
    if found is None and strict and (path.is_file() or not path.exists()):
        data = ", ".join(f"{end} ({name})" for end, name in SUFFIXES.items() if name in plugins.written())
        raise UsageError(
            f"the name of {path} says no format", hint=f"name one with --format, or the file as one of: {data}"
        )
    return found or default


def show(report: Report, name: str, out: Path | BinaryIO, options: Options) -> list[Path]:
    """Write the report by the renderer or data format of that name; a folder renderer wants a path. What was written,
    by path, as people are told of it; nothing for a stream."""
    if DATA_NAMES.get(name, name) != "native":  # which merges further
        report = report.told_once()
    if _is_renderer(name):
        renderer: Renderer = plugins.load("renderers", name)
        if renderer.folder and not isinstance(out, Path):
            raise UsageError(f"{name} fills a folder", hint=f"name it: --format {name} -o coverage")
        return renderer.render(report, out, options)
    sources = sources_of(options.texts)
    fmt = _data_format_at(name, sources)
    if sources is not None:
        report = fmt.named(report, sources)
    if not isinstance(out, Path):
        fmt.write(report, out)
        return []
    from covey.render.whole import whole

    with whole(out) as stream:
        fmt.write(report, stream)
    return [out]


def losses(report: Report, name: str, sources: Sources | None = None) -> Sequence[str]:
    """Notes on what the data format of that name has no place for; none of what shows the report to people."""
    return () if _is_renderer(name) else tuple(_data_format_at(name, sources).losses(report))


def _is_renderer(name: str) -> bool:
    """Others' are looked for only where the name is none of ours: that imports much."""
    if name in plugins.names("renderers"):
        return True
    ours = DATA_NAMES.get(name, name) in plugins.names("formats")
    return not ours and any(plugin.name == name for plugin in plugins.others("renderers"))


def check(name: str, *, only_data: bool = False) -> None:
    """UsageError where nothing of that name can be written; to be known before anything is read. only_data: renderers
    are not offered."""
    if not _is_renderer(name):
        fmt = _data_format(name, plugins.names("renderers") if only_data else ())
        if fmt.only_read:
            fmt.write(Report(), io.BytesIO())  # which says what to write instead


def _data_format_at(name: str, sources: Sources | None) -> Format:
    """The data format of that name, as it writes for a checkout."""
    fmt = _data_format(name)
    return fmt if sources is None else fmt.at(sources)


def _data_format(name: str, hidden: Collection[str] = ()) -> Format:
    """The data format of that name; UsageError naming all that --format takes."""
    try:
        fmt: Format = plugins.load("formats", DATA_NAMES.get(name, name))
    except UsageError as error:
        there = [one for one in known() if one not in hidden]
        hint = "XML is called cobertura" if name == "xml" else plugins.nearest(name, there)
        raise UsageError(error.what, hint=hint) from None
    return fmt
