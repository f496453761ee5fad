"""The badge: what it says, to eyes and to screen readers, and its colours."""

from __future__ import annotations

import io
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
import shown_project

from covey.model.counted import Lines
from covey.model.ratio import Ratio
from covey.model.report import FileCoverage, Report
from covey.render.badge import RENDERER, colour
from covey.render.base import Options

SVG = "{http://www.w3.org/2000/svg}"


def shown(report, **options):
    out = io.BytesIO()
    RENDERER.render(report, out, Options(**options))
    return out.getvalue().decode()


def of(covered, total):
    return Report.of([FileCoverage("a.py", Lines.of({n: int(n <= covered) for n in range(1, total + 1)}))])


def texts(svg):
    return [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_it_says_its_name_and_figure_twice():
    svg = shown(of(869, 1000))
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert texts(svg) == ["coverage", "87%"]
    title = root.find(f"{SVG}title")
    assert (title.get("id"), title.text) == (root.get("aria-labelledby"), "coverage: 87% of lines")
    assert shown(of(869, 1000), metric="lines", digits=1) != svg
    assert texts(shown(of(869, 1000), metric="lines", digits=1)) == ["lines covered", "86.9%"]
    assert shown(of(869, 1000)) == svg


def test_a_threshold_decides_the_colour_and_is_said():
    low, met = shown(of(8, 10), threshold=Decimal(81)), shown(of(8, 10), threshold=Decimal(80))
    assert "80% of lines, 81% wanted" in low
    assert colour(Ratio(8, 10), Decimal(81)) in low
    assert colour(Ratio(8, 10), Decimal(80)) in met
    assert colour(Ratio(8, 10), Decimal(80)) != colour(Ratio(8, 10), Decimal(81))


def test_nothing_measured_and_hostile_titles():
    assert texts(shown(Report())) == ["coverage", "no data"]
    svg = shown(shown_project.hostile(), title='"><script>alert(1)</script>\u202e')
    assert texts(svg)[0] == '"><script>alert(1)</script>\\u202e'
    assert "<script" not in svg


@pytest.mark.parametrize("covered", [0, 39, 40, 60, 75, 90, 100])
def test_white_stands_out_on_every_colour(covered):
    channels = [int(colour(Ratio(covered, 100), None)[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    light = sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (light + 0.05) >= 4.5
