"""Turns of the event loop: many who never wait leave it to everything else, and all come to their end."""

import asyncio
from itertools import pairwise

import pytest

from replication.turns import CALLS_EVERY, HELD_S, LONGEST_S, PATIENT_EVERY, Turns


class Clock:
    """Stands still."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> Turns:
    return Turns(clock)


async def loop_turns(count: int = 20) -> None:
    """So many that whatever may go on has gone on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def ended(*tasks: "asyncio.Task[None]") -> None:
    await asyncio.wait_for(asyncio.gather(*tasks), 60)


async def test_those_who_never_wait_share_turns_and_others_have_theirs_between(turns: Turns, clock: Clock) -> None:
    steps, seen = 0, []

    async def work() -> None:
        nonlocal steps
        for _ in range(10):
            await turns.share()
            clock.now += LONGEST_S * 0.4
            steps += 1

    async def others() -> None:
        while steps < 50:
            seen.append(steps)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(work())
        group.create_task(others())
    assert steps == 50
    # Three steps are the first that take as long as a turn may.
    assert max(after - before for before, after in pairwise(seen)) == 3


async def test_who_waits_anyway_has_every_turn_anew(turns: Turns, clock: Clock) -> None:
    for _ in range(5):
        sharing = asyncio.create_task(turns.share())
        await asyncio.sleep(0)
        assert sharing.done()
        clock.now += 10.0
        await asyncio.sleep(0)


async def test_of_many_who_can_go_on_at_once_each_has_a_turn_of_its_own_in_their_order(
    turns: Turns, clock: Clock
) -> None:
    order: list[int] = []
    answer = asyncio.Event()

    async def work(number: int) -> None:
        await answer.wait()
        order.append(number)
        clock.now += LONGEST_S

    tasks = [asyncio.create_task(turns.each(work(number))) for number in range(10)]
    await loop_turns()
    answer.set()
    seen = []
    while len(order) < 10:
        await asyncio.sleep(0)
        seen.append(len(order))
    assert order == list(range(10))
    assert max(after - before for before, after in pairwise(seen)) == 1
    await ended(*tasks)


async def test_work_in_turns_is_what_it_was_without(turns: Turns) -> None:
    async def answers() -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return 5

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def late() -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            return "late"
        return "never"

    assert await turns.each(answers()) == 5
    assert await turns.each(late()) == "late"
    with pytest.raises(ValueError, match="no"):
        await turns.each(fails())


@pytest.mark.parametrize("held", [False, True], ids=["amid what it waits for", "while it waits for its turn"])
async def test_who_is_cancelled_can_tidy_up_and_takes_nobodys_turn(turns: Turns, clock: Clock, held: bool) -> None:
    seen: list[str] = []
    answer = asyncio.Event()

    async def work(name: str) -> None:
        try:
            await answer.wait()
            seen.append(name)
        except asyncio.CancelledError:
            seen.append(f"{name} tidied up")
            raise

    first, second = (asyncio.create_task(turns.each(work(name))) for name in ("first", "second"))
    await loop_turns()
    if held:
        turns.hold()
        answer.set()
        await loop_turns()
    first.cancel()
    await loop_turns()
    turns.release()
    answer.set()
    await ended(second)
    assert first.cancelled()
    assert seen == ["first tidied up", "second"]


async def test_nothing_goes_on_while_a_delivery_is_on_its_way(turns: Turns) -> None:
    done: list[str] = []

    async def work() -> None:
        await turns.share()
        done.append("shared")

    turns.hold()
    turns.soon(lambda: done.append("called"))
    task = asyncio.create_task(work())
    await loop_turns()
    assert done == []
    turns.release()
    await ended(task)
    await loop_turns()
    assert sorted(done) == ["called", "shared"]


async def test_a_delivery_that_never_arrives_holds_nothing_for_long_and_the_next_not_at_once(
    turns: Turns, clock: Clock
) -> None:
    turns.hold()
    waiting = asyncio.create_task(turns.share())
    await loop_turns()
    assert not waiting.done()
    clock.now = HELD_S
    turns.hold()  # the next: as long as they were held, steps are free
    await ended(waiting)
    clock.now = 2 * HELD_S
    turns.hold()
    waiting = asyncio.create_task(turns.share())
    await loop_turns()
    assert not waiting.done()
    turns.release()
    await ended(waiting)


async def test_however_many_wait_those_who_come_begin(turns: Turns, clock: Clock) -> None:
    order: list[str] = []

    async def work() -> None:
        await turns.share()
        clock.now += LONGEST_S
        order.append("work")

    turns.hold()
    tasks = [asyncio.create_task(work()) for _ in range(3 * CALLS_EVERY)]
    await loop_turns(1)
    for _ in range(2):
        turns.soon(lambda: order.append("call"))
    turns.release()
    await ended(*tasks)
    first, second = (number for number, each in enumerate(order) if each == "call")
    assert first < CALLS_EVERY
    assert second - first == CALLS_EVERY


async def test_who_has_few_steps_goes_before_those_who_have_many_and_these_go_on(turns: Turns, clock: Clock) -> None:
    done: list[str] = []

    async def work(name: str, steps: int, *, patient: bool) -> None:
        for _ in range(steps):
            await turns.share(patient=patient)
            clock.now += LONGEST_S
            done.append(name)

    tasks = [asyncio.create_task(work("many", 20, patient=True)) for _ in range(50)]
    await loop_turns(100)
    before = len(done)
    few = [asyncio.create_task(work("few", 12, patient=False)) for _ in range(3)]
    await ended(*few)
    meanwhile = len(done) - before - 36
    assert 36 / PATIENT_EVERY / 2 < meanwhile < 36
    await ended(*tasks)
    assert len(done) == 50 * 20 + 36


async def test_a_call_that_fails_keeps_no_other_from_its_turn(turns: Turns) -> None:
    begun, errors = list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    wrong = ValueError("no handshake")

    def fail() -> None:
        raise wrong

    turns.soon(fail)
    turns.soon(lambda: begun.append(1))
    await loop_turns()
    assert begun == [1]
    assert errors == [wrong]
    turns.soon(lambda: begun.append(2))
    await loop_turns()
    assert begun == [1, 2]


async def test_work_that_is_given_up_in_a_storm_ends_at_once(turns: Turns) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    given_up = turns.each(work())
    given_up.send(None)
    turns.hold()
    # As the interpreter does at its end.
    given_up.close()
    assert ended == ["work"]
