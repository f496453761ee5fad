"""coverage.py's parser without its tokenizer, which is most of what judging a source costs.

It tells where logical lines begin and end, how deep they are indented and where colons stand outside of brackets: one
regular expression finds these in a text that Python has parsed already. The rules are coverage.py's, and the answers
are held against its own in tests/oracle/test_coverage_statements.py.
"""

from __future__ import annotations

import ast
import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType

from coverage import version_info
from coverage.parser import PythonParser

HELD = (7, 17)  # the version of coverage.py with these rules; under another one its own parser judges
_TAB = 8  # columns
_QUOTED = r""""(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+'"""
_STRING = rf'''"""(?:[^"\\]++|\\.|"(?!""))*+"""|\'\'\'(?:[^'\\]++|\\.|'(?!\'\'))*+\'\'\'|{_QUOTED}'''
# Since 3.12 a field of an f-string may hold quotes of its own kind, so the next quote need not be the string's end:
# there such a string is found with its prefix, or its prefix alone where no quote follows in time.
_PREFIX = r"(?<!\w)(?:[fFtT][rR]?|[rR][fFtT])"
_TOKEN = _STRING if sys.version_info < (3, 12) else rf"{_PREFIX}(?:{_STRING}|(?=[\"']))|{_STRING}"
_PIECE = re.compile(rf"#[^\n]*|{_TOKEN}|\\\n|[][(){{}}\n]", re.S)
_PIECE_OR_COLON = re.compile(rf"#[^\n]*|{_TOKEN}|\\\n|[][(){{}}:\n]", re.S)
_LONE_BACKSLASH = re.compile(r"^[ \t]*\\$", re.M)  # in front of a statement, which then begins a line further down
_BRACE = re.compile(r"\{\{|\}\}|[{}]")
_IN_FIELD = re.compile(rf"{_QUOTED}|[{{}}#\"']", re.S)
# What holds statements, and where: nothing else is looked into.
_HOLDS = {
    ast.Module: ("body",),
    ast.ClassDef: ("body",),
    ast.FunctionDef: ("body",),
    ast.AsyncFunctionDef: ("body",),
    ast.If: ("body", "orelse"),
    ast.For: ("body", "orelse"),
    ast.AsyncFor: ("body", "orelse"),
    ast.While: ("body", "orelse"),
    ast.With: ("body",),
    ast.AsyncWith: ("body",),
    ast.Try: ("body", "handlers", "orelse", "finalbody"),
    ast.TryStar: ("body", "handlers", "orelse", "finalbody"),
    ast.ExceptHandler: ("body",),
    ast.Match: ("cases",),
    ast.match_case: ("body",),
}


@dataclass(frozen=True, slots=True)
class Region:
    """A function: its name with its classes, first and last line, and the bit set of lines that are its own."""

    name: str
    first: int
    last: int
    lines: int


@dataclass(frozen=True, slots=True)
class _Logical:
    """First and last line of a statement, or of the head of a compound one; lines of its colons outside of brackets."""

    first: int
    last: int
    colons: tuple[int, ...]


class StatementParser(PythonParser):
    """coverage.py's, quicker. From what it sets the inherited rest makes the arms."""

    def parse_source(self) -> None:
        """Raises SyntaxError and whatever else Python raises for a text that it cannot compile."""
        if version_info[:2] != HELD:
            super().parse_source()
            return
        tree = ast.parse(self.text)
        matched = self.lines_matching(self.exclude) if self.exclude else set()
        logical = _logical_lines(self.text, every=bool(matched))
        if logical is None:
            super().parse_source()
            return
        self._ast_root = tree
        first = {line: one.first for one in logical if one.last > one.first for line in range(one.first, one.last + 1)}
        self.multiline_map = first
        if tree.body:
            self.raw_statements = _lines_of(compile(self.text, self.filename, "exec", dont_inherit=True))
        for node in _walk(tree):
            self.raw_docstrings.update(_docstring(node))
        if matched:
            matched |= _clauses(matched, logical, self.text.split("\n"))
            self.excluded = {first.get(line, line) for line in matched}
            for node in _walk(tree):
                self.excluded.update(self._carried(node))
        ignored = self.excluded | self.raw_docstrings
        self.statements = {first.get(line, line) for line in self.raw_statements - ignored} - ignored

    def _carried(self, node: ast.AST) -> Sequence[int]:
        """The lines that are excluded because others are: a scope whose decorators or signature are, and a `case` that
        always matches where all of its body is."""
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min((decorator.lineno for decorator in node.decorator_list), default=node.lineno)
            if not self.excluded.isdisjoint(range(first, node.lineno + 1)):
                return range(first, _end(node) + 1)
        elif isinstance(node, ast.match_case) and _always_matches(node):
            body = self.raw_statements.intersection(range(node.body[0].lineno, _end(node.body[-1]) + 1))
            if body and body <= self.excluded:
                return range(node.pattern.lineno, node.pattern.end_lineno + 1)
        return ()

    def functions(self) -> list[Region]:
        """All functions, ordered by where they are. A function's lines are those of its body without the bodies of
        functions in it."""
        if self._ast_root is None:
            self._ast_root = ast.parse(self.text)
        names: list[str] = []
        starts: list[int] = []
        lines: list[int] = []
        todo: list[tuple[ast.AST, str, int]] = [(self._ast_root, "", -1)]
        while todo:
            node, prefix, owner = todo.pop()
            if isinstance(node, ast.ClassDef):
                prefix += f"{node.name}."
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own = (1 << (_end(node.body[-1]) + 1)) - (1 << node.body[0].lineno)
                if owner >= 0:
                    lines[owner] &= ~own
                owner = len(names)
                names.append(prefix + node.name)
                starts.append(node.lineno)
                lines.append(own)
                prefix = f"{names[-1]}."
            todo += [(inner, prefix, owner) for inner in _inner(node)]
        found = [
            Region(name, first, max(first, own.bit_length() - 1), own)
            for name, first, own in zip(names, starts, lines, strict=True)
            if own
        ]
        return sorted(found, key=lambda region: (region.first, region.last, region.name))


def _inner(node: ast.AST) -> list[ast.AST]:
    """The compound statements right inside of one, and their parts."""
    return [inner for field in _HOLDS.get(type(node), ()) for inner in getattr(node, field) if type(inner) in _HOLDS]


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Compound statements and their parts, each before what is in it."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo += _inner(node)


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _docstring(node: ast.AST) -> Sequence[int]:
    """The lines of a scope's docstring."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            return range(first.lineno, _end(first) + 1)
    return ()


def _always_matches(case: ast.match_case) -> bool:
    """`case _:` and what comes to the same: the last of its alternatives is a bare name, and there is no guard."""
    pattern = case.pattern
    while isinstance(pattern, ast.MatchOr | ast.MatchAs):
        if isinstance(pattern, ast.MatchOr):
            pattern = pattern.patterns[-1]
        elif pattern.pattern is None:
            return case.guard is None
        else:
            pattern = pattern.pattern
    return False


def _lines_of(code: CodeType) -> set[int]:
    """The lines in the line tables of code objects; annotations that are computed only when asked for are left out."""
    found: set[int | None] = set()
    todo = [code]
    while todo:
        code = todo.pop()
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        if code.co_name != "__annotate__":
            found.update([line for _, _, line in code.co_lines()])
    return {line for line in found if line}


def _logical_lines(text: str, every: bool) -> list[_Logical] | None:
    """The logical lines of a text that Python has parsed; unless `every`, only those of several lines, without colons.
    None where only Python's own tokenizer can tell."""
    if _LONE_BACKSLASH.search(text):
        return None
    found: list[_Logical] = []
    colons: list[int] = []
    first = line = 1
    depth = 0
    for piece in (_PIECE_OR_COLON if every else _PIECE).findall(text):
        if piece == "\n":
            line += 1
            if not depth:
                if every or line - first > 1:
                    found.append(_Logical(first, line - 1, tuple(colons)))
                    colons.clear()
                first = line
        elif piece in "([{":
            depth += 1
        elif piece in ")]}":
            depth -= 1
        elif piece == ":":
            if not depth:
                colons.append(line)
        elif piece[0] != "#":
            line += piece.count("\n")
            if piece[0].isalpha() and not _is_whole(piece):
                return None
    return None if depth else found


def _is_whole(string: str) -> bool:
    """Whether an f-string or t-string ends where its own quotes come next: not inside of a field."""
    text = string.lstrip("fFtTrR")
    width = 3 if text[:3] in ('"""', "'''") else 1
    if len(text) < 2 * width:
        return False  # a field goes over several lines
    body = text[width:-width]
    last_line = body.rfind("\n") + 1
    at = depth = 0
    while found := (_IN_FIELD if depth else _BRACE).search(body, at):
        at = found.end()
        piece = found[0]
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
            if depth < 0:
                return False
        elif piece in ('"', "'") or (piece == "#" and at < last_line):
            return False
    return depth == 0


def _clauses(matched: set[int], logical: Sequence[_Logical], text: Sequence[str]) -> set[int]:
    """The lines of clauses whose heads are matched, up to where the indentation of the head returns."""
    found: set[int] = set()
    ordered = sorted(matched)
    indents = [0]
    outside: int | None = None  # the indentation of the head
    for one in logical:
        physical = text[one.first - 1]
        inner = physical.lstrip(" \t")
        if not inner or inner[0] == "#":
            continue
        column = len(physical[: len(physical) - len(inner)].expandtabs(_TAB))
        while column < indents[-1]:
            indents.pop()
        if column > indents[-1]:
            indents.append(column)
        if outside is not None and len(indents) <= outside:
            outside = None
        if outside is not None:
            found.add(one.first)
            continue
        at = bisect_left(ordered, one.first)
        behind = bisect_left(one.colons, ordered[at]) if at < len(ordered) else len(one.colons)
        if behind < len(one.colons):
            found.add(one.colons[behind])
            outside = len(indents)
    return found
