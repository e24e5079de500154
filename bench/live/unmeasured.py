"""What can't be measured is said in its line, and the bench goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Unmeasured(Exception):
    """Why."""


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """A bound on a part of a bench: `Unmeasured` where it is not over by then."""
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            yield
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise Unmeasured(f"it was not over after {seconds:g} s") from error


def unmeasured_line(name: str, why: Unmeasured) -> str:
    """In place of a line of the table."""
    return f"  {name:<28}not measured: {why}"
