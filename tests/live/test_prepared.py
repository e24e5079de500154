"""One payload for many: every frame is what a WebSocket client reads as the message, however it was negotiated."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from api.live.prepared import SMALLEST, Prepared, encode_json, next_prefix

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def read(frame: bytes, window: int) -> object:
    """As a client does, which begins each message without what came before."""
    reader = StreamReader()
    reader.feed_data(frame)
    extensions = [PerMessageDeflate(True, True, window, 15)] if window else []
    parser = Frame.parse(reader.read_exact, mask=False, extensions=extensions)
    try:
        next(parser)
    except StopIteration as done:
        found: Frame = done.value
    else:
        raise AssertionError("not a whole frame")
    assert found.opcode is Opcode.TEXT
    assert found.fin
    assert len(reader.buffer) == 0
    return json.loads(bytes(found.data))


@given(st.text(max_size=300), JSON, st.sampled_from([0, 9, 12, 15]))
def test_every_frame_is_the_message(operation: str, value: object, window: int) -> None:
    message = Prepared(encode_json({"data": value}))
    expected = {"id": operation, "type": "next", "payload": {"data": value}}
    assert read(b"".join(message.frame(next_prefix(operation), window)), window) == expected


@pytest.mark.parametrize("size", [1, 60, 100, 125, 126, 500, SMALLEST, 60_000, 65_400, 65_536, 70_000, 3_000_000])
@pytest.mark.parametrize("window", [0, 9, 15])
def test_every_size_has_its_head(size: int, window: int) -> None:
    value = "ab☃c" * (size // 4)
    message = Prepared(encode_json(value))
    for operation in ("", "1", "x" * 200, "x" * 70):
        assert read(b"".join(message.frame(next_prefix(operation), window)), window) == {
            "id": operation,
            "type": "next",
            "payload": value,
        }


def test_what_many_get_is_compressed_once_and_to_a_fifth_where_there_are_twenty_rows() -> None:
    rows = [
        {"operation": "UPDATE", "key": {"id": n}, "row": {"id": n, "name": f"Customer {n}", "city": f"City {n % 7}"}}
        for n in range(20)
    ]
    message = Prepared(encode_json({"data": {"changes": rows}}))
    plain, small = (len(b"".join(message.frame(next_prefix("some id"), window))) for window in (0, 15))
    assert small <= plain / 5


def test_json_columns_may_hold_what_few_encoders_take() -> None:
    value = [2**70, "\ud800", float("inf") == 1]
    assert json.loads(encode_json(value)) == value
