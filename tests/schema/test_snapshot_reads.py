"""One read for all who ask before it begins; slow ones keep nobody waiting, and nothing is read for nobody."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from db.cursor import Cursor
from db.errors import Unavailable
from db.position import Position
from schema.feed import Batch
from schema.snapshot_reads import Chunks, LeftBehind, SnapshotReads

DEADLINE_S = 60.0


class Rows:
    """Snapshots of five chunks, told apart by their epochs; the first waits until it may begin to send."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.may_send = asyncio.Event()
        self.error: Exception | None = None

    async def chunks(self) -> AsyncGenerator[Batch, None]:
        self.begun += 1
        epoch = self.begun
        try:
            for index in range(1, 6):
                await self.may_send.wait()
                if self.error is not None:
                    raise self.error
                yield Batch(Cursor(Position(epoch, 1, index)), snapshot=True, last=index == 5)
        finally:
            self.ended += 1


async def taken(reads: SnapshotReads, chunks: Chunks, key: object = 1, *, aside: bool = False) -> list[Batch]:
    async with asyncio.timeout(DEADLINE_S), aclosing(reads.read(key, chunks, aside=aside)) as batches:
        return [batch async for batch in batches]


async def to_the_end(batches: AsyncGenerator[Batch, None]) -> None:
    async for _ in batches:
        pass


def places(batches: list[Batch]) -> list[tuple[int, int]]:
    return [(batch.cursor.position.epoch, batch.cursor.position.index) for batch in batches]


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_asks_before_it_begins_shares_it_and_who_asks_later_does_not() -> None:
    rows, other = Rows(), Rows()
    reads = SnapshotReads(at_once=1)
    # Another one is under way, so that the first of these has to wait.
    before = asyncio.create_task(taken(reads, other.chunks, key="other"))
    await turns()
    early = [asyncio.create_task(taken(reads, rows.chunks)) for _ in range(50)]
    await turns()
    assert (other.begun, rows.begun) == (1, 0)
    other.may_send.set()
    await before
    await turns()
    assert rows.begun == 1
    late = [asyncio.create_task(taken(reads, rows.chunks)) for _ in range(50)]
    await turns()
    rows.may_send.set()
    found = await asyncio.gather(*early)
    assert all(places(batches) == [(1, index) for index in range(1, 6)] for batches in found)
    # The same objects, so that what is made of one is made once.
    assert all(mine is first for batches in found for mine, first in zip(batches, found[0], strict=True))
    assert [places(batches)[0] for batches in await asyncio.gather(*late)] == [(2, 1)] * 50
    assert (rows.begun, rows.ended, reads.begun) == (2, 2, 3)


async def test_who_asks_something_else_gets_something_else() -> None:
    rows = Rows()
    rows.may_send.set()
    reads = SnapshotReads()
    await asyncio.gather(taken(reads, rows.chunks, 1), taken(reads, rows.chunks, 2))
    assert rows.begun == 2


async def test_a_slow_one_is_left_behind_and_the_others_have_it_all() -> None:
    rows = Rows()
    rows.may_send.set()
    reads = SnapshotReads(patience_s=0.01)
    async with aclosing(reads.read(1, rows.chunks)) as slow:
        first = asyncio.create_task(anext(slow))
        fast = asyncio.create_task(taken(reads, rows.chunks))
        assert places([await first]) == [(1, 1)]
        assert places(await fast) == [(1, index) for index in range(1, 6)]
        with pytest.raises(LeftBehind):
            await to_the_end(slow)
    assert (rows.begun, rows.ended) == (1, 1)


async def test_one_alone_is_waited_for_but_not_for_ever() -> None:
    rows = Rows()
    rows.may_send.set()
    reads = SnapshotReads(at_once=1, aside=1, stall_s=0.05, patience_s=0.01)
    async with aclosing(reads.read(1, rows.chunks)) as stalled:
        await anext(stalled)
        # Its place is free for others once it is waited for aside, and that one once it was given up.
        await taken(reads, rows.chunks, key=2)
        await taken(reads, rows.chunks, key=3, aside=True)
        with pytest.raises(Unavailable, match="not read in time"):
            await to_the_end(stalled)
    assert rows.ended == 3


async def test_those_that_stand_still_keep_nobody_waiting_but_each_other() -> None:
    rows = Rows()
    rows.may_send.set()
    reads = SnapshotReads(at_once=1, aside=1, stall_s=DEADLINE_S, patience_s=0.01)
    async with aclosing(reads.read(1, rows.chunks)) as one, aclosing(reads.read(2, rows.chunks)) as other:
        await anext(one)
        # It has to wait for the place of the first, which goes on aside.
        await anext(other)
        await taken(reads, rows.chunks, key=3)
        # There is room for one.
        with pytest.raises(LeftBehind):
            await to_the_end(other)
        again = asyncio.create_task(taken(reads, rows.chunks, key=4, aside=True))
        await taken(reads, rows.chunks, key=5)
        assert not again.done()
        await to_the_end(one)
        assert len(await again) == 5
    assert (rows.begun, rows.ended) == (5, 5)


async def test_an_error_is_everybody_s_and_the_next_reads_anew() -> None:
    rows = Rows()
    rows.error = Unavailable("away")
    rows.may_send.set()
    reads = SnapshotReads()
    both = await asyncio.gather(taken(reads, rows.chunks), taken(reads, rows.chunks), return_exceptions=True)
    assert [type(error) for error in both] == [Unavailable] * 2
    rows.error = None
    assert len(await taken(reads, rows.chunks)) == 5


async def test_nothing_is_read_for_nobody() -> None:
    rows = Rows()
    reads = SnapshotReads()
    asking = [asyncio.create_task(taken(reads, rows.chunks)) for _ in range(3)]
    await turns()
    assert (rows.begun, rows.ended) == (1, 0)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    assert rows.ended == 1
