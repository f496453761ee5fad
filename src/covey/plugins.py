"""Finds what covey is made of by name, lazily: our own from one static table, others' by entry-point.

A new format, renderer or agent is one file and one line here. Another package adds one under the entry-point group of
the room (`covey.formats`, `covey.renderers`, `covey.agents`); our own names cannot be taken over.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from covey.errors import UsageError

Room = Literal["formats", "renderers", "agents"]

OURS: Mapping[Room, Mapping[str, str]] = {
    "formats": {
        "clover": "covey.formats.clover:FORMAT",
        "cobertura": "covey.formats.cobertura:FORMAT",
        "coveragepy": "covey.formats.coveragepy:FORMAT",
        "gcov": "covey.formats.gcov:FORMAT",
        "gocovdata": "covey.formats.gocovdata:FORMAT",
        "gocover": "covey.formats.gocover:FORMAT",
        "istanbul": "covey.formats.istanbul:FORMAT",
        "jacoco": "covey.formats.jacoco:FORMAT",
        "lcov": "covey.formats.lcov:FORMAT",
        "llvm": "covey.formats.llvm:FORMAT",
        "native": "covey.formats.native:FORMAT",
        "segments": "covey.formats.segments:FORMAT",
        "sonar": "covey.formats.sonar:FORMAT",
        "v8": "covey.formats.v8:FORMAT",
    },
    "renderers": {
        "badge": "covey.render.badge:RENDERER",
        "html": "covey.render.html:RENDERER",
        "junit": "covey.render.junit:RENDERER",
        "markdown": "covey.render.markdown:RENDERER",
        "spyglass": "covey.flows.spyglass:RENDERER",
        "text": "covey.render.text:RENDERER",
    },
    "agents": {
        "python": "covey.agents.python:AGENT",
        "legacy": "covey.agents.legacy:AGENT",
    },
}

# What other tools' processes record or only they can make, of our own: those with an `only_read`, which to ask would
# import them all.
ONLY_READ = frozenset({"gcov", "gocovdata", "llvm", "segments", "v8"})


@dataclass(frozen=True, slots=True)
class Plugin:
    """`value` is "module:attribute"; `package` is who brings it, "covey" for our own."""

    room: Room
    name: str
    value: str
    package: str


def load(room: Room, name: str) -> Any:
    """The object of that name; UsageError naming those there are when there is none."""
    value = OURS[room].get(name) or {plugin.name: plugin.value for plugin in others(room)}.get(name)
    if value is None:
        hint = nearest(name, [plugin.name for plugin in every(room)])
        raise UsageError(f"there is no {room[:-1]} {name!r}", hint=hint)
    module, _, attribute = value.partition(":")
    return getattr(importlib.import_module(module), attribute)


def nearest(name: str, there: Sequence[str]) -> str:
    """A hint for who mistyped a name: the one that comes nearest, and all there are."""
    import difflib

    near = difflib.get_close_matches(name, there, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"There are: {', '.join(there)}"


def names(room: Room) -> tuple[str, ...]:
    """Our own names, ascending; costs nothing."""
    return tuple(sorted(OURS[room]))


def written() -> tuple[str, ...]:
    """Our own data formats that can be written, ascending; costs nothing."""
    return tuple(name for name in names("formats") if name not in ONLY_READ)


def writes(name: str) -> bool:
    """Whether a data format that is installed can be written."""
    return name in written() if name in OURS["formats"] else not load("formats", name).only_read


def every(room: Room) -> tuple[Plugin, ...]:
    """Our own, then others'; looks through the installed packages."""
    ours = tuple(Plugin(room, name, value, "covey") for name, value in sorted(OURS[room].items()))
    return ours + others(room)


def others(room: Room) -> tuple[Plugin, ...]:
    """What other packages bring, ascending by name; a name of ours is left out."""
    from importlib.metadata import entry_points

    found = [
        Plugin(room, entry.name, entry.value, entry.dist.name if entry.dist else "")
        for entry in entry_points(group=f"covey.{room}")
        if entry.name not in OURS[room]
    ]
    return tuple(sorted(found, key=lambda plugin: plugin.name))
