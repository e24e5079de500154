"""Waiting for one thing while another may end it. No I/O."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import Any, TypeVar

_T = TypeVar("_T")


async def unless(ending: "asyncio.Task[None]", wanted: Awaitable[_T]) -> _T:
    """What is wanted, or the error of `ending` where that ends first. `ending` may end without error meanwhile."""
    getting = asyncio.ensure_future(wanted)
    try:
        await asyncio.wait({ending, getting}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done() and not getting.done():
            ending.result()
        return await getting
    finally:
        if not getting.done():
            getting.cancel()
            await asyncio.wait({getting})


async def until(ending: "asyncio.Task[Any]", items: AsyncIterator[_T]) -> AsyncGenerator[_T, None]:
    """The items until there are no more, or `ending` ends."""
    while True:
        getting = asyncio.ensure_future(_next(items))
        try:
            await asyncio.wait({ending, getting}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                return
            try:
                item = getting.result()
            except StopAsyncIteration:
                return
        finally:
            if not getting.done():
                getting.cancel()
                await asyncio.wait({getting})
        yield item


async def _next(items: AsyncIterator[_T]) -> _T:
    return await anext(items)
