"""The public API as a user types it; `make check` runs mypy over it."""

from __future__ import annotations

from pathlib import Path

import covey

report: covey.Report = covey.load("bundle", Path(".coverage"), checkout=None, parts={"unit": "unit.info"})
percent: float | None = report.totals.lines.percent
merged: covey.Report = covey.merge([report, report], how="max")
covey.write(merged, Path("coverage.xml"))
covey.write(merged, "html", format="html")
for (repository, path), file in merged.files.items():
    name: str = f"{repository or ''}{path}"
    hits: int = file.lines[1]
    covered: covey.Ratio = file.totals.lines
client = covey.CoverageClient(namespace="default", output_dir="./coverage-output")
