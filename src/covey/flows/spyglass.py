"""The two artifacts that the coverage lens of Prow's Spyglass shows: filtered.cov, and filtered.html for its links."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from covey.errors import UsageError
from covey.flows.show import sources_of
from covey.formats import gocover
from covey.formats.base import Sources
from covey.formats.intake import flat_paths
from covey.model.report import FileCoverage, Report
from covey.render.base import Options, several_repositories
from covey.render.spyglass import page
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


class Spyglass:
    """Both in the folder of a job's artifacts; what else is in the folder stays. They have the same files in one order,
    that of their names, by which the lens numbers them: those without lines, which a profile cannot name, are in
    neither."""

    name = "spyglass"
    folder = True

    def render(self, report: Report, out: Path | BinaryIO, options: Options) -> list[Path]:
        """UsageError for a report of several repositories."""
        if not isinstance(out, Path):
            raise UsageError("Spyglass reads two files of a folder", hint="Name the folder with -o FOLDER.")
        if several_repositories(report):
            raise UsageError("Spyglass shows one repository, and the report has files of several")
        sources = sources_of(options.texts)
        if sources is not None:
            report = gocover.FORMAT.named(report, sources)
            options = replace(options, texts=ImportedTexts(sources))
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write {out}: {error.strerror}", hint="Name another folder with -o.") from error
        written = io.BytesIO()
        gocover.FORMAT.write(report, written)
        profile = in_order(written.getvalue())
        paths = [out / "filtered.cov", out / "filtered.html"]
        with whole(paths[0]) as stream:
            stream.write(profile)
        with whole(paths[1]) as stream:
            for text in page(_of_profile(report, profile), options):
                stream.write(text.encode("utf-8", "backslashreplace"))
        return paths


RENDERER = Spyglass()


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
