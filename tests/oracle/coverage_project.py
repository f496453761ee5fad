"""A small project that coverage.py finds hard, and the tool itself run on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FILES = {
    "main.py": '''"""The program."""
import sys

from app import branchy, deco

def main(
    argument,
    *rest,
):
    """Docstring
    of two lines."""
    total = branchy.walk([
        1,
        2,
        argument,
    ])
    with open(__file__) as one, \\
         open(__file__) as two:
        total += len(one.read()) + len(two.read())
    return deco.Thing().run(total)


if __name__ == "__main__":
    main(3)
    sys.exit(0)
''',
    "app/__init__.py": "",
    "app/branchy.py": """import typing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike


def walk(items: list[int]) -> int:
    total = 0
    for item in items:
        if item == 1:
            continue
        elif item == 2 and total == 0:
            total += 1
        else:
            total += item
        if item > 100: total = 0
    while True:
        total += 1
        if total > 10:
            break
    else:
        total = -1
    if total:  # pragma: no branch
        total += 1
    try:
        total = 1 / 0 if total == 77 else total
    except ZeroDivisionError:
        total = 5
    finally:
        total += 1
    return total


def never(x):
    if x:  # pragma: no cover
        return 1
    elif x is None:
        return 2
    return [
        y for y in x
        if y
    ]


def abstract(): ...


@typing.overload
def over(x: int) -> int: ...
@typing.overload
def over(x: str) -> str: ...
def over(x):
    return (lambda y: y if y else x)(x)


def skipped(x):  # debug only
    if x:
        return 1


def matching(value):
    match value:
        case 1:
            return "one"
        case [a, b] if a:
            return b
        case _:
            return None


matching(1)
matching([1, 2])
""",
    "app/deco.py": '''import contextlib
import functools


def outer(
    name
):
    def inner(function):
        @functools.wraps(function)
        def wrapped(*arguments, **named):
            return function(*arguments, **named)
        return wrapped
    return inner


class Thing:
    """A class."""

    x: int = (
        1
    )

    @outer(
        "run"
    )
    @staticmethod
    def other():
        yield 1

    @outer("run")
    def run(self, total):
        value = (
            total
            if total
            else 0
        )
        with contextlib.suppress(
            ValueError
        ):
            if value:
                raise ValueError(
                    "x"
                )
        async def later():
            async for _ in self:
                pass
        for _ in []:
            pass
        assert value, (
            "y"
        )
        return value
''',
    "app/never_imported.py": """import os


def lonely():
    if os.environ:
        return 1
    return 2
""",
    "app/broken_side#file.py": "x = (\n",
    "app/sub/__init__.py": '"""Only a docstring."""\n',
    "app/sub/left_out.py": "x = 1\n",
    "app/notpackage/loose.py": "x = 1\n",
    "legacy/old.py": "x = 1\n",
    "latin.py": b'# coding: latin-1\nx = "\xe9"\r\ny = 1\r\nif x:\r\n    y = 2\r\n\x0c\ndef f():\r\n    pass\r\n',
}

CONFIGS = {
    "plain": (".coveragerc", "[run]\nsource = .\n"),
    "branch": (".coveragerc", "[run]\nsource = .\nbranch = true\n"),
    "excluded": (
        "pyproject.toml",
        """
[tool.coverage.run]
source = ["."]
branch = true
omit = ["*/left_out.py"]
[tool.coverage.report]
exclude_also = ["debug only", "raise ValueError"]
omit = ["legacy/*"]
""",
    ),
    "exclude_lines": (
        "setup.cfg",
        """
[coverage:run]
source =
    app
    .
branch = 1
[coverage:report]
exclude_lines =
    def never
    case _
include = app/*, main.py
partial_branches =
    for item
""",
    ),
    "package": ("tox.ini", "[coverage:run]\nsource = app\nrelative_files = true\n"),
    "packages": (".coveragerc", "[run]\nsource_pkgs = app, main\n"),
    "namespaces": (".coveragerc", "[run]\nsource = .\n[report]\ninclude_namespace_packages = true\n"),
    "relative": (
        ".coveragerc",
        "[run]\nsource = .\nrelative_files = true\nbranch = true\n[report]\nomit = app/sub/*\n",
    ),
    "contexts": (
        ".coveragerc",
        "[run]\nsource = .\ndynamic_context = test_function\n[json]\nshow_contexts = true\n",
    ),
    "none": ("setup.cfg", "[metadata]\nname = x\n"),
}


def lay_out(folder: Path, config: str) -> Path:
    """The project with that configuration in `folder`."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    name, text = CONFIGS[config]
    (folder / name).write_text(text)
    return folder


def coverage(folder: Path, *arguments: str, python: str = sys.executable) -> str:
    """What `coverage ARGUMENTS` prints in that folder."""
    done = subprocess.run(
        [python, "-m", "coverage", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def record(folder: Path, python: str = sys.executable) -> None:
    coverage(folder, "run", "main.py", python=python)


def told(folder: Path) -> dict[str, object]:
    """What `coverage json` tells of what was recorded there."""
    coverage(folder, "json", "-q", "-o", "told.json")
    return json.loads((folder / "told.json").read_text())
