"""The HTML report: a folder that works from file://, without network, and without scripts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO

from covey.errors import UsageError
from covey.model.ratio import Totals
from covey.model.report import Report
from covey.render.base import Options, several_repositories, shown_name, visible
from covey.render.html_index import Index
from covey.render.html_listing import Entry
from covey.render.html_shell import Shell
from covey.render.html_source import Links, SourcePages
from covey.render.page_names import page_names
from covey.render.partly import has_gaps

ASSETS = ("covey.css", "page.js", "index.js", "source.js")
_PARTS = ("assets", "files", "index.html")  # the index is the last that comes and the first that goes
_FRESH, _OLD = ".covey-", "old"
_OURS = b'<meta name="generator" content="covey">'


class Html:
    """index.html, files/*.html (a page a file) and assets/.

    Everything is written beside an earlier report in the folder and then takes its place, the index last: a full disk
    costs nobody the report he has, and where an index is, all is. A folder that holds anything else is refused. Of
    several runs into one folder each waits for the one before, and the last one's report stays.
    """

    name = "html"
    folder = True

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> list[Path]:
        if not isinstance(out, Path):
            raise UsageError("the HTML report is a folder, not one file", hint="Name the folder with -o FOLDER.")
        try:
            if out.exists() and not out.is_dir():
                hint = "Name another folder with -o."
                raise UsageError(f"{out} is a file, and the HTML report is a folder", hint=hint)
            out.mkdir(parents=True, exist_ok=True)
            with _alone(out):
                _check(out)
                with tempfile.TemporaryDirectory(prefix=_FRESH, dir=out) as fresh:
                    _write(report, Path(fresh), options)
                    _put(Path(fresh), out)
        except OSError as error:
            raise UsageError(f"cannot write {out}: {error.strerror}", hint="Name another folder with -o.") from error
        return [out / "index.html"]


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """While no other run writes into the folder. The lock ends with the process that has it, however that ends."""
    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # a file system that knows no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check(out: Path) -> None:
    """Refuse what is not ours; take away what a report that was never finished has left, however far it came."""
    for left in out.glob(_FRESH + "*"):
        if not left.is_symlink() and left.is_dir() and {path.name for path in left.iterdir()} <= {*_PARTS, _OLD}:
            shutil.rmtree(left)
    if any(out.iterdir()) and not _is_ours(out):
        raise UsageError(
            f"{out} holds other files, which the HTML report would be mixed with",
            hint="Name a new or empty folder with -o.",
        )


def _put(fresh: Path, out: Path) -> None:
    """What was written takes the place of what was there, which goes with the folder `fresh` afterwards: moving takes
    no time, deleting thousands of pages does."""
    (fresh / _OLD).mkdir()
    with _undisturbed():
        for name in reversed(_PARTS):
            with contextlib.suppress(FileNotFoundError):
                (out / name).rename(fresh / _OLD / name)
        for name in _PARTS:
            (fresh / name).rename(out / name)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A signal meanwhile is heard right after. Its handler runs in the main thread, so no other is disturbed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    numbers = [one for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not None]
    before = {one: signal.signal(one, lambda number, _: heard.append(number)) for one in numbers}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        for number in heard:
            signal.raise_signal(number)


def _is_ours(out: Path) -> bool:
    """Whether an earlier report is in the folder, or one that was never finished: it has no index yet."""
    index = out / "index.html"
    if index.is_file():
        with index.open("rb") as stream:
            return _OURS in stream.read(512)
    return {path.name for path in out.iterdir()} <= {"files", "assets"} and (out / "assets" / ASSETS[0]).is_file()


def _write(report: Report, out: Path, options: Options) -> None:
    assets = files("covey.render") / "assets"
    (out / "assets").mkdir()
    (out / "files").mkdir()
    for name in ASSETS:
        (out / "assets" / name).write_bytes((assets / name).read_bytes())
    shell = Shell(visible(options.title) or "Coverage report", options.digits)
    names = page_names(report.files)
    several = several_repositories(report)
    rows = [Entry(shown_name(file, several), names[key], file.totals) for key, file in report.files.items()]
    links = _links(report, rows)
    pages = SourcePages(report, shell)
    folder = str(out / "files")
    for file, row, link in zip(report.files.values(), rows, links, strict=True):
        text = pages.page(file, row, options.texts.text(file), link)
        with open(f"{folder}/{row.page}", "wb", buffering=0) as stream:  # noqa: PTH123 thousands of times
            stream.write(text.encode("utf-8", "backslashreplace"))
    total = sum((row.totals for row in rows), Totals())
    with (out / "index.html").open("wb") as stream:
        for piece in Index(report, shell, rows, total, options).page():
            stream.write(piece.encode("utf-8", "backslashreplace"))


def _links(report: Report, rows: Sequence[Entry]) -> list[Links]:
    """Where each page leads: to its neighbours, and round to the nearest pages with gaps."""
    pages = ["", *(row.page for row in rows), ""]
    gaps = [at for at, file in enumerate(report.files.values()) if has_gaps(file)]
    found: list[Links] = []
    passed = 0  # of the files with gaps, how many come before this one
    for at in range(len(rows)):
        before, after = pages[at], pages[at + 2]
        here = passed < len(gaps) and gaps[passed] == at
        if len(gaps) > here:  # there is another
            one, two = gaps[passed - 1], gaps[(passed + here) % len(gaps)]
            found.append(Links(before, after, rows[one].page, rows[two].page, rows[two].name.rpartition("/")[2]))
        else:
            found.append(Links(before, after))
        passed += here
    return found


RENDERER = Html()
