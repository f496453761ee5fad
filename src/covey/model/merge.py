"""One law for merging reports, whatever they were read from."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import Literal

from covey.errors import SourceMismatch, UsageError
from covey.loops import columns
from covey.loops.blocks import WIDTH
from covey.model.blocks import Blocks
from covey.model.counted import NO_LINES, Branches, Functions, Lines
from covey.model.overlap import Origins
from covey.model.pairs import comparable, incomparable
from covey.model.provenance import Provenance
from covey.model.report import FileCoverage, Key, Mode, Report, bits
from covey.model.sheet import InputFiles, Ledger

How = Literal["sum", "max", "presence", "subtract", "intersect"]
_COMBINE: Mapping[How, columns.Combine] = {
    "sum": columns.saturating_add,
    "max": max,
    "presence": columns.one_if_either,
    "subtract": columns.only_first,
    "intersect": columns.both,
}
# A set only says that a line ran, so with one there is nothing to count: every result is 0 or 1, which keeps merging
# associative when one input counts and another does not.
_COMBINE_SETS: Mapping[How, columns.Combine] = {
    "sum": columns.one_if_either,
    "max": columns.one_if_either,
    "presence": columns.one_if_either,
    "subtract": columns.one_if_only_first,
    "intersect": columns.one_if_both,
}
HOWS: tuple[How, ...] = tuple(_COMBINE)
# One note for both, without names: so it is the same whatever is merged first, as everything of a merge.
_NOT_COUNTED = "in some files an input tells only that a line ran, or blocks differ, so the result tells no more there"


def merge(
    reports: Iterable[Report],
    how: How = "sum",
    *,
    relaxed: bool = False,
    collapse: bool = True,
    called: Callable[[], str] | None = None,
) -> Report:
    """One report of several, file by file, one input at a time.

    how: "sum" adds hits (saturating at 2**63-1), "max" and "presence" (0 or 1) do not count twice what ran twice;
    "subtract" and "intersect" take exactly two reports, in order. Files in "set" mode never add.
    relaxed: where block layouts differ, blocks become "conflict" and only which lines ran remains; otherwise
    SourceMismatch.
    Slices are united, but not under "subtract" and "intersect", where they would no longer be true.
    Inputs whose sources overlap: equal ones collapse (and a note says so), others raise DuplicateSource where they add
    up and their files are not apart; with `collapse` false each counts as it comes, as under "subtract" and
    "intersect", which count nothing twice.
    called: how people know the report that was handed out last; by its first source otherwise.
    """
    files: dict[Key, FileCoverage] = {}
    slices: dict[str, dict[Key, int]] = {}
    notes: dict[str, None] = {}
    origins = Origins()
    told: dict[Key, str] = {}
    count = 0
    uncounted = False
    ledger = Ledger()  # what was added up in one column, not in `files` yet
    pair = how in ("subtract", "intersect")
    for report in reports:
        count += 1
        name = (called() if called else "") or _called(report)
        if pair and count > 2:
            raise UsageError(f"--how {how} takes exactly two inputs")
        if pair and count == 2:
            notes.update(dict.fromkeys(incomparable(files, report.files)))
        notes.update(dict.fromkeys(report.notes))
        for slice_name, by_file in report.slices.items() if not pair else ():
            mine = slices.setdefault(slice_name, {})
            for key, bit_set in by_file.items():
                mine[key] = mine.get(key, 0) | bit_set
        if pair or not collapse:
            origins.add(report.sources)
        elif report.sources:
            counts_once = partial(told.keys().isdisjoint, report.files) if how == "sum" else lambda: True
            if not origins.take(report.sources, name, counts_once):
                continue
        told.update((key, name) for key in report.files if key not in told)
        for part in ledger.add(name, report.files) if how == "sum" else [(name, report.files)]:
            uncounted |= _fold(files, part, how, relaxed, told, first=count == 1)
    if pair and count != 2:
        raise UsageError(f"--how {how} takes exactly two inputs")
    for part in ledger.close():
        uncounted |= _fold(files, part, how, relaxed, told, first=False)
    notes.update(dict.fromkeys(origins.notes()))
    if uncounted:
        notes[_NOT_COUNTED] = None
    return Report.of(files.values(), origins.all.values(), slices, notes)


def _fold(
    files: dict[Key, FileCoverage], part: InputFiles, how: How, relaxed: bool, told: Mapping[Key, str], first: bool
) -> bool:
    """Whether hits of a file tell no more than that a line ran. `told`: which input brought a file first."""
    uncounted = False
    name, others = part
    if first:
        files.update(others if how != "presence" else {key: _presence(file) for key, file in others.items()})
        return False
    for key, file in others.items():
        mine = files.get(key)
        if mine is None:
            if how in ("sum", "max"):
                files[key] = file
                continue
            mine = _nothing_of(file)
        try:
            merged = merge_files(mine, file, how, relaxed=relaxed)
        except SourceMismatch as error:
            raise SourceMismatch(f"{error.what} ({told[key]} and {name})", hint=error.hint) from None
        if key in files and (mine.mode != file.mode or isinstance(merged.blocks, str)):
            uncounted = True
        files[key] = merged
    if how == "intersect":
        for key in files.keys() - others.keys():
            files[key] = merge_files(files[key], FileCoverage(key[1], repository=key[0]), how, relaxed=relaxed)
    return uncounted


def _called(report: Report) -> str:
    """An input as people know it."""
    source = next(iter(report.sources), Provenance())
    return source.path or source.pod or source.component or "an input without a name"


def _presence(file: FileCoverage) -> FileCoverage:
    return merge_files(_nothing_of(file), file, "presence", relaxed=False)


def _nothing_of(file: FileCoverage) -> FileCoverage:
    return FileCoverage(file.path, repository=file.repository, mode=file.mode, source_hash=file.source_hash)


def merge_files(one: FileCoverage, two: FileCoverage, how: How = "sum", *, relaxed: bool = False) -> FileCoverage:
    """One file of two of the same (repository, path)."""
    if how in ("subtract", "intersect"):
        one, two = comparable(one, two)
    if how == "sum" and (added := _only_blocks(one, two)) is not None:
        return added
    mode: Mode = "set" if "set" in (one.mode, two.mode) else "count"
    blocks = _blocks(one, two, _combining(mode, how), relaxed)
    if isinstance(blocks, str):
        mode = "set"  # hits of two layouts do not add up to anything; that a line ran remains true
    combine = _combining(mode, how)
    lines = NO_LINES
    if blocks is None or isinstance(blocks, str) or not blocks.lines_by:
        lines = Lines(*columns.merge(one.lines.numbers, one.lines.hits, two.lines.numbers, two.lines.hits, combine))
    branches, bound = _branches(one.branches, two.branches, combine)
    bound = bound or _unjudged(one, two)
    inexact = _inexact(one, two)
    source_hash = one.source_hash if one.source_hash == two.source_hash else one.source_hash or two.source_hash
    return FileCoverage(
        path=one.path,
        lines=lines,
        branches=branches,
        functions=_functions(one.functions, two.functions, combine),
        blocks=blocks,
        mode=mode,
        repository=one.repository,
        source_hash=source_hash,
        inexact=inexact | {"branches"} if bound else inexact,
    )


def _inexact(one: FileCoverage, two: FileCoverage) -> frozenset[str]:
    """Of which lines could have run, one input that knows them tells for all that know only which did."""
    kinds = one.inexact | two.inexact
    if "missing" in kinds and any(file.lines and "missing" not in file.inexact for file in (one, two)):
        return kinds - {"missing"}
    return kinds


def _only_blocks(one: FileCoverage, two: FileCoverage) -> FileCoverage | None:
    """The sum of two files that are counted blocks of one layout and nothing else, as Go's profiles are by the
    thousand; None for others."""
    mine, theirs = one.blocks, two.blocks
    if mine is None or theirs is None or isinstance(mine, str) or isinstance(theirs, str) or not mine.lines_by:
        return None
    if one.mode != "count" or two.mode != "count" or not mine.same_layout(theirs):
        return None
    for file in (one, two):
        if file.branches.lines or file.functions.names or file.inexact or file.source_hash:
            return None
    hits = columns.combined(mine.hits, theirs.hits, columns.saturating_add)
    return FileCoverage(one.path, blocks=Blocks(mine.layout, hits, mine.lines_by), repository=one.repository)


def _combining(mode: Mode, how: How) -> columns.Combine:
    return _COMBINE_SETS[how] if mode == "set" else _COMBINE[how]


def _branches(one: Branches, two: Branches, combine: columns.Combine) -> tuple[Branches, bool]:
    """The union of arms, and whether it is only a lower bound.

    Anonymous arms say how many of a line's arms ran, not which: merged by maximum, which may be too low.
    """
    if not one.lines and not two.lines:
        return one, False
    anonymous = one.anonymous or two.anonymous
    if not anonymous and one.same_arms(two):
        return Branches(one.lines, one.keys, columns.combined(one.hits, two.hits, combine)), bool(one.told_twice)
    mine = dict(zip(zip(one.lines, one.keys, strict=True), one.hits, strict=True))
    theirs = dict(zip(zip(two.lines, two.keys, strict=True), two.hits, strict=True))
    arms = columns.united(mine, theirs, lambda arm: (arm[0], len(arm[1]), arm[1]))
    ours, others = columns.spread(mine, arms), columns.spread(theirs, arms)
    hits = columns.combined(ours, others, combine)
    if anonymous and combine is columns.saturating_add:
        for at, (_, key) in enumerate(arms):
            hits[at] = max(ours[at], others[at]) if key[:1] == "?" else hits[at]
    found = Branches(array("i", [line for line, _ in arms]), tuple([key for _, key in arms]), hits)
    bound = anonymous and any(key[:1] == "?" for _, key in mine.keys() & theirs.keys())
    return found, bound or bool(found.told_twice)


def _unjudged(one: FileCoverage, two: FileCoverage) -> bool:
    """Whether a line that branches in one input ran in the other, which counts no branches there, as end-to-end
    captures beside unit tests: which arms it took is not known."""
    if one.branches.lines == two.branches.lines:
        return False
    mine, theirs = set(one.branches.lines), set(two.branches.lines)
    return _ran_one_of(two, mine - theirs) or _ran_one_of(one, theirs - mine)


def _ran_one_of(file: FileCoverage, lines: set[int]) -> bool:
    return bool(lines) and not lines.isdisjoint(compress(file.lines.numbers, file.lines.hits))


def _functions(one: Functions, two: Functions, combine: columns.Combine) -> Functions:
    if not one.names and not two.names:
        return one
    if one.same_functions(two):
        lasts = one.lasts if one.lasts == two.lasts else array("i", map(max, one.lasts, two.lasts))
        return Functions(one.names, one.firsts, lasts, columns.combined(one.hits, two.hits, combine))
    mine = dict(zip(zip(one.firsts, one.names, strict=True), one.hits, strict=True))
    theirs = dict(zip(zip(two.firsts, two.names, strict=True), two.hits, strict=True))
    lasts_by_key = dict(zip(mine, one.lasts, strict=True))
    for key, last in zip(theirs, two.lasts, strict=True):
        lasts_by_key[key] = max(last, lasts_by_key.get(key, 0))
    keys = columns.united(mine, theirs)
    return Functions(
        tuple([name for _, name in keys]),
        array("i", [first for first, _ in keys]),
        array("i", map(lasts_by_key.__getitem__, keys)),
        columns.combined(columns.spread(mine, keys), columns.spread(theirs, keys), combine),
    )


def _blocks(
    one: FileCoverage, two: FileCoverage, combine: columns.Combine, relaxed: bool
) -> Blocks | Literal["conflict"] | None:
    mine, theirs = one.blocks, two.blocks
    if isinstance(mine, str) or isinstance(theirs, str):  # comparing with == would compare columns
        return "conflict"
    if mine is None or theirs is None:
        known, other = (theirs, one) if mine is None else (mine, two)
        if known is None:
            return None
        if other.lines:
            return "conflict"  # that side counted lines only: what its blocks ran is not known
        none = array("q", bytes(8 * len(known)))
        pair = (known.hits, none) if theirs is None else (none, known.hits)
        return Blocks(known.layout, columns.combined(*pair, combine), known.lines_by)
    if mine.same_layout(theirs):
        return Blocks(mine.layout, columns.combined(mine.hits, theirs.hits, combine), mine.lines_by)
    if relaxed:
        return "conflict"
    differs = {block[:WIDTH] for block in mine} ^ {block[:WIDTH] for block in theirs}
    lines = sorted({layout[0] for layout in differs})
    raise SourceMismatch(
        f"{one.path}: the inputs were built from different sources; their blocks differ at lines "
        + ", ".join(map(str, lines[:5])),
        hint="merge captures of one build, or keep only lines with --relaxed",
    )


def counted_once(report: Report) -> Report:
    """The report with 1 for all that ran: the sum of such reports says in how many of them it did."""

    def once(file: FileCoverage) -> FileCoverage:
        blocks = file.blocks
        if isinstance(blocks, Blocks):
            blocks = Blocks(blocks.layout, _ones(blocks.hits), blocks.lines_by)
        lines = (
            Lines()
            if isinstance(blocks, Blocks) and blocks.lines_by
            else Lines(file.lines.numbers, _ones(file.lines.hits))
        )
        branches = Branches(file.branches.lines, file.branches.keys, _ones(file.branches.hits))
        functions = file.functions
        functions = Functions(functions.names, functions.firsts, functions.lasts, _ones(functions.hits))
        return replace(file, lines=lines, branches=branches, functions=functions, blocks=blocks, mode="count")

    return replace(report, files={key: once(file) for key, file in report.files.items()})


def _ones(hits: array[int]) -> array[int]:
    return array("q", map(bool, hits))


def with_slice(report: Report, name: str) -> Report:
    """The report with one slice more: `name` -> every line it covers."""
    ran = ((key, bits(compress(file.lines.numbers, file.lines.hits))) for key, file in report.files.items())
    return replace(report, slices={**report.slices, name: {key: bit_set for key, bit_set in ran if bit_set}})
