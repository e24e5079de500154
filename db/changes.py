"""The vocabulary of changes: what replication appends to the log and every reader of it gets.

Values are wire values (`db.wire`): what GraphQL clients see in JSON. Keys are key texts (`db.keys`).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from db.position import Position

WireValue = str | int | float | bool | None | list["WireValue"] | dict[str, "WireValue"]
WireRow = Mapping[str, WireValue]


class Operation(StrEnum):
    """What happened to a row, or with TRUNCATE to all of a table."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    TRUNCATE = "TRUNCATE"


class Cause(StrEnum):
    """Where a commit came from. For people to read: it never decides whether something is synced."""

    SOURCE = "SOURCE"
    API = "API"
    SQL = "SQL"
    ROLLBACK = "ROLLBACK"


class Change(msgspec.Struct, frozen=True, gc=False):
    """One entry of the log.

    `relation` is `schema.table`. `key` is the row's key text after the change (before it, for DELETE), None for
    TRUNCATE; `old_key` is set only where an UPDATE changed the key. `before` is None for INSERT, `after` for DELETE.
    `anew`: a TRUNCATE, alone in its commit, behind which the table has rows that the log has not, so that every reader
    begins anew (`db.logged_tables`).
    """

    position: Position
    relation: str
    operation: Operation
    key: str | None
    old_key: str | None
    before: WireRow | None
    after: WireRow | None
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """One commit of a synced table, or a slice of a large one (`last` is False until its final slice).

    `nothing_to`: kinds of readers that it doesn't concern, as far as that was found.
    """

    xid: int
    committed_at: datetime
    cause: Cause
    actor: str | None
    changes: tuple[Change, ...]
    last: bool
    nothing_to: list[Hashable] = field(init=False, default_factory=list, compare=False, repr=False)
    _names: list[frozenset[str]] = field(init=False, default_factory=list, compare=False, repr=False)

    @property
    def anew(self) -> bool:
        """Whether every reader of the table begins anew here."""
        return self.changes[0].anew

    @property
    def position(self) -> Position:
        """Of the last entry: a cursor there has read all of this slice."""
        return self.changes[-1].position

    def names(self) -> frozenset[str]:
        """Of the columns that its rows have. Looked up once for all who are sent something of it."""
        if not self._names:
            self._names.append(
                frozenset[str]().union(*(change.after or change.before or () for change in self.changes))
            )
        return self._names[0]
