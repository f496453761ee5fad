"""Where probes are put, and that the code with them is the code without in all but the marks."""

from __future__ import annotations

import ast
import sys
import textwrap
import traceback
import types

import agent_runs
import pytest
from hypothesis import given
from hypothesis import strategies as st

probes = agent_runs.agent_module("probes")

NAME = "_covey_test"


def run(text, **names):
    """Runs the text with probes: what it left, and the lines that were marked."""
    code, highest, _ = probes.compiled(textwrap.dedent(text).encode(), "app.py", NAME)
    marks = bytearray(highest + 1)
    space = {"__name__": "app", NAME: marks, **names}
    try:
        exec(code, space)
    except Exception as error:
        space["error"] = error
    return space, {number for number, mark in enumerate(marks) if mark}


def test_docstrings_and_future_imports_stay_first():
    space, marks = run(
        '''
        """Module."""
        from __future__ import annotations
        def f():
            """Function."""
            return 1
        class A:
            """Class."""
            x: int = f()
        '''
    )
    assert (space["__doc__"], space["f"].__doc__, space["A"].__doc__) == ("Module.", "Function.", "Class.")
    assert space["A"].__annotations__ == {"x": "int"}
    assert marks == {3, 4, 6, 7, 9}


def test_only_what_ran_is_marked():
    _, marks = run("if 1:\n    x = 1\nelse:\n    x = 2\ntry:\n    y = 1\nexcept ValueError:\n    y = 2\n")
    assert marks == {1, 2, 5, 6}


def test_handlers_are_marked_in_the_order_they_are_asked():
    text = """
        try:
            raise KeyError
        except ValueError:
            x = 1
        except (TypeError, KeyError) as found:
            x = 2
        except:
            x = 3
        """
    space, marks = run(text)
    assert space["x"] == 2
    assert marks == {2, 3, 4, 6, 7}


def test_decorators_and_what_they_decorate():
    text = """
        def fail(function):
            raise ValueError
        def keep(function):
            return function
        @keep
        @keep
        def good(): pass
        @fail
        def bad(): pass
        """
    _, marks = run(text)
    assert marks == {2, 4, 6, 7, 8, 9, 10, 3, 5}


def test_names_inside_classes_are_not_mangled():
    _, marks = run("class A:\n    __x = 1\n    def m(self):\n        return self.__x\nassert A().m() == 1\n")
    assert marks == {1, 2, 3, 4, 5}


def test_a_class_body_with_a_hostile_namespace():
    class Names(dict):
        def __missing__(self, key):
            return "made up " + key

    class Meta(type):
        @classmethod
        def __prepare__(cls, *arguments):
            return Names()

        def __new__(mcs, name, bases, names):
            return super().__new__(mcs, name, bases, {k: v for k, v in names.items() if not k.startswith("__q")})

    space, marks = run("class A(metaclass=Meta):\n    x = anything\n", Meta=Meta)
    assert space["A"].x == "made up anything"
    assert NAME not in vars(space["A"])
    assert marks == {1, 2}


def test_tracebacks_name_the_same_lines():
    text = "def f(x):\n    y = 1\n    return (\n        y\n        / x)\n\nf(\n    0)\n"
    found = []
    for code in (compile(text, "app.py", "exec"), probes.compiled(text.encode(), "app.py", NAME)[0]):
        try:
            exec(code, {NAME: bytearray(99)})
        except ZeroDivisionError as error:
            found.append([(line.name, line.lineno) for line in traceback.extract_tb(error.__traceback__)[1:]])
    assert found[0] == found[1] != []


def test_code_objects_keep_their_names_and_first_lines():
    text = "class A:\n    @property\n    def p(self):\n        return lambda: 1\n"

    def tree(code):
        inner = [tree(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
        return code.co_name, code.co_firstlineno, code.co_argcount, code.co_varnames, inner

    assert tree(probes.compiled(text.encode(), "a.py", NAME)[0]) == tree(compile(text, "a.py", "exec"))


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match is of Python 3.10")
def test_cases_are_marked_as_far_as_they_were_tried():
    text = """
        def f(x):
            match x:
                case 1:
                    return "one"
                case int() if x > 5:
                    return "large"
                case _:
                    return "other"
        """
    space, _ = run(text)
    for value, result, tried in ((1, "one", {4}), (7, "large", {4, 6}), (3, "other", {4, 6, 8})):
        marks = bytearray(99)
        space["f"].__globals__[NAME] = marks
        assert space["f"](value) == result
        assert {number for number in (4, 6, 8) if marks[number]} == tried


def test_a_very_long_elif_chain_and_deep_expression():
    chain = "if x == 0:\n    y = 0\n" + "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(1, 80))
    space, _ = run(chain, x=79)
    assert space["y"] == 79
    space, _ = run("z = " + " + ".join(["1"] * 900) + "\n")
    assert space["z"] == 900


def test_warnings_of_the_source_are_not_shown_again(recwarn):
    probes.compiled(b"x = '\\d'\nassert (1, 'always')\ny = 1 is 1\n", "app.py", NAME)
    assert len(recwarn) == 0


@pytest.mark.parametrize("text", [b"x = (\n", b"\xff\xfe", b"x = 1\0", b"def f(:\n"])
def test_what_does_not_compile_raises_what_compile_raises(text):
    with pytest.raises((SyntaxError, ValueError)):
        probes.compiled(text, "app.py", NAME)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", '"""Only a docstring."""\n'])
def test_nearly_empty_files(text):
    space, marks = run(text)
    assert "error" not in space
    assert marks == set()


SIMPLE = st.sampled_from(["x += 1", "x = x * 2 % 97", "pass", "x -= 3"])
BLOCKS = st.recursive(
    st.lists(SIMPLE, min_size=1, max_size=3),
    lambda inner: st.lists(
        st.one_of(
            SIMPLE,
            st.tuples(st.just("if x % 2:"), inner, st.just("else:"), inner),
            st.tuples(st.just("for i in range(2):"), inner),
            st.tuples(st.just("try:"), inner, st.just("except ValueError:"), inner, st.just("finally:"), inner),
            st.tuples(st.just("try:"), st.just(["raise ValueError"]), st.just("except:"), inner),
            st.tuples(st.just("with open(__file__):"), inner),
            st.tuples(st.just("def f(x):"), inner, st.just("f(x)"), st.just([])),
        ),
        min_size=1,
        max_size=4,
    ),
    max_leaves=12,
)


def _text(block, depth=0):
    lines = []
    for item in block:
        if isinstance(item, str):
            lines.append("    " * depth + item)
            continue
        for part in item:
            if isinstance(part, str):
                lines.append("    " * depth + part)
            else:
                lines.extend(_text(part, depth + 1))
    return lines


@given(BLOCKS)
def test_programs_compute_the_same_and_mark_what_a_tracer_sees(block):
    text = "x = 5\n" + "\n".join(_text(block)) + "\n"
    space, marks = run(text, __file__=__file__)
    traced = set()

    def trace(frame, event, argument):
        if frame.f_code.co_filename != "app.py":
            return None
        if event == "line":
            traced.add(frame.f_lineno)
        return trace

    plain = {"__file__": __file__}
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        exec(compile(text, "app.py", "exec"), plain)
    finally:
        sys.settrace(before)
    statements = {node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.stmt, ast.ExceptHandler))}
    assert space["x"] == plain["x"]
    assert marks == traced & statements
