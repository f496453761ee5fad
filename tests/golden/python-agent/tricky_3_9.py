"""Syntax in which a statement's line is easily missed or invented. Python 3.9 and later.

The docstring has several
lines."""

# A comment before the imports.
from __future__ import annotations
from __future__ import (
    generator_stop,
)

import asyncio
import contextlib
import functools; import os
from typing import (
    TYPE_CHECKING,
    Any,
)

if TYPE_CHECKING:
    from collections import abc
else:
    abc = None

TEXT = """several
lines""" + \
    "continued"

ONE = 1; TWO = 2


def plain(a, b=(
        1,
        2,
), *c, d: Any = None,
        **e):
    """A docstring."""

    x = [
        a,
        b,
    ]
    return (
        x,
        c,
    )


def only_docstring():
    """Nothing else."""


def only_ellipsis(): ...


def one_line(x): return x + 1


def decorate(function):
    return function


def decorate_with(*arguments):
    def inner(function):
        return function
    return inner


@decorate
def once():
    return 1


@decorate
@decorate_with(
    1,
    2,
)
@functools.lru_cache(
    maxsize=None
)
def thrice(
    x=decorate(
        3
    ),
):
    return x


def failing_decorator():
    def fail(function):
        raise ValueError("decorator")

    try:
        @fail
        def never():
            return 1
    except ValueError as error:
        return str(error)


def failing_decorator_expression():
    try:
        @decorate
        @missing  # noqa: F821
        @decorate
        def never():
            return 1
    except NameError:
        return "no name"


def failing_default():
    try:
        @decorate
        def never(x=1 / 0):
            return x
    except ZeroDivisionError:
        return "default"


@ \
decorate
def continued_decorator():
    return 1


@decorate

# a comment between
def spaced_decorator():
    return 1


@decorate
class Decorated(
    object,
):
    """Docstring."""

    one: int = 1
    two: str
    __private = 3

    def __init__(self):
        self.__value = self.__private

    @property
    def value(self):
        return self.__value

    @staticmethod
    def static(): return 5

    class Inner:
        """Only a docstring."""

    class Empty:
        pass

    @decorate
    class InnerDecorated:
        z = 1

        def method(self):
            return self.z


def ladder(x):
    if x == 0:
        return "zero"
    elif x == 1:
        return "one"
    elif (x ==
          2):
        return "two"
    else:
        if x > 5:
            return "many"
    return "rest"


def loops(n):
    total = 0
    for i in range(n):
        if i == 1:
            continue
        if i == 5:
            break
        total += i
    else:
        total = -1
    while total > 3:
        total -= 1
        if total == 4:
            pass
        else:
            continue
    else:
        total += 100
    while True:
        total += 1
        if total > 110:
            break
    while 1:
        break
    for _ in ():
        total = None
    return total


def handlers(kind):
    try:
        if kind == 0:
            raise ValueError
        if kind == 1:
            raise KeyError(1)
        if kind == 2:
            raise OSError
        if kind == 3:
            return "returned"
    except ValueError:
        return "value"
    except (KeyError,
            IndexError) as error:
        result = type(error).__name__
    except OSError:
        try:
            raise
        except:  # noqa: E722
            result = "bare"
    else:
        result = "else"
    finally:
        last = 1
        last += 1
    return result


def handler_expression_fails():
    try:
        try:
            raise ValueError
        except missing:  # noqa: F821
            return 1
        except ValueError:
            return 2
    except NameError:
        return 3


def finally_only():
    for i in range(3):
        try:
            if i == 0:
                continue
            if i == 2:
                return i
        finally:
            i += 1


def contexts():
    with contextlib.suppress(ValueError):
        raise ValueError
    with contextlib.suppress(KeyError), \
            contextlib.suppress(
                ValueError):
        {}[1]
    with open(os.devnull) as one, open(os.devnull) as two:
        one.read(); two.read()
    with contextlib.suppress(KeyError):
        return 4


def expressions(x):
    f = lambda y: (
        y + 1
    )
    g = lambda: 1 / 0
    numbers = [
        i
        for i in range(3)
        if i
        if f(i)
    ]
    table = {
        key: value
        for key, value in zip("ab", numbers)
    }
    either = (
        f(1)
        if x
        else f(2)
    )
    chain = (
        x
        and f(
            1
        )
        or f(2)
    )
    text = f"{f(1)}" \
        f"{f(2)}"
    if (n := len(numbers)) > 1 and (
            m := n):
        n = m
    "a string statement"
    12
    ...
    try:
        failing = [
            1,
            g(),
        ]
    except ZeroDivisionError: failing = None
    return numbers, table, either, chain, text, failing


def generator(n):
    for i in range(n):
        received = yield i
        if received:
            yield received
    yield from (
        j
        for j in range(2)
    )
    return "done"


def scopes():
    count = 0

    def inner():
        nonlocal count
        global COUNTED
        count += 1
        COUNTED = count
        other: int = count
        unset: int
        return count
    return inner()


def asserts(x):
    assert x, \
        "message"
    assert (
        x
    )
    try:
        assert not x, "no"
    except AssertionError:
        return 1


def after_return():
    return 1
    unreachable = 2


def constant_tests():
    if 0:
        x = 1
    if 1:
        x = 2
    else:
        x = 3
    if __debug__:
        x = 4
    if not __debug__:
        x = 5
    while 0:
        x = 6
    return x


async def asynchronous():
    async def one():
        await asyncio.sleep(0)
        return 1

    class Context:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *exception):
            return True

    async def numbers():
        for i in range(2):
            yield i

    total = await one()
    async with Context() as first, \
            Context():
        total += 1
        raise ValueError
    async for i in numbers():
        if i:
            continue
        total += i
    else:
        total += 10
    collected = [i async for i in numbers()]
    try:
        await asyncio.wait_for(one(), 1)
    finally:
        total += len(collected)
    return total


class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases):
        class Names(dict):
            def __missing__(self, key):
                if key.startswith("__"):
                    raise KeyError(key)
                return "found " + key
        return Names()

    def __new__(mcs, name, bases, names):
        return super().__new__(mcs, name, bases, dict(names))


class Peculiar(metaclass=Meta):
    """Names that are not there are found."""
    taken = anything  # noqa: F821


def everything():
    plain(1), only_docstring(), only_ellipsis(), one_line(1), once(), thrice(), continued_decorator(), spaced_decorator()
    failing_decorator()
    failing_decorator_expression()
    failing_default()
    item = Decorated()
    item.value, item.static(), Decorated.InnerDecorated().method()
    for number in (0, 2, 3):
        ladder(number)
    loops(3), loops(8)
    for kind in range(5):
        handlers(kind)
    handler_expression_fails()
    finally_only()
    contexts()
    expressions(0)
    list(generator(2))
    scopes()
    asserts(1)
    after_return()
    constant_tests()
    asyncio.run(asynchronous())


everything()
