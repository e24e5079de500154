"""Many hooks, few wakes: the first at once, the rest together, none acknowledged before it is covered."""

import asyncio

import pytest
import structlog

from api.hook_debounce import WINDOW_S, Debounce
from api.hook_refusals import EVERY_S, RefusalLog


class Time:
    """A clock that a sleeper turns on; `gate` holds the sleepers."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.gate.wait()
        self.now += seconds


class Wakes:
    """What the debounce calls."""

    def __init__(self) -> None:
        self.ages: list[float] = []

    async def __call__(self, age_s: float) -> None:
        self.ages.append(age_s)


async def yielded() -> None:
    """Everything that can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_first_is_acted_on_at_once_and_a_storm_once_more() -> None:
    time, wakes = Time(), Wakes()
    debounce = Debounce(clock=time, sleep=time.sleep)
    await debounce("a", wakes)
    assert (wakes.ages, time.slept) == ([0.0], [])
    time.gate.clear()
    time.now += 0.1
    storm = [asyncio.create_task(debounce("a", wakes)) for _ in range(1000)]
    await yielded()
    assert not any(one.done() for one in storm)
    time.gate.set()
    await asyncio.gather(*storm)
    assert len(wakes.ages) == 2
    assert time.slept == [pytest.approx(WINDOW_S - 0.1)]
    # How long ago the last of them came is what the second one is told.
    assert wakes.ages[1] == pytest.approx(WINDOW_S - 0.1)


async def test_after_a_pause_it_is_at_once_again_and_keys_are_apart() -> None:
    time, wakes = Time(), Wakes()
    debounce = Debounce(clock=time, sleep=time.sleep)
    for key in "ab":
        await debounce(key, wakes)
    time.now += WINDOW_S
    await debounce("a", wakes)
    assert (len(wakes.ages), time.slept) == (3, [])


async def test_who_comes_while_one_acts_is_covered_by_the_next() -> None:
    time = Time()
    debounce = Debounce(clock=time, sleep=time.sleep)
    acting, go_on = asyncio.Event(), asyncio.Event()
    done: list[str] = []

    async def slow(_: float) -> None:
        acting.set()
        await go_on.wait()
        done.append("slow")

    async def quick(_: float) -> None:
        done.append("quick")

    first = asyncio.create_task(debounce("a", slow))
    await acting.wait()
    await debounce("a", quick)
    assert done == ["quick"]
    go_on.set()
    await first


async def test_a_caller_who_goes_away_takes_nothing_with_him_and_a_failure_is_everybodys() -> None:
    time, wakes = Time(), Wakes()
    debounce = Debounce(clock=time, sleep=time.sleep)
    await debounce("a", wakes)
    time.gate.clear()

    async def fails(_: float) -> None:
        raise ConnectionError

    leaving = asyncio.create_task(debounce("a", fails))
    staying = asyncio.create_task(debounce("a", wakes))
    await yielded()
    leaving.cancel()
    time.gate.set()
    with pytest.raises(ConnectionError):
        await staying
    time.now += WINDOW_S
    await debounce("a", wakes)
    assert len(wakes.ages) == 2


def test_a_flood_of_wrong_hooks_is_a_line_now_and_then() -> None:
    now = 0.0
    refusals = RefusalLog(clock=lambda: now)
    with structlog.testing.capture_logs() as lines:
        for _ in range(500):
            refusals.say("x" * 5000, "wrong")
        now = EVERY_S
        refusals.say("y", "wrong")
    assert [(len(line["hook"]), line["more_since_the_last"]) for line in lines] == [(100, 0), (1, 499)]
