"""Read whatever the user names, bundles and reports of any known format, and merge it by the one law."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from covey import plugins
from covey.errors import FormatError, InputError, SourceMismatch
from covey.formats.base import Format, Input, Sources
from covey.model import merge as law
from covey.model.bundle import JOURNAL, Bundle, current
from covey.model.manifest import Capture
from covey.model.provenance import CaptureId, Provenance
from covey.model.report import Report

SNIFFED = 4096  # bytes
MOST_STREAM = 1 << 30  # bytes


@dataclass
class Reading:
    """How inputs are read. format: the name that every file is of; "" tells by content. commit: which of several known
    commits of one repository is meant. used: the formats met so far, by name."""

    sources: Sources
    format: str = ""
    commit: str = ""
    used: dict[str, Format] = field(default_factory=dict)

    def with_name(self, name: str) -> Format:
        if name not in self.used:
            self.used[name] = plugins.load("formats", name)
        return self.used[name]


def load(
    names: Sequence[str],
    reading: Reading,
    parts: Mapping[str, Sequence[str]] | None = None,
    how: law.How = "sum",
    *,
    relaxed: bool = False,
) -> Report:
    """One report of everything named: bundles, files, folders of files, "-" for standard input.

    parts: name -> what belongs to it; each becomes a slice "part:NAME" and is merged with the rest.
    What counts though nothing loaded it is added once, at the end.
    """
    reports = [_of_part(name, inputs, reading, how, relaxed) for name, inputs in (parts or {}).items()]
    merged = law.merge([*reports, *_reports(names, reading)], how, relaxed=relaxed)
    for fmt in reading.used.values():
        merged = fmt.complete(merged, reading.sources)
    return merged


def _of_part(name: str, inputs: Sequence[str], reading: Reading, how: law.How, relaxed: bool) -> Report:
    if how in ("subtract", "intersect"):
        how = "sum"
    return law.with_slice(law.merge(_reports(inputs, reading), how, relaxed=relaxed), f"part:{name}")


def _reports(names: Sequence[str], reading: Reading) -> Iterator[Report]:
    """One report at a time, so that only one is held beside the merged one; all bundles are looked at together."""
    bundles = [Bundle.open(Path(name)) for name in names if _is_bundle(name)]
    yield from _of_bundles(bundles, reading)
    for name in names:
        if not _is_bundle(name):
            for file in _files(name, reading):
                yield _of_file(file, reading)


def _is_bundle(name: str) -> bool:
    folder = Path(name)
    return name != "-" and folder.is_dir() and (Bundle.is_one(folder) or (folder / JOURNAL).is_file())


def _of_bundles(bundles: Sequence[Bundle], reading: Reading) -> Iterator[Report]:
    owners = [(bundle, capture) for bundle in bundles for capture in bundle.captures]
    owners, note = _of_one_commit(owners, reading.commit)
    for (bundle, _), (capture, ids) in zip(owners, current([capture for _, capture in owners]), strict=True):
        if ids:
            report = _of_capture(bundle, capture, ids, reading)
            yield replace(report, notes=(*report.notes, note)) if note else report


def _of_one_commit(owners: list[tuple[Bundle, Capture]], commit: str) -> tuple[list[tuple[Bundle, Capture]], str]:
    """What may be merged: captures of one commit a repository, with a note when some do not tell theirs."""
    commits: dict[str, set[str]] = {}
    for _, capture in owners:
        commits.setdefault(capture.repository, set()).add(capture.commit)
    for repository, known in commits.items():
        if len(known - {""}) > 1:
            if not commit:
                raise SourceMismatch(
                    f"captures of {repository or 'one repository'} come from {len(known - {''})} commits: "
                    + ", ".join(sorted(known - {""})),
                    hint="pick one with --commit",
                )
            owners = [(bundle, one) for bundle, one in owners if one.commit.startswith(commit)]
            if not owners:
                raise InputError(f"no capture is of commit {commit}")
    if any(len(known) > 1 and "" in known for known in commits.values()):
        return owners, "some captures do not tell their commit; they are taken to be of the same as the others"
    return owners, ""


def _of_capture(bundle: Bundle, capture: Capture, ids: frozenset[CaptureId], reading: Reading) -> Report:
    inputs = [
        Input.of_bytes(str(bundle.folder / capture.directory / file.name), bundle.read(capture, file))
        for file in capture.files
    ]
    report = reading.with_name(capture.format).read(inputs, reading.sources)
    digest = hashlib.sha256("".join(sorted(file.sha256 for file in capture.files)).encode()).hexdigest()
    test = bundle.manifest.test
    sources = [replace(capture.provenance(test, one), digest=f"sha256:{digest}") for one in capture.ids if one in ids]
    return replace(report, sources=tuple(sources))


def _files(name: str, reading: Reading) -> Iterator[Input]:
    if name == "-":
        yield _of_stream("-", sys.stdin.buffer)
        return
    path = Path(name)
    if not path.is_dir():
        if not path.exists():
            raise InputError(f"{name} does not exist")
        yield _of_named(path)
        return
    found = [Input.of_path(file) for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink()]
    known = [file for file in found if reading.format or _claims(file)]
    if not known:
        raise InputError(f"no file in {name} is of a format that covey knows", hint="`covey plugins` lists the formats")
    yield from known


def _of_named(path: Path) -> Input:
    """A pipe, as in `covey report <(...)`, gives its content once only; a file is read as often as it takes."""
    if path.is_file():
        return Input.of_path(path)
    with path.open("rb") as stream:
        return _of_stream(str(path), stream)


def _of_stream(name: str, stream: BinaryIO) -> Input:
    data = stream.read(MOST_STREAM + 1)
    if len(data) > MOST_STREAM:
        told = "standard input" if name == "-" else name
        raise InputError(f"{told} is larger than {MOST_STREAM} bytes")
    return Input.of_bytes(name, data)


def _of_file(file: Input, reading: Reading) -> Report:
    report = reading.with_name(reading.format or format_of(file)).read([file], reading.sources)
    if report.sources:
        return report
    digest = hashlib.sha256()
    with file.open() as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return replace(report, sources=(Provenance(path=file.name, digest=f"sha256:{digest.hexdigest()}"),))


def format_of(file: Input) -> str:
    """The name of the one format that claims a file by its content; FormatError for none or several."""
    claims = _claims(file)
    if len(claims) == 1:
        return claims[0]
    if claims:
        raise FormatError(f"may be any of {', '.join(claims)}", path=file.name, hint="name one with --from")
    raise FormatError(
        "is of no format that covey knows", path=file.name, hint="`covey plugins` lists them; --from names one"
    )


def _claims(file: Input) -> list[str]:
    with file.open() as stream:
        head = stream.read(SNIFFED)
    return [name for name in plugins.names("formats") if plugins.load("formats", name).sniff(file.name, head)] or [
        plugin.name
        for plugin in plugins.others("formats")
        if plugins.load("formats", plugin.name).sniff(file.name, head)
    ]


def encode(report: Report, name: str) -> bytes:
    """The report in a data format."""
    out = io.BytesIO()
    plugins.load("formats", name).write(report, out)
    return out.getvalue()
