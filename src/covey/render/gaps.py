"""What did not run, and what one part alone reached: lines and arms in the notation of coverage.py's column Missing."""

from __future__ import annotations

from itertools import compress

from covey.model.report import FileCoverage, Key, Report, marks
from covey.render.base import as_range, leads_to, ranges_of_missing, runs, several_repositories, shown_name, untaken
from covey.render.slices import Part

LAST = 1 << 32  # behind every line


def missing(file: FileCoverage) -> list[str]:
    """What did not run, from the top: "3-5" lines, "9->12" an arm, "14 (1/2)" one of two arms taken.

    An arm is named where its key says where it leads, and left out where that line is named itself. Of lines with
    other arms, the number of all that were taken.
    """
    found = [(first, 0, as_range(first, last)) for first, last in ranges_of_missing(file)]
    gone = set(map(str, file.lines.missing))
    counted: set[int] = set()
    for line, key in untaken(file):
        lead = leads_to(key)
        if not lead:
            counted.add(line)
        elif lead not in gone:
            found.append((line, int(lead) if lead != "exit" else LAST, f"{line}->{lead}"))
    if counted:
        found += [(line, 0, f"{line} ({taken}/{total})") for line, (taken, total) in _arms(file, counted).items()]
    return [text for _, _, text in sorted(found)]


def _arms(file: FileCoverage, wanted: set[int]) -> dict[int, tuple[int, int]]:
    """Line -> how many of its arms were taken, of how many."""
    found: dict[int, tuple[int, int]] = {}
    arms = file.branches
    for line, hits in compress(zip(arms.lines, arms.hits, strict=True), map(wanted.__contains__, arms.lines)):
        taken, total = found.get(line, (0, 0))
        found[line] = (taken + bool(hits), total + 1)
    return found


def reached_alone(report: Report, part: Part, limit: int) -> tuple[list[tuple[str, list[str]]], int]:
    """Files with lines that nothing but `part` reached: what each is called, and these lines as ranges; lines without
    code do not break a range. At most `limit` files, 0 for all, those with the most such lines; and how many more there
    were."""
    several = several_repositories(report)
    keys = list(part.per_file)
    if limit and len(keys) > limit:
        most = set(sorted(keys, key=lambda key: -part.per_file[key].bit_count())[:limit])
        keys = [key for key in keys if key in most]
    rows = [(shown_name(report.files[key], several), _ranges(report, key, part.per_file[key])) for key in keys]
    return rows, len(part.per_file) - len(rows)


def _ranges(report: Report, key: Key, bit_set: int) -> list[str]:
    numbers = report.files[key].lines.numbers
    flags = marks(bit_set)
    within = [number < len(flags) and flags[number] for number in numbers]
    return [as_range(*run) for run in runs(numbers, within)]
