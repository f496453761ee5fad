"""`match`: Python 3.10 and later."""
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int


class Hostile:
    @property
    def __match_args__(self):
        raise ValueError("match args")


class BadArguments(type):
    def __getattribute__(cls, name):
        if name == "__match_args__":
            raise RuntimeError("match args")
        return super().__getattribute__(name)


class Bad(metaclass=BadArguments):
    pass


def shapes(value):
    match value:
        case 0:
            return "zero"
        case 1 | 2:
            return "few"
        case [a, b]:
            return "pair"
        case [a, *rest] if len(
            rest
        ) > 3:
            return "long"
        case {"key": found, **others}:
            return found
        case Point(
            x=0,
            y=y,
        ):
            return y
        case Point(x=x) if x > 5:
            return "far"
        case str() as text:
            return text
        case _:
            return "other"


def without_default(value):
    match value:
        case "a":
            result = 1
        case "b":
            result = 2
    return value


def one_liners(value):
    match value:
        case 1: return "one"
        case 2: return "two"
        case other: return other


def raising_guard(value):
    try:
        match value:
            case 1 if 1 / 0:
                return "never"
            case 1:
                return "nor this"
    except ZeroDivisionError:
        return "guard"


def raising_arguments():
    try:
        match Bad():
            case 5:
                return "never"
            case Bad(x):
                return x
            case _:
                return "nor this"
    except RuntimeError:
        return "arguments"


def raising_pattern(value):
    try:
        match value:
            case 1:
                return "one"
            case value.missing:
                return "never"
            case _:
                return "nor this"
    except AttributeError:
        return "pattern"


def false_guards(value):
    match value:
        case int() if value > 10:
            return "large"
        case int() if value > 5:
            return "middle"
        case int() if value > 0:
            return "small"
    return "none"


def nested(value):
    for item in value:
        match item:
            case (1, x):
                match x:
                    case "a":
                        continue
                    case "b":
                        break
            case (2, _):
                pass
    else:
        return "all"
    return "broken"


def with_parentheses():
    with (
        open("/dev/null") as one,
        open("/dev/null") as two,
    ):
        one.read()
        two.read()


for value in (0, 2, [1, 2], [1, 2, 3, 4, 5], {"key": 1}, Point(0, 1), Point(9, 1), "text", 7.5, [1]):
    shapes(value)
without_default("c"), without_default("b")
one_liners(2), one_liners(3)
raising_guard(1)
raising_arguments()
raising_pattern(5)
false_guards(7), false_guards(-1)
nested([(1, "a"), (2, 0)]), nested([(1, "b")])
with_parentheses()
