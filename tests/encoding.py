"""A report in a data format, as bytes."""

from __future__ import annotations

import io

from covey import plugins


def encode(report, name):
    out = io.BytesIO()
    plugins.load("formats", name).write(report, out)
    return out.getvalue()
