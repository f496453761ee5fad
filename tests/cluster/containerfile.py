"""Reads as much of a Containerfile as the example's needs, so that the tests run what it says."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """What a stage adds to the image of Python it begins with."""

    copies: tuple[tuple[str, str], ...] = ()  # path in the context, place in the image
    requirements: tuple[str, ...] = ()  # files given to `pip install -r`
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    cmd: tuple[str, ...] = ()


def read_stage(path: Path, name: str) -> Stage:
    """A stage with the stages below it; ValueError for a line that this reader does not know."""
    stages: dict[str, Stage] = {}
    current = ""
    for line in path.read_text().splitlines():
        word, _, rest = line.strip().partition(" ")
        if not word or word.startswith("#"):
            continue
        if word == "FROM":
            below, _, current = rest.split()
            stages[current] = stages.get(below, Stage())
        else:
            stages[current] = step(stages[current], word, rest)
    return stages[name]


def step(stage: Stage, word: str, rest: str) -> Stage:
    words = shlex.split(rest)
    if word == "COPY":
        return replace(stage, copies=(*stage.copies, (words[0], words[1])))
    if word == "RUN" and words[:2] == ["pip", "install"]:
        return replace(stage, requirements=(*stage.requirements, words[words.index("-r") + 1]))
    if word == "ENV":
        return replace(stage, env={**stage.env, **dict(pair.split("=", 1) for pair in words)})
    if word in ("WORKDIR", "USER"):
        return replace(stage, **{word.lower(): rest})
    if word == "CMD":
        return replace(stage, cmd=tuple(json.loads(rest)))
    if word == "EXPOSE":
        return stage
    raise ValueError(f"not understood: {word} {rest}")
