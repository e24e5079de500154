"""pgoutput's messages as bytes, made by hand from the protocol's description."""

from collections.abc import Sequence
from datetime import UTC, datetime
from struct import pack
from typing import Final

MOMENT: Final = datetime(2026, 1, 31, 13, 5, tzinfo=UTC)
MICROS: Final = int((MOMENT - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
TOAST: Final = 0
"""In a row: a TOAST value that an UPDATE did not touch."""

Texts = Sequence[str | int | None]


def begin(lsn: int, xid: int) -> bytes:
    return b"B" + pack("!qqI", lsn, MICROS, xid)


def commit(lsn: int, end: int) -> bytes:
    return b"C\0" + pack("!qqq", lsn, end, MICROS)


def relation(oid: int, table: str, *columns: tuple[str, int], identity: str = "f") -> bytes:
    """Of the schema `public`; a column as name and type's OID."""
    listed = b"".join(b"\1" + name.encode() + b"\0" + pack("!Ii", type_, -1) for name, type_ in columns)
    return b"R" + pack("!I", oid) + f"public\0{table}\0{identity}".encode() + pack("!h", len(columns)) + listed


def message(prefix: str, content: bytes = b"", *, transactional: bool = True) -> bytes:
    return b"M" + pack("!bq", transactional, 9) + prefix.encode() + b"\0" + pack("!i", len(content)) + content


def insert(oid: int, new: Texts) -> bytes:
    return b"I" + pack("!I", oid) + b"N" + _tuple(new)


def update(oid: int, old: Texts | None, new: Texts, kind: bytes = b"O") -> bytes:
    """`kind` K: the old row's identity alone."""
    before = b"" if old is None else kind + _tuple(old)
    return b"U" + pack("!I", oid) + before + b"N" + _tuple(new)


def delete(oid: int, old: Texts, kind: bytes = b"O") -> bytes:
    return b"D" + pack("!I", oid) + kind + _tuple(old)


def _tuple(texts: Texts) -> bytes:
    return pack("!h", len(texts)) + b"".join(map(_column, texts))


def _column(text: str | int | None) -> bytes:
    if isinstance(text, str):
        return b"t" + pack("!I", len(text.encode())) + text.encode()
    return b"n" if text is None else b"u"
