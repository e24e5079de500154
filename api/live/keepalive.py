"""A ping and the pong that answers it, as they are on the wire: of a hundred thousand connections on which little else
happens they are most of the cost, so they don't go through the parser. Pure.
"""

from typing import Final

_PING: Final = b"\x89\x04"
_PONG: Final = b"\x8a\x84"


def ping_frame(payload: bytes) -> bytes:
    """A server's ping with a payload of four bytes."""
    return _PING + payload


def is_answer(data: bytes, payload: bytes | None) -> bool:
    """Whether the data is a client's pong with the payload of the ping that waits for it, and nothing else.

    The payload was drawn at random, so 48 bits have to be right: it is no part of another frame.
    """
    if payload is None or len(data) != len(_PONG) + 8 or not data.startswith(_PONG):
        return False
    return int.from_bytes(data[2:6]) ^ int.from_bytes(data[6:]) == int.from_bytes(payload)
