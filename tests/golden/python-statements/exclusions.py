"""Texts in which it matters where a logical line begins and ends, and what is excluded with what."""
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    def only_for_types(): ...

else:  # pragma: no cover
    PathLike = object

table = {
    "a": 1,
    # a comment with ( an open bracket and a quote "
    "b": (
        2,
    ),
}; after = 1

handler = lambda value: (  # pragma: no cover
    value
)
inside = [
    lambda x: x,  # pragma: no cover
    2,
]


@staticmethod
@property  # pragma: no cover
def decorated(
    a,
    b=":",
):
    """Text
    over lines."""
    return a


class Whole:  # pragma: no cover

    def method(self):
        def inner():
            return 1
        return inner

    class Inner:
        x = 1
# at column 0, which ends nothing
        y = 2


class Part:
    def one(self): return 1  # pragma: no cover
    def two(self): return 2; return 3
    def three(
        self,
    ): return (
        3
    )
    def four(self):
        pass
    def five(self):
        """Nothing but words."""
    def six(self):
        def seven():
            return 7
    def stub(self): ...
    def stub_too(
        self,
    ) -> None: ...


def walk(value):
    match value:
        case [1, *_]:
            return 1
        case {"k": v} if v:  # pragma: no cover
            return 2
        case str() | _:
            raise ValueError  # pragma: no cover


def match_all(value):
    match value:
        case 1:
            return 1
        case _ as other:
            return None  # pragma: no cover


if sys.version_info \
        > (3, 0) \
        :
    text = "it's" 'a "text"' """ with ''' and \
    \""" in it"""
elif (
    False
):  # pragma: no cover
    text = ""
    for _ in text:
        try:
            pass
        except* ValueError:
            pass
        finally:
            text = 1
else  : text = 0
try:
	tabs = 1
	if tabs:
	        mixed = 2
except ValueError: # pragma: no cover
	raise
x: int = 1  # pragma: no cover
y = 2
f"{table['a']:>{after}} {{ }}"[0]
rb'\''; br"\"#"; u'#'
async def coroutine():
    async with a as b, \
            c:
        await b
    async for d in e: pass
    return [f async for f in g if (f
        or d)]
