"""When Python looks for cycles among all objects of the process: once a minute, among those that are new.

By itself it looks at everything, a hundred thousand connections' objects too, amid whatever just made some: a delivery
to all of 12,000 connections waited 200 ms for it. What a look has found alive is left out of the next, but for each
tenth, so that cycles which old objects leave behind go in the end.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Final

EVERY_S: Final = 60.0
_ALL_EVERY: Final = 10
_OF_THE_YOUNG: Final = (10_000, 20)
"""After how many more objects young ones are looked at. With Python's own numbers that was a fifth of what a connection
costs."""
_NEVER: Final = 1_000_000


def begin() -> None:
    """From now on cycles are looked for, all of them only by `collecting`. What is there now is seldom looked at."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_OF_THE_YOUNG, _NEVER)
    gc.enable()


async def collecting(sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Runs as long as the process. Looks only where `begin` left it to this: whoever runs the application within a
    process of their own has the collector as Python, or they, have set it.
    """
    if gc.get_threshold()[2] != _NEVER:
        await asyncio.Event().wait()
    looks = 0
    while True:
        await sleep(EVERY_S)
        looks += 1
        if not looks % _ALL_EVERY:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
