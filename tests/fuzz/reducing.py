"""Makes an input that shows something small: whole files and their names go, then ever shorter stretches of each."""

from __future__ import annotations

from collections.abc import Callable

from fuzz.cases import ONLY, Case


def reduced(case: Case, same: Callable[[Case], bool], go_on: Callable[[], bool]) -> Case:
    """The smallest found for which `same` still holds, when it holds for `case`; `go_on` says when it is enough."""
    for name, _ in case:
        fewer = tuple(file for file in case if file[0] != name)
        if fewer and go_on() and same(fewer):
            case = fewer
    alone = ((ONLY, case[0][1]),)
    if len(case) == 1 and case != alone and go_on() and same(alone):
        case = alone
    for at in range(len(case)):
        case = _with_shorter(case, at, same, go_on)
    return case


def _with_shorter(case: Case, at: int, same: Callable[[Case], bool], go_on: Callable[[], bool]) -> Case:
    def having(data: bytes) -> Case:
        return (*case[:at], (case[at][0], data), *case[at + 1 :])

    return having(_shorter(case[at][1], lambda data: same(having(data)), go_on))


def _shorter(data: bytes, same: Callable[[bytes], bool], go_on: Callable[[], bool]) -> bytes:
    length = max(1, len(data) // 2)
    while True:
        at = 0
        while at < len(data):
            candidate = data[:at] + data[at + length :]
            if not go_on():
                return data
            if same(candidate):
                data = candidate
            else:
                at += length
        if length == 1:
            return data
        length = min(length // 2, max(1, len(data) // 2))
