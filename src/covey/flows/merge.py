"""Read whatever the user names, bundles and reports of any known format, and merge it by the one law."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import ParamSpec, TypeVar

from covey.errors import CoveyError, FormatError, InputError, MissingExtra, UsageError
from covey.flows import damage, inputs, remarks
from covey.flows.commits import Commits, look
from covey.flows.judging import headed
from covey.flows.parts import with_other
from covey.formats.base import Format, Input, Joined, Sources
from covey.model import merge as law
from covey.model.paths import Alias
from covey.model.provenance import Provenance
from covey.model.report import Report
from covey.model.telling import some
from covey.render.notes import what_is_shown

P = ParamSpec("P")
Found = TypeVar("Found")


@dataclass
class Reading:
    """How inputs are read, and what was met.

    format: the name that every file is of; "" tells by content. commit: which of several known commits of one
    repository is meant, see `flows/commits.py`. keep_going: an input that cannot be read is put into `failures` and
    the rest is merged. scope: takes files out of the merged report that do not count, see `flows/scope.py`. maps: of
    the sources' aliases those that were given for this run. relaxed: as `load` was told. current: the input that was
    read last, as the user knows it; "" where nobody names it.
    """

    sources: Sources
    format: str = ""
    commit: str = ""
    keep_going: bool = False
    scope: Callable[[Report], Report] | None = None
    maps: Collection[Alias] = ()
    relaxed: bool = False
    current: str = ""
    failures: list[CoveyError] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    recognise: inputs.Recognise = field(init=False)
    commits: Commits = field(init=False)

    def __post_init__(self) -> None:
        self.recognise = inputs.Recognise(self.format)
        self.commits = Commits(self.commit)

    def attempt(self, name: str, act: Callable[P, Found], *args: P.args, **kwargs: P.kwargs) -> Found | None:
        """What `act` gives; None where the input cannot be read and the rest is wanted all the same."""
        try:
            return act(*args, **kwargs)
        except (InputError, MissingExtra) as error:
            failure: CoveyError = error
        except OSError as error:
            if error.strerror is None or not self.keep_going:
                raise
            failure = InputError(f"{error.filename or name}: {error.strerror}")
        if not self.keep_going:
            raise failure
        self.failures.append(failure)
        return None

    def called(self) -> str:
        """`current`, for who asks later."""
        return self.current

    def is_first(self, name: str, met: set[str]) -> bool:
        """Whether the file is not among those met; one that is counts once, and a note says so."""
        place = posixpath.normpath(name)
        if place in met:
            self.notes[f"{name} is named twice and counts once"] = None
            return False
        met.add(place)
        return True

    def unlisted(self, error: OSError) -> None:
        """A folder that cannot be listed: what is in it would be missing without a word."""
        if not self.keep_going:
            raise error
        self.failures.append(InputError(f"{error.filename}: {error.strerror}"))

    def takes(self, report: Report) -> bool:
        """Whether a report may be merged with the others; SourceMismatch where their commits differ."""
        return all(self.commits.takes(source, self.current) for source in report.sources)


def load(
    names: Sequence[str],
    reading: Reading,
    parts: Mapping[str, Sequence[str]] | None = None,
    how: law.How = "sum",
    *,
    relaxed: bool = False,
    count_inputs: bool = False,
) -> Report:
    """One report of everything named: bundles, files, folders of files, globs, "-" for standard input.

    parts: name -> what belongs to it; each becomes a slice "part:NAME" and is merged with the rest, which then is
    "part:other".
    how: "subtract" and "intersect" take two names, whatever each stands for.
    count_inputs: hits become the number of inputs in which a line ran; an input is a file, or the files of a folder
    that belong together. Equal inputs are then counted each.
    What counts though nothing loaded it is added once, at the end; then `reading.scope` takes out what does not count.
    """
    if count_inputs and how != "sum":
        raise UsageError(f"--count-inputs adds inputs up, so it does not go with --how {how}")
    in_parts = (_of_part(name, inner, reading, how, count_inputs) for name, inner in (parts or {}).items())
    named = inputs.expanded(names)
    reading.commits, reading.relaxed = Commits(reading.commit), relaxed
    if reading.commit:
        inner = (inputs.expanded(some) for some in (parts or {}).values())
        look(chain(named, *inner), reading.commits, reading.recognise)
    if how in ("subtract", "intersect"):
        rest: Iterable[Report] = (law.merge(_reports([name], reading), relaxed=relaxed) for name in named)
    else:
        rest = _counted(_reports(named, reading, alone=count_inputs), count_inputs)
        rest = with_other(rest, parts) if parts else rest
    called = reading.called
    merged = law.merge(chain(in_parts, rest), how, relaxed=relaxed, collapse=not count_inputs, called=called)
    if reading.failures and not merged.files and not merged.sources:
        raise reading.failures[0]
    if reading.failures and how in ("subtract", "intersect"):
        hint = "--keep-going cannot help here: what an input that was not read reaches is not known"
        raise InputError(f"--how {how} needs both inputs whole: {reading.failures[0].what}", hint=hint)
    reading.commits.check(nothing=not merged.files and not merged.sources)
    for fmt in reading.recognise.used.values():
        merged = fmt.complete(merged, reading.sources)
    merged = what_is_shown(merged, how, [*(parts or ()), *named])
    counted = reading.scope(merged) if reading.scope else merged
    more = [
        *remarks.no_files(counted, merged),
        *remarks.without_place(counted, remarks.unplaced(reading.sources.located)),
        *remarks.idle_maps(reading.sources, reading.maps),
        *reading.notes,
        *reading.commits.notes(),
        *(f"not read: {failure.what}" for failure in reading.failures),
    ]
    return headed(replace(counted, notes=tuple(dict.fromkeys((*counted.notes, *more)))) if more else counted)


def _of_part(name: str, names: Sequence[str], reading: Reading, how: law.How, count_inputs: bool) -> Report:
    if how in ("subtract", "intersect"):
        how = "sum"
    failed = len(reading.failures)
    reports = _counted(_reports(inputs.expanded(names), reading, alone=count_inputs), count_inputs)
    found = law.merge(reports, how, relaxed=reading.relaxed, collapse=not count_inputs, called=reading.called)
    reading.current = f"part {name}"
    if len(reading.failures) > failed and not found.files and not found.sources:
        return found  # that it reached nothing is not known
    return law.with_slice(found, f"part:{name}")


def _counted(reports: Iterable[Report], count_inputs: bool) -> Iterable[Report]:
    return map(law.counted_once, reports) if count_inputs else reports


def _reports(names: Sequence[str], reading: Reading, alone: bool = False) -> Iterator[Report]:
    """One report at a time, so that only one is held beside the merged one. alone: no file with another, as far as its
    format allows."""
    names = inputs.with_inner_bundles(names)
    for report in chain(_of_bundles(names, reading), _of_files(names, reading, alone)):
        if report is not None and reading.takes(report):
            yield report


def _of_bundles(names: Sequence[str], reading: Reading) -> Iterator[Report | None]:
    met: set[str] = set()
    named = [name for name in names if inputs.is_bundle(name) and reading.is_first(name, met)]
    if not named:
        return
    from covey.flows import bundles
    from covey.model.bundle import Bundle

    found = [reading.attempt(name, Bundle.open, Path(name)) for name in named]
    for bundle in filter(None, found):
        if others := bundle.others():
            reading.notes[f"{bundle.folder} is a bundle: what else is in it is passed over: {some(others)}"] = None
    groups = bundles.readers([one for one in found if one], reading.commits, reading.recognise.named, reading.sources)
    for group in groups:
        reading.current = ""
        reports = (report for read in group if (report := reading.attempt("", read)))
        yield next(reports, None) if len(group) == 1 else law.merge(reports, "max", relaxed=reading.relaxed)


def _of_files(names: Sequence[str], reading: Reading, alone: bool) -> Iterator[Report | None]:
    gathered: dict[str, list[Input]] = {}
    met: set[str] = set()
    for name in names:
        if inputs.is_bundle(name):
            continue
        for file in reading.attempt(name, inputs.files, name, reading.recognise, reading.notes, reading.unlisted) or ():
            if not alone and not reading.is_first(file.name, met):
                continue
            fmt = reading.attempt(file.name, reading.recognise.of, file)
            if fmt is None:
                continue
            if fmt.unites:
                gathered.setdefault(fmt.name, []).append(file)
            else:
                reading.current = file.name
                yield reading.attempt(file.name, _of_file, fmt, [file], reading)
    for name, together in gathered.items():
        yield from _united(reading.recognise.named(name), together, reading, alone)


def _united(fmt: Format, files: Sequence[Input], reading: Reading, alone: bool) -> Iterator[Report | None]:
    """All at once; when one is damaged and the rest is wanted, the others at once after each was tried by itself."""
    units = _units(fmt, files)
    if not alone and len(units) > 1:
        try:
            reading.current = _together(files)
            yield _of_file(fmt, files, reading)
            return
        except (InputError, MissingExtra, OSError):
            if not reading.keep_going:
                raise
        units = [unit for unit in units if reading.attempt(unit[0].name, _of_file, fmt, unit, reading)]
        units = [[file for unit in units for file in unit]] if units else []
    for unit in units:
        reading.current = _together(unit)
        yield reading.attempt(unit[0].name, _of_file, fmt, unit, reading)


def _together(files: Sequence[Input]) -> str:
    """Files that are read as one."""
    return files[0].name + (f" (and {len(files) - 1:,} more)" if len(files) > 1 else "")


def _units(fmt: Format, files: Sequence[Input]) -> list[list[Input]]:
    """The smallest groups that can be read: those of one folder where they belong together, else single files."""
    if fmt.unites != "folder":
        return [[file] for file in files]
    folders: dict[str, list[Input]] = {}
    for file in files:
        folders.setdefault(posixpath.dirname(file.name), []).append(file)
    return list(folders.values())


def _of_file(fmt: Format, files: Sequence[Input], reading: Reading) -> Report:
    try:
        report = fmt.read_input(files, reading.sources)
    except FormatError as error:
        of = next((file for file in files if file.name == error.path), files[0])
        raise damage.explained(error, of, reading.format) from None
    if report.sources:
        return report
    return replace(report, sources=tuple(Provenance(path=file.name, digest=_digest(file)) for file in files))


def _digest(file: Input) -> str:
    import hashlib

    digest = hashlib.sha256()
    with file.open() as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def united(names: Sequence[str], reading: Reading, name: str) -> Joined | None:
    """The named files as one of format `name`, joined as they were recorded: where all are of that format and it can do
    so (`unite`), nothing is lost that a report does not hold, and nothing is judged. None where that is not so; then
    nothing was read that cannot be read again."""
    names = inputs.expanded(names)
    if reading.keep_going or not names or not all(Path(one).is_file() for one in names):
        return None
    files = [file for one in names for file in inputs.files(one, reading.recognise, reading.notes)]
    formats = {reading.recognise.of(file).name for file in files}
    return reading.recognise.named(name).unite(files, reading.sources, reading.scope) if formats == {name} else None
