"""All captures together take bounded memory, and small ones never wait for large ones."""

from __future__ import annotations

import anyio
import pytest

from covey.flows.allowance import SMALL, Allowance


def test_only_so_many_are_large_at_once_and_small_ones_do_not_wait():
    now, most, done = 0, 0, []

    async def capture(places, size):
        nonlocal now, most
        async with Allowance(places) as allowance:
            for part in range(1, 5):
                await allowance.grow(size * part // 4)
            if size > SMALL:
                now, most = now + 1, max(most, now + 1)
                await anyio.sleep(0.01)
                now -= 1
        done.append(size)

    async def work():
        places = anyio.Semaphore(2)
        async with anyio.create_task_group() as group:
            for size in [SMALL * 2] * 6 + [SMALL] * 3:
                group.start_soon(capture, places, size)

    anyio.run(work)
    assert (most, len(done)) == (2, 9)
    assert done[:3] == [SMALL] * 3


def test_a_place_is_given_back_also_when_the_capture_fails_or_is_given_up():
    async def fail(places):
        async with Allowance(places) as allowance:
            await allowance.grow(SMALL + 1)
            raise ValueError("broken")

    async def work():
        places = anyio.Semaphore(1)
        with pytest.raises(ValueError, match="broken"):
            await fail(places)
        async with Allowance(places) as holder:
            await holder.grow(SMALL + 1)
            with anyio.move_on_after(0.01):
                async with Allowance(places) as waiting:
                    await waiting.grow(SMALL + 1)
        assert places.value == 1

    anyio.run(work)
