"""The decoder on bytes made by hand from the protocol's description, and what it refuses."""

import struct

import pytest

from replication.decoder import ProtocolError, decode, decode_frame, encode_status
from replication.messages import (
    Begin,
    Commit,
    Keepalive,
    Message,
    Origin,
    PgOutput,
    Relation,
    RelationColumn,
    Truncate,
    Type,
)
from replication.publication_watch import PublicationWatch, Sight
from tests.replication.pgoutput import MICROS, MOMENT

OID = struct.pack("!I", 4_000_000_000)

MESSAGES: list[tuple[bytes, PgOutput]] = [
    (b"B" + struct.pack("!qqI", 5, MICROS, 4_294_967_295), Begin(5, MOMENT, 4_294_967_295)),
    (b"C\0" + struct.pack("!qqq", 5, 6, MICROS), Commit(5, 6, MOMENT)),
    (b"O" + struct.pack("!q", 5) + b"other\0", Origin(5, "other")),
    (
        b"R"
        + OID
        + b"public\0t\0f\0\2"
        + b"\1id\0"
        + struct.pack("!Ii", 23, -1)
        + b"\0n\0"
        + struct.pack("!Ii", 25, -1),
        Relation(4_000_000_000, "public", "t", "f", (RelationColumn("id", 23, True), RelationColumn("n", 25, False))),
    ),
    (b"R" + OID + b"\0t\0d\0\0", Relation(4_000_000_000, "pg_catalog", "t", "d", ())),
    (b"Y" + OID + b"\0mood\0", Type(4_000_000_000, "pg_catalog", "mood")),
    (b"T" + struct.pack("!ib", 2, 1) + OID + struct.pack("!I", 7), Truncate((4_000_000_000, 7))),
    (b"M\1" + struct.pack("!q", 9) + b"p\0\0\0\0\2hi", Message(True, 9, "p", b"hi")),
    (b"M\0" + struct.pack("!q", 9) + b"p\0\0\0\0\0", Message(False, 9, "p", b"")),
]


@pytest.mark.parametrize(("data", "message"), MESSAGES)
def test_messages(data: bytes, message: PgOutput) -> None:
    assert decode(data) == message


def test_frames() -> None:
    assert decode_frame(b"w" + struct.pack("!qqq", 1, 2, 3) + b"payload") == b"payload"
    assert decode_frame(b"k" + struct.pack("!qqb", 7, MICROS, 1)) == Keepalive(7, True)
    assert encode_status(7, MOMENT, reply=True) == b"r" + struct.pack("!qqqqb", 7, 7, 7, MICROS, 1)


def test_what_the_protocol_does_not_have_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="unknown"):
        decode(b"Zx")


def test_an_unknown_frame_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="frame"):
        decode_frame(b"?")


def test_a_new_publication_waits_for_old_transactions_and_for_the_log() -> None:
    watch = PublicationWatch(("a",))
    looks = [
        (Sight(("a",), 10, 12, 100), 90, False),
        (Sight(("a", "b"), 10, 12, 110), 100, False),  # xids below 12 may still run
        (Sight(("a", "b"), 11, 20, 120), 115, False),
        (Sight(("a", "b"), 12, 20, 130), 125, False),  # from 130 on it may be named
        (Sight(("a", "b"), 12, 20, 140), 129, False),
        (Sight(("a", "b"), 12, 20, 140), 130, True),
        (Sight(("a",), 12, 20, 150), 130, False),  # it went before it was streamed
        (Sight((), 12, 20, 150), 130, True),  # one that was streamed went
    ]
    assert [watch.look(sight, decoded_to) for sight, decoded_to, _ in looks] == [again for _, _, again in looks]
