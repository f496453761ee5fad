"""One law for merging reports, whatever they were read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from covey.errors import DuplicateSource, SourceMismatch, UsageError
from covey.loops import columns
from covey.model.provenance import Provenance
from covey.model.report import Arm, Block, Blocks, Branches, FileCoverage, Function, Key, Lines, Report, bits

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


def merge(reports: Iterable[Report], how: How = "sum", *, relaxed: bool = False) -> Report:
    """One report of several, file by file, one input at a time.

    how: "sum" adds hits (saturating at 2**63-1), "max" and "presence" (0 or 1) do not count twice what ran twice;
    "subtract" and "intersect" take exactly two reports, in order. Files in "set" mode never add.
    relaxed: where block layouts differ, blocks become "conflict" and lines remain; otherwise SourceMismatch.
    Slices are united, but not under "subtract" and "intersect", where they would no longer be true.
    Inputs whose sources overlap: equal ones collapse, others raise DuplicateSource.
    """
    files: dict[Key, FileCoverage] = {}
    slices: dict[str, dict[Key, int]] = {}
    notes: dict[str, None] = {}
    seen: dict[object, Provenance] = {}
    count = 0
    for report in reports:
        count += 1
        if how in ("subtract", "intersect") and count > 2:
            raise UsageError(f"--how {how} takes exactly two inputs")
        notes.update(dict.fromkeys(report.notes))
        if report.sources and not _news(report.sources, seen):
            continue
        _fold(files, report.files, how, relaxed, first=count == 1)
        for name, by_file in report.slices.items() if how in ("sum", "max", "presence") else ():
            mine = slices.setdefault(name, {})
            for key, bit_set in by_file.items():
                mine[key] = mine.get(key, 0) | bit_set
    if how in ("subtract", "intersect") and count != 2:
        raise UsageError(f"--how {how} takes exactly two inputs")
    return Report.of(files.values(), seen.values(), slices, notes)


def _news(sources: Iterable[Provenance], seen: dict[object, Provenance]) -> bool:
    """Whether these sources are new; False when all are in already; DuplicateSource when one is in, but not equal."""
    old = new = 0
    for source in sources:
        name = _name(source)
        if name is None:
            new += 1
            seen[object()] = source
        elif name not in seen:
            new += 1
            seen[name] = source
        elif seen[name].digest == source.digest:
            old += 1
        else:
            raise DuplicateSource(
                f"{source.path or source.pod or source.component} is in two inputs with different content",
                hint="merge the bundles themselves, in the order they were collected: a later capture then replaces "
                "an earlier one",
            )
    if old and new:
        raise DuplicateSource(
            "two inputs share some of their sources, so merging them would count those twice",
            hint="merge what they were made from instead",
        )
    return new > 0 or not old


def _name(source: Provenance) -> object | None:
    """What makes a source the same source; None when it has no identity and so never equals another."""
    if source.capture is not None and (source.capture.pid or source.capture.pod_uid):
        return source.capture
    return source.digest or None


def _fold(
    files: dict[Key, FileCoverage], others: Mapping[Key, FileCoverage], how: How, relaxed: bool, first: bool
) -> None:
    if first:
        files.update(others if how != "presence" else {key: _presence(file) for key, file in others.items()})
        return
    for key, file in others.items():
        mine = files.get(key)
        if mine is None:
            if how in ("sum", "max"):
                files[key] = file
                continue
            mine = replace(file, lines=Lines(), branches=Branches(), functions=(), blocks=None)
        files[key] = merge_files(mine, file, how, relaxed=relaxed)
    if how == "intersect":
        for key in files.keys() - others.keys():
            files[key] = merge_files(files[key], FileCoverage(key[1], repository=key[0]), how, relaxed=relaxed)


def _presence(file: FileCoverage) -> FileCoverage:
    empty = FileCoverage(file.path, repository=file.repository, mode=file.mode, source_hash=file.source_hash)
    return merge_files(empty, file, "presence", relaxed=False)


def merge_files(one: FileCoverage, two: FileCoverage, how: How = "sum", *, relaxed: bool = False) -> FileCoverage:
    """One file of two of the same (repository, path)."""
    combine = _COMBINE_SETS[how] if "set" in (one.mode, two.mode) else _COMBINE[how]
    inexact = one.inexact | two.inexact
    numbers, hits = columns.merge(one.lines.numbers, one.lines.hits, two.lines.numbers, two.lines.hits, combine)
    branches, bound = _branches(one.branches, two.branches, combine)
    source_hash = one.source_hash if one.source_hash == two.source_hash else one.source_hash or two.source_hash
    return FileCoverage(
        path=one.path,
        lines=Lines(numbers, hits),
        branches=branches,
        functions=_functions(one.functions, two.functions, combine),
        blocks=_blocks(one, two, combine, relaxed),
        mode="set" if "set" in (one.mode, two.mode) else "count",
        repository=one.repository,
        source_hash=source_hash,
        inexact=inexact | {"branches"} if bound else inexact,
    )


def _branches(one: Branches, two: Branches, combine: columns.Combine) -> tuple[Branches, bool]:
    """The union of arms, and whether it is only a lower bound.

    Anonymous arms say how many of a line's arms ran, not which: merged by maximum, which may be too low.
    """
    mine = {(arm.line, arm.key): arm.hits for arm in one.arms}
    theirs = {(arm.line, arm.key): arm.hits for arm in two.arms}
    merged, bound = [], False
    for line, key in sorted(mine.keys() | theirs.keys()):
        anonymous = key.startswith("?")
        bound = bound or (anonymous and (line, key) in mine and (line, key) in theirs)
        how = max if anonymous and combine is columns.saturating_add else combine
        merged.append(Arm(line, key, how(mine.get((line, key), 0), theirs.get((line, key), 0))))
    return Branches(tuple(merged)), bound


def _functions(one: Iterable[Function], two: Iterable[Function], combine: columns.Combine) -> tuple[Function, ...]:
    def by_key(functions: Iterable[Function]) -> dict[tuple[int, str], Function]:
        return {(function.first, function.name): function for function in functions}

    left, right = by_key(one), by_key(two)
    merged = []
    for key in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(key), right.get(key)
        known = mine or theirs
        assert known is not None
        last = (mine.last if mine else None) or (theirs.last if theirs else None)
        merged.append(replace(known, last=last, hits=combine(mine.hits if mine else 0, theirs.hits if theirs else 0)))
    return tuple(merged)


def _blocks(one: FileCoverage, two: FileCoverage, combine: columns.Combine, relaxed: bool) -> Blocks:
    if one.blocks is None or two.blocks is None or "conflict" in (one.blocks, two.blocks):
        if "conflict" in (one.blocks, two.blocks):
            return "conflict"
        known = one.blocks if two.blocks is None else two.blocks
        other_is_empty = not (one.lines if one.blocks is None else two.lines)
        if known is None or other_is_empty:
            return _zip_blocks(known, combine, first=two.blocks is None) if isinstance(known, tuple) else known
        return "conflict"  # one side counted lines only: what its blocks ran is not known
    assert isinstance(one.blocks, tuple)
    assert isinstance(two.blocks, tuple)
    if list(map(_layout, one.blocks)) == list(map(_layout, two.blocks)):
        return tuple(
            replace(mine, hits=combine(mine.hits, theirs.hits))
            for mine, theirs in zip(one.blocks, two.blocks, strict=True)
        )
    if relaxed:
        return "conflict"
    differs = set(map(_layout, one.blocks)) ^ set(map(_layout, two.blocks))
    lines = sorted({layout[0] for layout in differs})
    raise SourceMismatch(
        f"{one.path}: the inputs were built from different sources; their blocks differ at lines "
        + ", ".join(map(str, lines[:5])),
        hint="merge captures of one build, or keep only lines with --relaxed",
    )


def _zip_blocks(blocks: tuple[Block, ...], combine: columns.Combine, *, first: bool) -> tuple[Block, ...]:
    def against_nothing(hits: int) -> int:
        return combine(hits, 0) if first else combine(0, hits)

    return tuple(replace(block, hits=against_nothing(block.hits)) for block in blocks)


def _layout(block: Block) -> tuple[int, int, int, int, int]:
    return block.first_line, block.first_column, block.last_line, block.last_column, block.statements


def with_slice(report: Report, name: str) -> Report:
    """The report with one slice more: `name` -> every line it covers."""
    covered = {
        key: bits(number for number, hits in file.lines.items() if hits)
        for key, file in report.files.items()
        if file.lines.ratio.covered
    }
    return replace(report, slices={**report.slices, name: covered})
