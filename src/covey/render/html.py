"""The HTML report: a folder that works from file://, without network, and without scripts."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO

from covey.errors import UsageError
from covey.model.report import Report
from covey.render.base import Options, several_repositories, shown_name, visible
from covey.render.html_index import Index
from covey.render.html_shell import Shell
from covey.render.html_source import SourcePages
from covey.render.page_names import page_names

ASSETS = ("covey.css", "page.js", "index.js", "source.js")
_OURS = b'<meta name="generator" content="covey">'


class Html:
    """index.html, files/*.html (a page a file) and assets/. The index is written last: where it is, all is.

    An earlier report in the folder is replaced; a folder that holds anything else is refused.
    """

    name = "html"
    folder = True

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> None:
        if not isinstance(out, Path):
            raise UsageError("the HTML report is a folder, not one file", hint="Name the folder with -o FOLDER.")
        try:
            _make_room(out)
            try:
                _write(report, out, options)
            except BaseException:
                _clear(out)  # a full disk is not made fuller, and half a report is worse than none
                raise
        except OSError as error:
            raise UsageError(
                f"cannot write {error.filename or out}: {error.strerror}", hint="Name another folder with -o."
            ) from error


def _make_room(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, and the HTML report is a folder", hint="Name another folder with -o.")
    if out.is_dir() and any(out.iterdir()):
        if not _is_ours(out):
            raise UsageError(
                f"{out} holds other files, which the HTML report would be mixed with",
                hint="Name a new or empty folder with -o.",
            )
        (out / "index.html").unlink(missing_ok=True)
        _clear(out)
    (out / "assets").mkdir(parents=True, exist_ok=True)
    (out / "files").mkdir(exist_ok=True)


def _is_ours(out: Path) -> bool:
    """Whether an earlier report is in the folder, or one that was never finished: it has no index yet."""
    index = out / "index.html"
    if index.is_file():
        with index.open("rb") as stream:
            return _OURS in stream.read(512)
    return {path.name for path in out.iterdir()} <= {"files", "assets"} and (out / "assets" / ASSETS[0]).is_file()


def _clear(out: Path) -> None:
    for inner in ("files", "assets"):
        if (out / inner).is_dir() and not (out / inner).is_symlink():
            shutil.rmtree(out / inner)


def _write(report: Report, out: Path, options: Options) -> None:
    assets = files("covey.render") / "assets"
    for name in ASSETS:
        (out / "assets" / name).write_bytes((assets / name).read_bytes())
    shell = Shell(visible(options.title) or "Coverage report", options.digits)
    names = page_names(report.files)
    ordered = ["", *names.values(), ""]
    several = several_repositories(report)
    pages = SourcePages(report, shell)
    folder = str(out / "files")
    for at, (key, file) in enumerate(report.files.items()):
        links = (ordered[at], ordered[at + 2])
        text = pages.page(file, shown_name(file, several), options.texts.text(file), links)
        with open(f"{folder}/{names[key]}", "wb", buffering=0) as stream:  # noqa: PTH123 thousands of times
            stream.write(text.encode("utf-8", "backslashreplace"))
    index = Index(report, shell, names).page()
    (out / "index.html").write_bytes(index.encode("utf-8", "backslashreplace"))


RENDERER = Html()
