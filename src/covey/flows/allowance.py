"""How much memory all captures together may take, however many pods are asked at once."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import anyio

SMALL = 4 * 2**20  # bytes that every capture may hold
LARGE = 8  # captures at once that may hold more, up to the bound of one


class Allowance:
    """What one capture may hold, from its first byte until it is stored.

    places: shared by all; a capture that grows large waits for one, within its own deadline. Small ones never wait, so
    that no pod with much to say, or with bad intentions, keeps the others from being collected.
    """

    def __init__(self, places: anyio.Semaphore) -> None:
        self._places, self._has_place = places, False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._has_place:
            self._has_place = False
            self._places.release()

    async def grow(self, size: int) -> None:
        """Called with the size that an answer has reached."""
        if size > SMALL and not self._has_place:
            await self._places.acquire()
            self._has_place = True
