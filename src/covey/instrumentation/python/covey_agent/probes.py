"""Probes: statements put into a syntax tree that store 1 at the line that is about to run (Python 3.11 and earlier).

`NAME[12] = 1` comes before each statement. NAME is looked up among the builtins, so no module gains a global and
functions can be pickled as before. What has no place before it is marked where the interpreter itself comes by:

- a decorator's line when it is evaluated, the decorated `def` or `class` right after the last of them;
- `except X` when X is evaluated, in the order of the clauses: `except (mark, X)[1]`; a bare `except` in its body;
- a `case` when its turn comes: `case _ if mark:` before it, which never matches as the mark is None.

Docstrings stay first, imports from `__future__` too, and no line number changes. Only statements are visited, with a
list and not by recursion, so deep expressions and endless `elif` chains are no trouble.

A change of what comes out needs another `loader._SHAPE`: it is part of the cached code's key.
"""

from __future__ import annotations

import _ast as ast  # what the compiler itself has: a module `ast` may be the application's own
import _imp
import _warnings
import sys

RESET = "_covey_main"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BODIES = ("body", "orelse", "finalbody")
_QUIET = "<covey>"  # what code is called while it is compiled here, so that its warnings are told from all others


class OwnBuiltins(Exception):
    """The module gives itself builtins of its own, among which its probes would find no plane."""


def compiled(data, path: str, name: str, main: bool = False):
    """Code of the source (bytes), with probes that store into `NAME`, the highest line number they mark, and whether
    there is anything that Python warns of when it compiles this: here it is not said.

    `main`: the code first calls the builtin `RESET`. Raises OwnBuiltins, and what `compile` raises."""
    with _Quiet() as quiet:
        code, highest = _with_probes(_tree(data), path, name, main)
    return code, highest, quiet.heard


def parsed(data):
    """The tree of the source (bytes); raises what `compile` raises."""
    with _Quiet():
        return _tree(data)


def compiled_tree(tree, path: str, name: str):
    """Code and highest line number of a tree, which is changed; raises as `compiled`."""
    with _Quiet():
        return _with_probes(tree, path, name, main=False)


def _tree(data):
    return compile(data, _QUIET, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)


def _with_probes(tree, path, name, main):
    highest = _Probing(name).module(tree, main)
    code = compile(tree, _QUIET, "exec", dont_inherit=True)
    _imp._fix_co_filename(code, path)
    return code, highest


class _Quiet:
    """While it lasts, warnings about code that is called _QUIET are ignored; `heard` says whether there were any.

    For the application has been warned by its own compilation. Nothing else of its filters changes, in whatever thread,
    and what it has been shown once is not shown again, as after `warnings.catch_warnings`. It is the pattern of a
    filter, which asks it for the module."""

    pattern = _QUIET
    flags = 0

    def __init__(self):
        self.heard = False

    def match(self, module):
        if module != _QUIET:
            return None
        self.heard = True
        return self

    def __enter__(self):
        self._filters = getattr(sys.modules.get("warnings"), "filters", _warnings.filters)
        self._entry = ("ignore", None, Warning, self, 0)
        self._filters.insert(0, self._entry)
        return self

    def __exit__(self, *_error):
        try:
            self._filters.remove(self._entry)
        except ValueError:  # the application has emptied them meanwhile
            return


class _Probing:
    def __init__(self, name):
        self._name = name
        self._highest = 1
        self._waiting = []

    def module(self, tree, main):
        at = _after_docstring(tree.body)
        futures = []
        while at < len(tree.body) and _is_future(tree.body[at]):
            futures.append(tree.body[at])
            at += 1
        first, rest = tree.body[:at], tree.body[at:]
        if any(isinstance(node, ast.Assign) and _names_builtins(node.targets) for node in rest):
            raise OwnBuiltins
        tree.body = first + ([_call_reset(tree.body)] if main else []) + [self._mark(node) for node in futures]
        tree.body += self._block(rest)
        while self._waiting:
            self._inside(self._waiting.pop())
        return self._highest

    def _block(self, statements):
        marked = []
        for statement in statements:
            if isinstance(statement, _DEFINITIONS) and statement.decorator_list:
                self._decorators(statement)
            else:
                marked.append(self._mark(statement))
            marked.append(statement)
            if hasattr(statement, "body") or hasattr(statement, "cases"):
                self._waiting.append(statement)
        return marked

    def _inside(self, node):
        if isinstance(node, _DEFINITIONS):
            at = _after_docstring(node.body)
            # Without `global` a class body asks its namespace first, which may be the application's own mapping.
            own = [_at(node, ast.Global([self._name]))] if isinstance(node, ast.ClassDef) else []
            node.body = node.body[:at] + own + self._block(node.body[at:])
            return
        for field in _BODIES:
            statements = getattr(node, field, None)
            if statements:
                setattr(node, field, self._block(statements))
        for handler in getattr(node, "handlers", ()):
            self._handler(handler)
        if hasattr(node, "cases"):
            self._cases(node)

    def _handler(self, handler):
        handler.body = self._block(handler.body)
        if handler.type is None:
            handler.body.insert(0, self._mark(handler))
        else:
            handler.type = self._first(handler, handler.type)

    def _cases(self, node):
        cases = []
        for case in node.cases:
            pattern = case.pattern
            never = ast.match_case(_at(pattern, ast.MatchAs()), self._call(pattern), [_at(pattern, ast.Pass())])
            case.body = self._block(case.body)
            cases += [never, case]
        node.cases = cases

    def _decorators(self, definition):
        last = len(definition.decorator_list) - 1
        definition.decorator_list = [
            self._first(decorator, decorator, definition if number == last else None)
            for number, decorator in enumerate(definition.decorator_list)
        ]

    def _first(self, where, expression, then=None):
        """`(mark where, expression)[1]`, or with a mark of `then` as the third."""
        parts = [self._call(where), expression] + ([self._call(then)] if then is not None else [])
        return _at(where, ast.Subscript(_at(where, ast.Tuple(parts, ast.Load())), _constant(where, 1), ast.Load()))

    def _mark(self, where):
        """`NAME[line] = 1`"""
        target = ast.Subscript(self._look_up(where), _constant(where, self._line(where)), ast.Store())
        return _at(where, ast.Assign([_at(where, target)], _constant(where, 1)))

    def _call(self, where):
        """`NAME.__setitem__(line, 1)`, which is None"""
        method = _at(where, ast.Attribute(self._look_up(where), "__setitem__", ast.Load()))
        return _at(where, ast.Call(method, [_constant(where, self._line(where)), _constant(where, 1)], []))

    def _look_up(self, where):
        return _at(where, ast.Name(self._name, ast.Load()))

    def _line(self, where):
        if where.lineno > self._highest:
            self._highest = where.lineno
        return where.lineno


def _at(where, node):
    node.lineno = node.end_lineno = where.lineno
    node.col_offset = node.end_col_offset = where.col_offset
    return node


def _constant(where, number):
    return _at(where, ast.Constant(number))


def _call_reset(body):
    where = body[0] if body else _at_start()
    return _at(where, ast.Expr(_at(where, ast.Call(_at(where, ast.Name(RESET, ast.Load())), [], []))))


def _at_start():
    node = ast.Pass()
    node.lineno = 1
    node.col_offset = 0
    return node


def _after_docstring(body):
    """The index of the first statement that is not the docstring."""
    first = body[0] if body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return 1 if is_text else 0


def _names_builtins(targets):
    return any(isinstance(target, ast.Name) and target.id == "__builtins__" for target in targets)


def _is_future(node):
    return isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.level == 0
