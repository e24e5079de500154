"""Pings and pongs on the wire, as the library has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from api.live.keepalive import is_answer, ping_frame

four_bytes = st.binary(min_size=4, max_size=4)


def answered(data: bytes) -> bytes:
    """What a client sends for that."""
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=OPEN)
    client.receive_data(data)
    assert client.parser_exc is None
    return b"".join(client.data_to_send())


@given(four_bytes)
def test_a_client_takes_the_ping_and_its_answer_is_known(payload: bytes) -> None:
    answer = answered(ping_frame(payload))
    assert is_answer(answer, payload)
    assert not is_answer(answer, None)
    assert not is_answer(answer, bytes([payload[0] ^ 1]) + payload[1:])
    assert not is_answer(answer[:-1], payload)
    assert not is_answer(answer + b"\x8a", payload)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.PONG, b""),
        Frame(Opcode.PONG, b"abcde"),
        Frame(Opcode.PING, b"abcd"),
        Frame(Opcode.TEXT, b"abcd"),
        Frame(Opcode.TEXT, b"abcd", fin=False),
    ],
)
def test_nothing_else_is_an_answer(frame: Frame) -> None:
    assert not is_answer(frame.serialize(mask=True), b"abcd")
