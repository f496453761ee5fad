"""Our table beside the one that `coverage report -m` prints of the same data."""

from __future__ import annotations

import io

import pytest
from oracle import coverage_project as project

from covey.formats.base import Input
from covey.formats.coveragepy import FORMAT
from covey.formats.sources import CheckoutSources
from covey.render.base import Options
from covey.render.text import RENDERER


@pytest.fixture(scope="module", params=["plain", "branch", "excluded", "relative"])
def recorded(request, tmp_path_factory):
    folder = project.lay_out(tmp_path_factory.mktemp(request.param), request.param)
    project.record(folder)
    return folder


def rows(text):
    """Name -> the other cells; a percentage of a file without statements is left out (100% there, - here)."""
    found = {}
    for line in text.split("\n")[2:]:
        if line and not line.startswith(("-", "Note: ", "Counted: ")):
            name, *cells = line.split(maxsplit=line.count(" "))
            found[name] = [] if cells[0] == "0" else cells
    return found


@pytest.mark.parametrize("skip", [False, True])
def test_every_row_and_the_total_agree(recorded, skip):
    report = FORMAT.read([Input.of_path(recorded / ".coverage")], CheckoutSources(recorded))
    out = io.BytesIO()
    RENDERER.render(report, out, Options(show_missing=True, skip_covered=skip))
    theirs = project.coverage(recorded, "report", "-m", *(["--skip-covered"] if skip else []))
    ours, told = rows(out.getvalue().decode()), rows(theirs)
    for either in (ours, told):  # the closing line on skipped files has its own words
        for name in [name for name in either if name.isdigit()]:
            del either[name]
    assert ours == told
