"""A subscription's batches at most so often: what comes in between is merged. Keeps time, decides nothing else."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from schema.coalesce import Coalescer
from schema.feed import Batch


async def paced(
    batches: AsyncGenerator[Batch, None],
    coalescer: Coalescer,
    interval_s: float,
    quiet_s: float,
    clock: Callable[[], float],
) -> AsyncGenerator[Batch, None]:
    """The batches, those of the log at most one in `interval_s`; `batches` stays the caller's to close.

    Snapshots are not held up, nor is the first that says `upToDate`. A commit is not parted. Where merging leaves
    nothing for `quiet_s`, an empty batch with the newest cursor comes.
    """
    sent = clock()
    due = sent + interval_s
    up_to_date = False
    coming: asyncio.Task[Batch] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(batches))
            await asyncio.wait({coming}, timeout=max(0.0, due - clock()) if coalescer.whole else None)
            now_up_to_date = False
            if coming.done():
                batch, coming = coming.result(), None
                if batch.snapshot or batch.reset:
                    coalescer.clear()
                    up_to_date = False
                    yield batch
                    continue
                now_up_to_date = batch.up_to_date and not up_to_date
                up_to_date = batch.up_to_date
                coalescer.add(batch)
            if not (now_up_to_date or coalescer.full or (coalescer.whole and clock() >= due)):
                continue
            whole, cursor = coalescer.whole, coalescer.cursor
            merged = coalescer.take()
            if merged is None and whole and clock() - sent >= quiet_s:
                merged = Batch(cursor, up_to_date=up_to_date)
            if merged is not None:
                sent = clock()
                due = sent + interval_s
                yield merged
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})


async def _next(batches: AsyncGenerator[Batch, None]) -> Batch:
    return await anext(batches)
