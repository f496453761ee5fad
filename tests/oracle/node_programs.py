"""Small programs of JavaScript, made up by a seed: the same seed gives the same program."""

from __future__ import annotations

import random

_LEAVES = (
    "note({n})",
    "note(a ? {n} : b)",
    "a = (a + {n}) % 7",
    "b = a > {n} % 5 ? 'x' : 'ü😀'",
    "a = a || {n}; b = b ?? 'none'",
    "if (a > {n} % 6) note(1)",
    "if (a === {n} % 4) return {n}",
    "const f{n} = (x = {n}) => x + a; if (a % 2) f{n}()",
    "/* c8 ignore next */ note(a)",
    "// nothing but a comment",
    "",
)
_HEAD = """process.on('unhandledRejection', () => {})
const seen = []
function note (x) { seen.push(x); if (seen.length > 1e5) throw new Error('loop') }
"""
_TAIL = """
class Box {
  constructor (a) { this.a = a }
  get value () { return this.a }
  set value (a) {
    this.a = a
  }
}

const start = Number(process.argv[2] || 0)
const box = new Box(start)
if (start % 2) box.value = 3
for (const fn of [NAMES].slice(start % 3)) {
  try {
    const got = fn(start, box.value > 2 ? 'z' : null)
    if (got && got.next) for (const one of got) note(one)
    if (got && got.catch) got.catch(note)
  } catch (error) {
    note(error)
  }
}
"""


def made(seed: int, functions: int = 8) -> str:
    """A program of functions that call each other downwards, and calls of some of them by its first argument."""
    return _Made(seed, functions).text()


class _Made:
    def __init__(self, seed: int, functions: int) -> None:
        self._dice = random.Random(seed)
        self._names = [f"fn{number}" for number in range(functions)]
        self._number = 0

    def text(self) -> str:
        lines = []
        for at, name in enumerate(self._names):
            kind = self._dice.choice(["function ", "async function ", "function * ", "function "])
            lines += ["", f"{kind}{name} (a, b) {{", *self._body(at, 1), "}"]
        return _HEAD + "\n".join(lines) + "\n" + _TAIL.replace("NAMES", ", ".join(self._names))

    def _body(self, at: int, depth: int) -> list[str]:
        found = []
        for _ in range(self._dice.randrange(1, 6 - depth)):
            self._number += 1
            found += ["  " + line for line in self._statement(at, depth, self._number)]
        return found

    def _statement(self, at: int, depth: int, n: int) -> list[str]:
        dice = self._dice
        leaf = dice.choice(_LEAVES).format(n=n)
        if depth > 3 or dice.random() < 0.3:
            return [leaf]
        inner, other = self._body(at, depth + 1), self._body(at, depth + 1)
        called = f"{dice.choice(self._names[at + 1 :])}(a, b)" if at + 1 < len(self._names) else leaf
        return dice.choice(
            [
                [called],
                [f"if (a > {n % 5}) {{", *inner, "} else {", *other, "}"],
                [f"if (b === 'x' && a !== {n % 3}) {{", *inner, "}"],
                [f"for (let i{n} = 0; i{n} < {n % 4}; i{n}++) {{", *inner, f"  if (i{n} === a) break", "}"],
                ["try {", *inner, f"  if (a > {n % 7}) throw new Error('{n}')", "} catch {", *other, "} finally {",
                 f"  note({n})", "}"],
                [f"switch (a % {n % 3 + 2}) {{", "  case 0: {", *inner, "    break", "  }", "  case 1:", "  default: {",
                 *other, "  }", "}"],
                ["[1, 2].forEach(item => {", "  if (item > a) note(item)", "  else note(-item)", "})"],
            ]
        )  # fmt: skip
