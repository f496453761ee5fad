"""The two artifacts that the coverage lens of Prow's Spyglass shows: filtered.cov, and filtered.html for its links."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from covey import plugins
from covey.errors import UsageError
from covey.formats.base import Sources
from covey.formats.intake import flat_paths
from covey.model.report import FileCoverage, Report
from covey.render.base import Options
from covey.render.whole import whole


@dataclass(frozen=True)
class ImportedTexts:
    """Source texts of files that are called as Go calls them."""

    sources: Sources

    def text(self, file: FileCoverage) -> bytes | None:
        place = self.sources.imported(file.path)
        if not place.mapped:
            place = self.sources.locate(file.path, file.source_hash)
        return place.text


def artifacts(report: Report, folder: Path, sources: Sources | None, options: Options) -> list[Path]:
    """Write both into the folder, beside what is there; their paths. Both have the same files in one order, that of
    their names, by which the lens numbers them: those without lines, which a profile cannot name, are in neither.
    UsageError for a report of several repositories."""
    if len({repository for repository, _ in report.files}) > 1:
        raise UsageError("Spyglass shows one repository, and the report has files of several")
    renderer: Any = plugins.load("renderers", "spyglass")
    profiles: Any = plugins.load("formats", "gocover")
    if sources is not None:
        report = profiles.named(report, sources)
        options = replace(options, texts=ImportedTexts(sources))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}", hint="Name another folder with -o.") from error
    out = io.BytesIO()
    profiles.write(report, out)
    profile = in_order(out.getvalue())
    with whole(folder / renderer.profile) as stream:
        stream.write(profile)
    renderer.render(_of_profile(report, profile), folder, options)
    return [folder / renderer.profile, folder / "filtered.html"]


def _of_profile(report: Report, profile: bytes) -> Report:
    """The report of the files that its profile names."""
    named = {line.rpartition(b":")[0].decode() for line in profile.splitlines()[1:]}
    names = flat_paths(report)
    return replace(report, files={key: file for key, file in report.files.items() if names[key] in named})


def in_order(profile: bytes) -> bytes:
    """A Go text profile with its files in the order of their whole names, as `go tool cover` and the lens have them."""
    mode, *lines = profile.splitlines(keepends=True)
    by_name: dict[bytes, list[bytes]] = {}
    for line in lines:
        by_name.setdefault(line.rpartition(b":")[0], []).append(line)
    return mode + b"".join(b"".join(by_name[name]) for name in sorted(by_name))
