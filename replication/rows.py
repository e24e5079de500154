"""Rows out of pgoutput's Insert, Update and Delete: their bytes in, wire rows and key texts out, in one pass.

Apart from `replication.decoder` since nearly all that a stream brings are these, and since they mean nothing without
their table's Relation. A value is made once, as the log keeps it, with nothing in between. No I/O, no state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct

from db.changes import Operation, WireRow, WireValue
from db.keys import key_text
from db.wire import column_type, wire_reader
from replication.decoder import ProtocolError
from replication.messages import Relation

OPERATIONS = {ord("I"): Operation.INSERT, ord("U"): Operation.UPDATE, ord("D"): Operation.DELETE}
"""By a message's first byte."""

RELATION = slice(1, 5)
"""Where a message has the OID of its table."""

_INSERT, _DELETE = b"ID"
_OLD_ROW, _NEW = b"ON"
_NULL, _TOAST, _TEXT = b"nut"
_COLUMN = Struct("!BI")
_PADDING = bytes(4)

_Column = tuple[str, Callable[[str], WireValue] | None]
_Row = dict[str, WireValue]
_Spans = list[bytes]
"""A row's columns, each as in its message: kind, length and text."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table's rows are read. `columns`: name, and what makes a text the value (None: it is). `key`: places."""

    columns: tuple[_Column, ...]
    key: tuple[int, ...]

    @classmethod
    def of(cls, relation: Relation, key: Sequence[str]) -> "Layout":
        """ValueError if the relation lacks a column of the key."""
        names = [column.name for column in relation.columns]
        columns = tuple((column.name, wire_reader(column_type(column.type_oid))) for column in relation.columns)
        return cls(columns, tuple(names.index(name) for name in key))


def read_change(layout: Layout, data: bytes) -> tuple[str, str | None, WireRow | None, WireRow | None]:
    """A change's key, old key, before and after, as `db.changes.Change` has them.

    Without REPLICA IDENTITY FULL `before` has only the key's columns. A TOAST value that an Update did not touch is not
    sent: it is the old row's, or left out. ProtocolError where the bytes are no change of such a table.
    """
    operation, kind = data[0], data[5]
    # A column's length is read even where it has none.
    padded = data + _PADDING
    before: _Row | None = None
    after: _Row | None = None
    if kind == _NEW:
        after, spans, at = _row(layout.columns, padded, 8)
        was = spans
    else:
        before, was, at = _row(layout.columns, padded, 8)
        if operation == _DELETE:
            spans = was
        elif kind == _OLD_ROW:
            after, spans, at = _updated(layout.columns, padded, at + 3, before, was)
        else:
            # An old key has NULL for every other column.
            after, spans, at = _row(layout.columns, padded, at + 3)
    if at != len(data):
        raise ProtocolError("a row has other columns than its table")
    if kind != _OLD_ROW and operation != _INSERT:
        before = _of_key(layout, before or after or {})
    old_key = None
    for place in layout.key:
        if spans[place] != was[place]:
            old_key = _key(layout, was)
            break
    return _key(layout, spans), old_key, before, after


def _key(layout: Layout, spans: _Spans) -> str:
    # NULL, which has no text, is as empty.
    if len(layout.key) == 1:
        # Almost always, and a comprehension is a call more.
        return key_text((spans[layout.key[0]][5:].decode(),))
    return key_text([spans[place][5:].decode() for place in layout.key])


def _of_key(layout: Layout, row: _Row) -> _Row:
    names = [layout.columns[place][0] for place in layout.key]
    return {name: row[name] for name in names if name in row}


def _row(columns: Sequence[_Column], data: bytes, at: int) -> tuple[_Row, _Spans, int]:
    """The values of the columns that begin at `at`, their spans, and where they end."""
    row: _Row = {}
    spans: _Spans = []
    unpack = _COLUMN.unpack_from
    for name, read in columns:
        start = at
        kind, size = unpack(data, at)
        if kind == _TEXT:
            at += 5 + size
            span = data[start:at]
            text = span[5:].decode()
            row[name] = text if read is None else read(text)
        else:
            at += 1
            span = data[start:at]
            if kind == _NULL:
                row[name] = None
            elif kind != _TOAST:
                raise ProtocolError(f"unknown column kind {chr(kind)!r}")
        spans.append(span)
    return row, spans, at


def _updated(
    columns: Sequence[_Column], data: bytes, at: int, old: _Row, old_spans: _Spans
) -> tuple[_Row, _Spans, int]:
    """The same of a whole row that was `old`. Most columns are as they were then: their values are taken over."""
    row, spans = old.copy(), old_spans.copy()
    unpack = _COLUMN.unpack_from
    for place, was in enumerate(old_spans):
        start = at
        at += len(was)
        if data[start:at] == was:
            continue
        kind, size = unpack(data, start)
        name, read = columns[place]
        if kind == _TEXT:
            at = start + 5 + size
            span = data[start:at]
            text = span[5:].decode()
            row[name] = text if read is None else read(text)
            spans[place] = span
        else:
            at = start + 1
            if kind == _NULL:
                row[name] = None
                spans[place] = data[start:at]
            elif kind != _TOAST:
                raise ProtocolError(f"unknown column kind {chr(kind)!r}")
    return row, spans, at
