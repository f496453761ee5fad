"""The door to coverage.py, with its parser in pystatements.py: its configuration, its judgement of a source text.

Imported only where a Python source is judged: importing coverage.py costs 80 ms.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from coverage.config import CoverageConfig
from coverage.exceptions import CoverageException
from coverage.files import globs_to_regex
from coverage.misc import join_regex
from coverage.phystokens import source_encoding

from covey.errors import ConfigError
from covey.formats.intake import clean
from covey.formats.pyconfig import NAMED_BY, candidates, is_there, leads_out, without_values
from covey.formats.pyrules import GlobSet, PythonRules
from covey.formats.pystatements import Region, StatementParser
from covey.model.counted import Arm, leads_to
from covey.patience import at_most

_CACHE_MOST = 50_000
# Of one source text: coverage.py takes about 1 kB of memory for each byte of the worst kind, and 50 us a line.
MOST_TEXT = 4 << 20  # bytes
MOST_LINES = 200_000
MOST_SCOPES = 20_000  # functions, classes, comprehensions: compiling equal ones takes the square of their number
_SCOPES = (b"def", b"lambda", b"class", b"for")
LONGEST = 20.0  # seconds, of one regular expression over one text, and of reading a configuration
_TOLD = 500  # characters of what coverage.py says, which may quote a whole file
# Codecs that Python's sources may name and that cost the square of their length, or fail where others replace.
_ODD_CODECS = frozenset({"punycode", "idna", "undefined"})


@dataclass(frozen=True, slots=True)
class Judged:
    """What coverage.py says of one source text. All are line numbers, 1-based.

    statements: array('i'), ascending, first lines of statements; excluded likewise.
    first: line -> first line of its statement, for statements of several lines only.
    """

    statements: array[int]
    excluded: array[int]
    first: Mapping[int, int]
    regions: tuple[Region, ...]

    def covered_statements(self, executed: Iterable[int]) -> set[int]:
        """The statements that ran when these lines did."""
        first = self.first
        return {first.get(line, line) for line in executed}.intersection(self.statements)


def read_rules(root: Path | None) -> PythonRules:
    """The coverage configuration of a checkout, as coverage.py finds and reads it there; its defaults without any.

    ConfigError where coverage.py refuses it. COVERAGE_RCFILE names another file, as it does there.
    """
    return _read_rules(root, os.environ.get(NAMED_BY, "") if root else "")


@lru_cache(maxsize=64)
def _read_rules(root: Path | None, _named: str) -> PythonRules:
    if root is None:
        return _read(None, [])
    real = Path(os.path.realpath(root))
    late = f"the coverage configuration of {root} took longer than {LONGEST:g} s to read"
    with at_most(LONGEST, ConfigError(late)):
        return _read(real, candidates(real))


def _read(root: Path | None, files: Sequence[tuple[Path, bool]]) -> PythonRules:
    config, found = CoverageConfig(), ""
    said: list[str] = []
    file = None
    try:
        for file, own in files:
            if is_there(file) and config.from_file(str(file), said.append, our_file=own):
                found = file.name if root and file.parent == root else str(file)
                break
        config.post_process()
        return _rules(config, root, found, said)
    except (CoverageException, ValueError, OSError, TypeError, AttributeError, KeyError, RecursionError) as error:
        if root and file and leads_out(root, file):
            raise ConfigError(f"{file}, a link out of the checkout, is no coverage configuration") from None
        what = without_values(str(error), os.environ)[:_TOLD]
        raise ConfigError(f"coverage configuration of {root}, {found or file}: {what}") from error


def _rules(config: CoverageConfig, root: Path | None, found: str, said: Iterable[str]) -> PythonRules:
    dirs, packages = list(config.source_dirs), list(config.source_pkgs)
    for name in config.source or ():
        (dirs if root and (root / name).is_dir() else packages).append(name)
    if config.plugins:
        named = clean(", ".join(map(str, config.plugins)))[:_TOLD]
        said = [*said, f"coverage.py's plugins are never loaded, so what they would change does not count: {named}"]
    base = "" if config.relative_files or not root else str(root)
    inside = {name: _inside(root, name) for name in dirs}
    astray = [name for name, path in inside.items() if root and (path is None or not (root / path).is_dir())]
    return PythonRules(
        file=found,
        root=base,
        source_dirs=tuple(path for path in inside.values() if path is not None),
        source_packages=tuple(packages),
        source_astray=tuple(astray),
        include=_globs(config.run_include, root),
        omit=_globs(config.run_omit, root),
        report_include=_globs(config.report_include or (), root),
        report_omit=_globs(config.report_omit or (), root),
        namespaces=bool(config.include_namespace_packages),
        exclude=join_regex(config.exclude_list),
        no_branch=join_regex(config.partial_list + config.partial_always_list),
        aliases={name: tuple(values) for name, values in config.paths.items()},
        relative_files=bool(config.relative_files),
        warnings=tuple(said),
    )


def _inside(root: Path | None, name: str) -> str | None:
    """A folder of the configuration as a repository path, "" for the root; None when it lies elsewhere."""
    if root is None:
        return None
    path = Path(os.path.realpath(root / name))
    if not path.is_relative_to(root):
        return None
    inside = path.relative_to(root).as_posix()
    return "" if inside == "." else inside


def _globs(patterns: Iterable[str], root: Path | None) -> GlobSet | None:
    """coverage.py's rule: as it stands, and absolute too when it does not start with a wildcard."""
    prepared = []
    for pattern in patterns:
        prepared.append(pattern)
        if root and not pattern.startswith(("*", "?")):
            prepared.append(os.path.normpath(root / pattern))
    return GlobSet.of(globs_to_regex(prepared), prepared) if prepared else None


def decode(text: bytes) -> str:
    """Source bytes as coverage.py reads them: declared encoding, "\\n" line ends, a last line end."""
    text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\f", b" ")
    try:
        encoding = source_encoding(text)
        decoded = text.decode("utf-8" if encoding.lower() in _ODD_CODECS else encoding, "replace")
    except (SyntaxError, LookupError, IndexError, UnicodeError):  # a declared encoding that nobody knows
        decoded = text.decode("utf-8", "replace")
    return decoded if not decoded or decoded.endswith("\n") else decoded + "\n"


_judged: OrderedDict[tuple[bytes, str], Judged | None] = OrderedDict()


def judge(text: bytes, rules: PythonRules) -> Judged | None:
    """Statements, exclusions and functions of a source text; None when this Python cannot parse it, or it is too large.

    The answers of the last 50,000 texts are kept: replicas of a service ask the same again.
    """
    key = (hashlib.sha256(text).digest(), rules.exclude)
    if key in _judged:
        _judged.move_to_end(key)
        return _judged[key]
    if len(_judged) >= _CACHE_MOST:
        _judged.popitem(last=False)
    parser = _parse(text, rules.exclude)
    _judged[key] = _judgement(parser) if parser else None
    return _judged[key]


class _Parser(StatementParser):
    """With a bound on how long the user's patterns may look."""

    def lines_matching(self, regex: str) -> set[int]:
        what = f"the exclusions of the coverage configuration took longer than {LONGEST:g} s over one file"
        with at_most(LONGEST, ConfigError(what, hint="simplify the patterns of exclude_lines and partial_branches")):
            return super().lines_matching(regex)


@lru_cache(maxsize=1)  # whoever asks for the arms has just asked for the statements
def _parse(text: bytes, exclude: str) -> _Parser | None:
    if len(text) > MOST_TEXT or text.count(b"\n") + text.count(b"\r") > MOST_LINES:
        return None
    if sum(map(text.count, _SCOPES)) > MOST_SCOPES:
        return None
    parser = _Parser(text=decode(text), filename="<source>", exclude=exclude or None)
    with warnings.catch_warnings():  # about the user's source, not for the user of this program
        warnings.simplefilter("ignore")
        try:
            parser.parse_source()
        except (CoverageException, SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None  # not Python as this interpreter knows it; the caller has another way or says so
    return parser


def _judgement(parser: _Parser) -> Judged:
    return Judged(
        statements=array("i", sorted(parser.statements)),
        excluded=array("i", sorted(parser.excluded)),
        first={line: first for line, first in parser.multiline_map.items() if first != line},
        regions=tuple(parser.functions()),
    )


def arms(text: bytes, rules: PythonRules, ran: Iterable[tuple[int, int]]) -> list[Arm]:
    """The arms of the lines that branch, hit or not, when these (from, to) line pairs were recorded.

    As `coverage report --branch` counts: an arm into excluded code is none, the arms of a "no branch" line all count
    as taken. An arm leads to a line, or to minus the first line of the code that it leaves. Empty when this Python
    cannot parse the text.
    """
    parser = _parse(text, rules.exclude)
    possible: dict[int, set[int]] = defaultdict(set)
    try:
        for start, end in parser.arcs() if parser else ():
            possible[start].add(end)
    except RecursionError:
        parser = None
    if parser is None:
        return []
    taken = parser.translate_arcs(set(_without_loops(parser.translate_arcs(ran), possible)))
    settled = parser.lines_matching(rules.no_branch) if rules.no_branch else set()
    found: list[Arm] = []
    for start, all_ends in possible.items():
        ends = {end for end in all_ends if end not in parser.excluded}
        if start in parser.excluded or len(ends) < 2:
            continue
        found += [Arm(start, leads_to(end), int(start in settled or (start, end) in taken)) for end in ends]
    return found


def _without_loops(ran: Iterable[tuple[int, int]], possible: Mapping[int, set[int]]) -> Iterable[tuple[int, int]]:
    """A step from a statement to itself, as statements of several lines give, is its way out where it has but one."""
    for start, end in ran:
        if start != end:
            yield start, end
        elif len(possible.get(start, ())) == 1:
            yield start, next(iter(possible[start]))
