"""A part of a bench that can't be measured says why."""

import asyncio
import sys

import pytest

from bench.live.ground import serving_command
from bench.live.unmeasured import Unmeasured, within
from tests.server import free_port


async def test_a_part_that_does_not_end_is_cut_off() -> None:
    with pytest.raises(Unmeasured, match=r"it was not over after 0\.05 s"):
        async with within(0.05):
            await asyncio.Event().wait()


async def test_a_timeout_of_the_part_itself_is_another_error() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        async with within(60):
            raise TimeoutError("its own")


async def test_a_server_that_ends_at_once_is_not_waited_for() -> None:
    with pytest.raises(Unmeasured, match="exit code 3"):
        async with serving_command(free_port(), "/", sys.executable, "-c", "raise SystemExit(3)"):
            pass
