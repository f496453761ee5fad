"""Judges Python sources by covey's parser and by coverage.py's own: `python judge_statements.py EVERY TEXTS...`.

Of the standard library each EVERY-th file, and besides the named files, each by several exclusions. Writes as JSON how
many texts were judged, how many of these with coverage.py's tokenizer, and what differs. Runs on any Python from 3.11
on that has coverage.py, with covey's source folder on PYTHONPATH.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import warnings
from pathlib import Path

from coverage.config import CoverageConfig
from coverage.exceptions import CoverageException
from coverage.misc import join_regex
from coverage.parser import PythonParser
from coverage.regions import code_regions

from covey.formats.pystatements import StatementParser

DEFAULT = join_regex(CoverageConfig().exclude_list)
EXCLUSIONS = (None, DEFAULT, rf"{DEFAULT}|^class |raise|return None|^\s*@|lambda|if |else|case|:\s*$")
MOST = 400_000  # characters: coverage.py's parser takes seconds for more
REFUSED = (CoverageException, SyntaxError, ValueError, RecursionError, MemoryError)


class Counting(StatementParser):
    tokenized = False

    def _raw_parse(self) -> None:
        self.tokenized = True
        super()._raw_parse()


def main() -> None:
    every, named = int(sys.argv[1]), sys.argv[2:]
    library = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    library = [path for path in library if "site-packages" not in path.parts]
    texts = [text for text in map(read, [*library[::every], *map(Path, named)]) if text]
    differ = []
    judged = tokenized = 0
    for path, text in texts:
        for exclude in EXCLUSIONS:
            wanted = answers(PythonParser(text=text, filename="<source>", exclude=exclude))
            parser = Counting(text=text, filename="<source>", exclude=exclude)
            found = answers(parser)
            judged += wanted is not None
            tokenized += parser.tokenized
            differ += [f"{path}, {name}" for name in wanted or () if wanted[name] != (found or {}).get(name)]
    json.dump({"judged": judged, "tokenized": tokenized, "differ": differ}, sys.stdout)


def read(path: Path) -> tuple[Path, str] | None:
    try:
        text = path.read_bytes().decode().replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ")
    except UnicodeDecodeError:
        return None
    return (path, text if text.endswith("\n") else f"{text}\n") if 0 < len(text) < MOST else None


def answers(parser: PythonParser) -> dict[str, object] | None:
    """All that covey asks; None where the text is none that Python can compile."""
    try:
        parser.parse_source()
        arcs = parser.arcs()
    except REFUSED:
        return None
    return {
        "statements": parser.statements,
        "excluded": parser.excluded,
        "first lines": {line: first for line, first in parser.multiline_map.items() if line != first},
        "arcs": arcs,
        "arcs as counted": parser.translate_arcs(arcs),
        "functions": functions(parser),
    }


def functions(parser: PythonParser) -> list[tuple[str, int, int, int]]:
    if isinstance(parser, StatementParser):
        return [(one.name, one.first, one.last, one.lines) for one in parser.functions()]
    found = [region for region in code_regions(parser.text) if region.kind == "function" and region.lines]
    rows = [(one.name, one.start, max(one.start, *one.lines), sum(1 << line for line in one.lines)) for one in found]
    return sorted(rows, key=lambda row: (row[1], row[2], row[0]))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
