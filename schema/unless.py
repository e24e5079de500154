"""Waiting for one thing while another may end it. No I/O."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

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
