"""Bytes in, messages out: the walsender's frames and pgoutput protocol 1. No I/O, no state, no clock.

What the protocol does not know is a ProtocolError: guessing would lose changes.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from struct import Struct

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

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BEGIN = Struct("!xqqI")
_COMMIT = Struct("!xbqqq")
_KEEPALIVE = Struct("!xqqb")
_STATUS = Struct("!cqqqqb")
_MESSAGE = Struct("!xbq")
_OID = Struct("!I")
_INT32 = Struct("!i")
_INT16 = Struct("!h")
_COLUMN_TYPE = Struct("!Ii")
_XLOG_HEADER = 25

_XLOG_DATA, _ALIVE = b"wk"


class ProtocolError(Exception):
    """The server sent what protocol 1 does not have."""


def decode_frame(data: bytes) -> bytes | Keepalive:
    """A CopyData frame of the walsender: the pgoutput message of its XLogData, or a keepalive."""
    kind = data[0]
    if kind == _XLOG_DATA:
        return data[_XLOG_HEADER:]
    if kind == _ALIVE:
        wal_end, _, reply = _KEEPALIVE.unpack(data)
        return Keepalive(wal_end, reply == 1)
    raise ProtocolError(f"unknown frame {chr(kind)!r}")


def encode_status(flushed: int, now: datetime, *, reply: bool) -> bytes:
    """A standby status update: everything before `flushed` is kept. `reply` asks for a keepalive at once."""
    micros = (now - _EPOCH) // timedelta(microseconds=1)
    return _STATUS.pack(b"r", flushed, flushed, flushed, micros, reply)


def decode(data: bytes) -> PgOutput:
    """A pgoutput message that is no row's change: those are `replication.rows`'."""
    read = _READERS.get(data[0])
    if read is None:
        raise ProtocolError(f"unknown message {data[:1]!r}")
    return read(data)


def _begin(data: bytes) -> Begin:
    lsn, micros, xid = _BEGIN.unpack(data)
    return Begin(lsn, _time(micros), xid)


def _commit(data: bytes) -> Commit:
    _, commit_lsn, end_lsn, micros = _COMMIT.unpack(data)
    return Commit(commit_lsn, end_lsn, _time(micros))


def _origin(data: bytes) -> Origin:
    return Origin(int.from_bytes(data[1:9]), _string(data, 9)[0])


def _relation(data: bytes) -> Relation:
    (oid,) = _OID.unpack_from(data, 1)
    schema, at = _string(data, 5)
    table, at = _string(data, at)
    identity = chr(data[at])
    (count,) = _INT16.unpack_from(data, at + 1)
    at += 3
    columns = []
    for _ in range(count):
        flags = data[at]
        name, at = _string(data, at + 1)
        type_oid, _ = _COLUMN_TYPE.unpack_from(data, at)
        at += 8
        columns.append(RelationColumn(name, type_oid, flags & 1 == 1))
    # An empty name stands for pg_catalog.
    return Relation(oid, schema or "pg_catalog", table, identity, tuple(columns))


def _type(data: bytes) -> Type:
    (oid,) = _OID.unpack_from(data, 1)
    schema, at = _string(data, 5)
    return Type(oid, schema or "pg_catalog", _string(data, at)[0])


def _truncate(data: bytes) -> Truncate:
    (count,) = _INT32.unpack_from(data, 1)
    return Truncate(tuple(_OID.unpack_from(data, 6 + 4 * index)[0] for index in range(count)))


def _message(data: bytes) -> Message:
    flags, lsn = _MESSAGE.unpack_from(data)
    prefix, at = _string(data, 10)
    (size,) = _INT32.unpack_from(data, at)
    return Message(flags & 1 == 1, lsn, prefix, data[at + 4 : at + 4 + size])


def _string(data: bytes, at: int) -> tuple[str, int]:
    """The NUL-terminated string that begins at `at`, and where the next field begins."""
    end = data.index(0, at)
    return data[at:end].decode(), end + 1


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


_READERS: dict[int, Callable[[bytes], PgOutput]] = {
    ord("B"): _begin,
    ord("C"): _commit,
    ord("O"): _origin,
    ord("R"): _relation,
    ord("Y"): _type,
    ord("T"): _truncate,
    ord("M"): _message,
}
