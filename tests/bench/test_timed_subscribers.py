"""Subscribers that time messages: each is counted once, however its bytes come."""

import time
from collections.abc import AsyncIterator

import pytest

from bench.live.ground import MeasuredServer, serving_raw
from bench.live.processes import subscribed
from bench.live.subscribers import Load
from bench.live.timings import TIMED, waited
from tests.server import free_port

_COUNT = 20


@pytest.fixture
async def server() -> AsyncIterator[MeasuredServer]:
    async with serving_raw(free_port()) as server:
        yield server


@pytest.mark.parametrize("size", [100, 700, 70_000])
@pytest.mark.parametrize("times", [1, 7])
async def test_each_message_is_timed_from_what_it_says(server: MeasuredServer, size: int, times: int) -> None:
    async with subscribed(Load(server.port, 1, _COUNT, "", {}), 2, TIMED) as clients:
        await clients.ready()
        written = time.time() - 1000
        await server.post(f"/publish?times={times}", content=f'"note":"{written:.6f}"'.ljust(size))
        found = await waited(clients, 60, times)
        assert len(found.took) == _COUNT * times
        assert all(1000 <= each / 1e6 < 1060 for each in found.took)
        assert found.size >= _COUNT * times * size
        assert found.cpu_s > 0


async def test_what_says_nothing_of_a_row_is_not_timed(server: MeasuredServer) -> None:
    async with subscribed(Load(server.port, 1, _COUNT, "", {}), 2, TIMED) as clients:
        await clients.ready()
        await server.post("/publish?times=1", content="no row".ljust(700))
        assert not (await waited(clients, 0)).took
        await server.post("/publish?times=1", content=f'"note":"{time.time():.6f}"'.ljust(700))
        assert len((await waited(clients, 60, 1)).took) == _COUNT
