"""What runs beside the requests: it ends with them, and not before."""

import asyncio
import signal

import structlog

from api.lifespan import _background


async def test_a_part_that_dies_stops_the_process_and_says_why() -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    try:
        with structlog.testing.capture_logs() as logs:
            async with _background(_fails), asyncio.timeout(30):
                await asked.wait()
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    (entry,) = logs
    assert entry["log_level"] == "critical"
    assert isinstance(entry["exc_info"], RuntimeError)
    assert "_fails" in entry["part"]


async def test_parts_end_with_the_block() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def part() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with _background(part):
        await begun.wait()
    assert ended.is_set()


async def _fails() -> None:
    raise RuntimeError("broken")
