"""Handshakes of WebSockets in turns of the event loop: all in order, and everything else between them."""

import asyncio

from api.http_protocol import Handshakes


async def test_a_turn_has_as_many_as_fit_into_a_millisecond() -> None:
    now, begun, seen = 0.0, list[int](), list[int]()
    handshakes = Handshakes(clock=lambda: now)

    def begin(number: int) -> None:
        nonlocal now
        now += 0.0004
        begun.append(number)

    for number in range(9):
        handshakes.add(lambda number=number: begin(number))  # type: ignore[misc]
    assert begun == []
    while len(begun) < 9:
        await asyncio.sleep(0)
        seen.append(len(begun))
    assert begun == list(range(9))
    assert [each for each in seen if each] == [3, 6, 9]


async def test_one_that_fails_keeps_no_other_from_its_turn() -> None:
    handshakes, begun, errors = Handshakes(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    wrong = ValueError("no handshake")

    def fail() -> None:
        raise wrong

    handshakes.add(fail)
    handshakes.add(lambda: begun.append(1))
    await _turns()
    assert begun == [1]
    assert errors == [wrong]
    handshakes.add(lambda: begun.append(2))
    await _turns()
    assert begun == [1, 2]


async def _turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)
