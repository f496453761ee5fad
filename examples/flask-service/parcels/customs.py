"""The form that goes with a parcel that leaves the union."""

from __future__ import annotations

SMALL = 2_200  # cents: worth less, the short form is enough
FORBIDDEN = ("battery", "perfume", "seeds")


def declaration(contents: str, worth: int) -> dict[str, object]:
    """The form's number and lines; ValueError for what may not be sent."""
    if not contents:
        raise ValueError("contents must be declared")
    for word in FORBIDDEN:
        if word in contents.lower():
            raise ValueError(f"{word} may not be sent")
    if worth < SMALL:
        return {"form": "CN22", "contents": contents}
    return {"form": "CN23", "contents": contents, "worth": worth, "invoice": worth >= 10 * SMALL}
