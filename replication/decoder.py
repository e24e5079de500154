"""Bytes in, messages out: the walsender's frames and pgoutput protocol 1. No I/O, no state, no clock.

What the protocol does not know is a ProtocolError: guessing would lose changes.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from struct import Struct

from replication.messages import (
    UNCHANGED,
    Begin,
    Commit,
    Delete,
    Insert,
    Keepalive,
    Message,
    Origin,
    PgOutput,
    Relation,
    RelationColumn,
    Truncate,
    Tuple,
    Type,
    Unchanged,
    Update,
    XLogData,
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
_COLUMN = Struct("!BI")
_PADDING = bytes(4)
_XLOG_HEADER = 25

_NULL, _TOAST, _TEXT = b"nut"
_OLD_KEY, _OLD_ROW, _NEW = b"KON"


class ProtocolError(Exception):
    """The server sent what protocol 1 does not have."""


def decode_frame(data: bytes) -> XLogData | Keepalive:
    """A CopyData frame of the walsender."""
    kind = data[:1]
    if kind == b"w":
        return XLogData(data[_XLOG_HEADER:])
    if kind == b"k":
        wal_end, _, reply = _KEEPALIVE.unpack(data)
        return Keepalive(wal_end, reply == 1)
    raise ProtocolError(f"unknown frame {kind!r}")


def encode_status(flushed: int, now: datetime, *, reply: bool) -> bytes:
    """A standby status update: everything before `flushed` is kept. `reply` asks for a keepalive at once."""
    micros = (now - _EPOCH) // timedelta(microseconds=1)
    return _STATUS.pack(b"r", flushed, flushed, flushed, micros, reply)


def decode(data: bytes) -> PgOutput:
    """A pgoutput message."""
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


def _insert(data: bytes) -> Insert:
    (oid,) = _OID.unpack_from(data, 1)
    return Insert(oid, _tuple(data + _PADDING, 6)[0])


def _update(data: bytes) -> Update:
    (oid,) = _OID.unpack_from(data, 1)
    data += _PADDING
    kind = data[5]
    old, at = None, 6
    if kind != _NEW:
        old, at = _tuple(data, 6)
        at += 1
    return Update(oid, old, kind == _OLD_KEY, _tuple(data, at)[0])


def _delete(data: bytes) -> Delete:
    (oid,) = _OID.unpack_from(data, 1)
    return Delete(oid, _tuple(data + _PADDING, 6)[0], data[5] == _OLD_KEY)


def _truncate(data: bytes) -> Truncate:
    (count,) = _INT32.unpack_from(data, 1)
    return Truncate(tuple(_OID.unpack_from(data, 6 + 4 * index)[0] for index in range(count)))


def _message(data: bytes) -> Message:
    flags, lsn = _MESSAGE.unpack_from(data)
    prefix, at = _string(data, 10)
    (size,) = _INT32.unpack_from(data, at)
    return Message(flags & 1 == 1, lsn, prefix, data[at + 4 : at + 4 + size])


def _tuple(data: bytes, at: int) -> tuple[Tuple, int]:
    """The tuple that begins at `at`, and where it ends. `data` is padded: a length is read even where there is none."""
    values: list[str | Unchanged | None] = []
    add, unpack = values.append, _COLUMN.unpack_from
    (count,) = _INT16.unpack_from(data, at)
    at += 2
    for _ in range(count):
        kind, size = unpack(data, at)
        if kind == _TEXT:
            at += 5
            add(data[at : at + size].decode())
            at += size
            continue
        at += 1
        if kind == _NULL:
            add(None)
        elif kind == _TOAST:
            add(UNCHANGED)
        else:
            raise ProtocolError(f"unknown column kind {chr(kind)!r}")
    return tuple(values), at


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
    ord("I"): _insert,
    ord("U"): _update,
    ord("D"): _delete,
    ord("T"): _truncate,
    ord("M"): _message,
}
