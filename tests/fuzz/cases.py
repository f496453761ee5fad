"""What is tried: the files that are read at once, by name; where they come from, and how they lie on disk."""

from __future__ import annotations

import io
import json
from pathlib import Path

from covey import plugins
from covey.errors import UsageError
from covey.formats.base import Format, Input
from covey.formats.sources import NoSources
from covey.model.report import Report

GOLDEN = Path(__file__).parent.parent / "golden"
FOUND = GOLDEN / "found"
ONLY = "x"  # what the file is called where there is one and its name tells nothing
_MOST_SEED = 64 << 10  # bytes of a file that our own writer made

Case = tuple[tuple[str, bytes], ...]  # (name, content) of each file


def inputs(case: Case) -> list[Input]:
    return [Input.of_bytes(name, data) for name, data in case]


def size(case: Case) -> int:
    return sum(len(data) for _, data in case)


def save(case: Case, path: Path) -> Path:
    """As PATH.bin, or as a folder PATH where there are several files or the name matters."""
    if len(case) == 1 and case[0][0] == ONLY:
        path = path.with_name(f"{path.name}.bin")
        path.write_bytes(case[0][1])
        return path
    path.mkdir(exist_ok=True)
    (path / "names.json").write_text(json.dumps([name for name, _ in case]))
    for number, (_, data) in enumerate(case):
        (path / f"{number}.bin").write_bytes(data)
    return path


def load(path: Path) -> Case:
    if path.is_file():
        return ((ONLY, path.read_bytes()),)
    names = json.loads((path / "names.json").read_text())
    return tuple((name, (path / f"{number}.bin").read_bytes()) for number, name in enumerate(names))


def stored(folder: Path) -> list[Path]:
    """The cases in a folder, ascending."""
    return sorted(path for path in folder.glob("*") if path.suffix == ".bin" or (path / "names.json").is_file())


def writers() -> dict[str, Format]:
    """Our formats that can be written, by name."""
    found = {}
    for name in plugins.names("formats"):
        fmt = plugins.load("formats", name)
        try:
            written(fmt, Report())
        except UsageError:
            continue
        found[name] = fmt
    return found


def written(fmt: Format, report: Report) -> bytes:
    out = io.BytesIO()
    fmt.write(report, out)
    return out.getvalue()


def seeds(name: str, fmt: Format) -> list[Case]:
    """The real tools' files under tests/golden/NAME; then, where the format can be written, our own of the first of
    every format's."""
    found = golden(name, fmt)
    if name in writers() or not found:
        found += _our_own(fmt)
    return list(dict.fromkeys(found))


def golden(name: str, fmt: Format) -> list[Case]:
    """Each file by itself, or the files of each folder where they belong together."""
    folders = [folder for folder in sorted((GOLDEN / name).glob("*")) if folder.is_dir() and folder.name != "source"]
    cases: list[Case] = []
    for folder in folders:
        files = [path for path in sorted(folder.glob("*")) if path.is_file() and path.name != "expected.json"]
        if getattr(fmt, "unites", "") == "folder":
            cases.append(tuple((path.name, path.read_bytes()) for path in files))
        else:
            cases += [((ONLY, path.read_bytes()),) for path in files]
    return cases


def _our_own(fmt: Format) -> list[Case]:
    found: list[Case] = []
    for other in plugins.names("formats"):
        reader = plugins.load("formats", other)
        for case in golden(other, reader)[:1]:
            data = written(fmt, reader.read(inputs(case), NoSources()))
            if len(data) <= _MOST_SEED:
                found.append(((ONLY, data),))
    return found
