"""Show a report to people, or write it as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from covey import plugins
from covey.errors import UsageError
from covey.formats.base import Sources
from covey.model.report import FileCoverage, Report
from covey.render.base import Options, Renderer
from covey.render.whole import whole

DATA_NAMES = {"json": "native"}  # what people call a data format -> its name
SUFFIXES = {
    ".info": "lcov",
    ".lcov": "lcov",
    ".json": "native",
    ".xml": "cobertura",
    ".coverage": "coveragepy",
    ".md": "markdown",
    ".txt": "text",
}


@dataclass(frozen=True)
class CheckoutTexts:
    """Source texts of the files of one checkout, for renderers."""

    sources: Sources

    def text(self, file: FileCoverage) -> bytes | None:
        """The text that ran, as it lies in the checkout; None where it cannot be had."""
        return self.sources.locate(file.path, file.source_hash).text


def known() -> tuple[str, ...]:
    """The names --format takes: renderers, then data formats."""
    return (*plugins.names("renderers"), "json", *plugins.names("formats"))


def name_for(path: Path | None, default: str) -> str:
    """The format that an output's name asks for."""
    if path is None:
        return default
    if path.name.startswith(".coverage."):  # as coverage.py itself calls the files of parallel runs
        return SUFFIXES[".coverage"]
    return SUFFIXES.get(path.suffix.lower()) or SUFFIXES.get(path.name.lower()) or default


def show(report: Report, name: str, out: Path | BinaryIO, options: Options) -> None:
    """Write the report by the renderer or data format of that name; a folder renderer wants a path."""
    if name in plugins.names("renderers") or any(plugin.name == name for plugin in plugins.others("renderers")):
        renderer: Renderer = plugins.load("renderers", name)
        if renderer.folder and not isinstance(out, Path):
            raise UsageError(f"{name} fills a folder", hint=f"name it: --format {name} -o coverage")
        renderer.render(report, out, options)
        return
    fmt = _data_format(name)
    if not isinstance(out, Path):
        fmt.write(report, out)
        return
    with whole(out) as stream:
        fmt.write(report, stream)


def _data_format(name: str) -> Any:
    """The data format of that name; UsageError naming all that --format takes."""
    try:
        return plugins.load("formats", DATA_NAMES.get(name, name))
    except UsageError as error:
        hint = "XML is called cobertura" if name == "xml" else f"there are: {', '.join(known())}"
        raise UsageError(error.what, hint=hint) from None
