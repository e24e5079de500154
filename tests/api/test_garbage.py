"""Looks for cycles: what is new goes at the next one, what is old in the end, and what lives is looked at once."""

import asyncio
import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from api import garbage


class Node:
    """Of a cycle, once it refers to itself."""

    def __init__(self) -> None:
        self.itself: Node | None = self


@pytest.fixture
def collector() -> Iterator[None]:
    """As it was, afterwards."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("collector")
async def test_cycles_go_and_what_lives_is_looked_at_once() -> None:
    garbage.begin()
    looked, go_on = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        looked.set()
        await go_on.wait()
        go_on.clear()

    async def look() -> None:
        looked.clear()
        go_on.set()
        await looked.wait()

    task = asyncio.create_task(garbage.collecting(sleep))
    await looked.wait()
    fresh, living = Node(), Node()
    seen = ref(fresh)
    before = gc.get_freeze_count()
    del fresh
    await look()
    assert seen() is None
    assert gc.get_freeze_count() > before
    assert not any(each is living for each in gc.get_objects())
    # It was frozen alive, and becomes garbage then.
    seen = ref(living)
    del living
    looks = 1
    while seen() is not None:
        await look()
        looks += 1
    assert looks == 10
    task.cancel()
    await asyncio.wait({task})


async def test_the_collector_of_another_process_is_left_as_it_is() -> None:
    async def sleep(_: float) -> None:
        raise AssertionError("it looks")

    frozen = gc.get_freeze_count()
    task = asyncio.create_task(garbage.collecting(sleep))
    await asyncio.wait({task}, timeout=0)
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert gc.get_freeze_count() == frozen
