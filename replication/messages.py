"""What the walsender says, as values: pgoutput protocol 1 and the frames that carry it.

https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html,
https://www.postgresql.org/docs/current/protocol-replication.html. LSNs are integers, times are aware UTC, xids are
32 bits as in the WAL. Nothing of rowcast's own meaning belongs here: that is the assembler's.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Keepalive:
    """Frame `k`. `wal_end`: everything that ends before it was sent. `reply`: the server asks for a status now."""

    wal_end: int
    reply: bool


@dataclass(frozen=True, slots=True)
class Begin:
    commit_lsn: int
    committed_at: datetime
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """`end_lsn`: where the commit record ends; a later commit's LSN is never below it."""

    commit_lsn: int
    end_lsn: int
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """The commit was replicated here from another server."""

    commit_lsn: int
    name: str


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """`is_key`: part of the replica identity; of all columns with FULL."""

    name: str
    type_oid: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it is from here on. Comes before its first change and after each change of it, also repeatedly."""

    oid: int
    schema: str
    table: str
    replica_identity: str
    columns: tuple[RelationColumn, ...]

    @property
    def name(self) -> str:
        """`schema.table`."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True, slots=True)
class Type:
    oid: int
    schema: str
    name: str


@dataclass(frozen=True, slots=True)
class Truncate:
    relations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """Of pg_logical_emit_message. One that is not transactional comes outside BEGIN and COMMIT."""

    transactional: bool
    lsn: int
    prefix: str
    content: bytes


PgOutput = Begin | Commit | Origin | Relation | Type | Truncate | Message
