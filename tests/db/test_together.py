"""Who asks together gets one answer, and never one that was asked for before it came."""

import asyncio

import pytest

from db.together import Together


async def test_who_asks_while_a_question_is_out_shares_the_next() -> None:
    together = Together(apart_s=0)
    put: list[int] = []
    answers = [asyncio.Event() for _ in range(3)]

    async def question() -> int:
        number = len(put)
        put.append(number)
        await answers[number].wait()
        return number

    async def settle() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    first = [asyncio.create_task(together.ask("key", question)) for _ in range(3)]
    await settle()
    assert put == [0]
    second = [asyncio.create_task(together.ask("key", question)) for _ in range(3)]
    other = asyncio.create_task(together.ask("other", lambda: asyncio.sleep(0, "other")))
    assert await other == "other"
    assert put == [0]
    answers[0].set()
    assert await asyncio.gather(*first) == [0, 0, 0]
    await settle()
    assert put == [0, 1]
    second[0].cancel()
    answers[1].set()
    assert await asyncio.gather(*second[1:]) == [1, 1]
    answers[2].set()
    assert await together.ask("key", question) == 2


async def test_who_asks_right_after_an_answer_shares_the_next_with_all_who_ask_until_then() -> None:
    together, put = Together(apart_s=0.1), list[int]()

    async def question() -> int:
        put.append(len(put))
        return put[-1]

    assert await together.ask("key", question) == 0
    asking = []
    for _ in range(5):
        asking.append(asyncio.create_task(together.ask("key", question)))
        await asyncio.sleep(0)
    assert put == [0]
    assert await asyncio.gather(*asking) == [1] * 5
    assert put == [0, 1]


async def test_all_hear_of_a_failure_and_the_next_asks_again() -> None:
    together = Together()

    async def fails() -> int:
        raise ValueError("no")

    found = await asyncio.gather(*(together.ask("key", fails) for _ in range(3)), return_exceptions=True)
    assert [str(each) for each in found] == ["no", "no", "no"]
    with pytest.raises(ValueError, match="no"):
        await together.ask("key", fails)
    assert await together.ask("key", lambda: asyncio.sleep(0, 1)) == 1
