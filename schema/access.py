"""Who asks, and what that principal may do. Pure.

A role says what: VIEWER reads, EDITOR writes rows too, ADMIN does everything. Grants narrow the first two to sources,
and there to rows and columns. Whoever is narrowed in a source sees no more of it than its granted rows, by `rows`,
`row` and `changes`: its runs, conflicts, failures and history would show others.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from db.changes import WireValue
from db.errors import Forbidden
from db.tokens import GrantRow, Token

LOCAL = "local"
"""The name of whoever asks without a token where none is required."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be seen of a source: rows that match `where` (JSON text; None: all), these columns and the key."""

    source: str
    where: str | None = None
    columns: tuple[str, ...] | None = None
    write: bool = False

    @property
    def whole(self) -> bool:
        """Whether it leaves nothing of the source out."""
        return self.where is None and self.columns is None

    def to_row(self) -> GrantRow:
        """As stored, and as clients see it."""
        where: WireValue = None if self.where is None else json.loads(self.where)
        columns: WireValue = None if self.columns is None else list(self.columns)
        return {"source": self.source, "where": where, "columns": columns, "write": self.write}

    @classmethod
    def of_row(cls, row: GrantRow) -> "Grant":
        """Of what `to_row` made."""
        where, columns = row["where"], cast("Sequence[str] | None", row["columns"])
        return cls(
            source=str(row["source"]),
            where=None if where is None else json.dumps(where, sort_keys=True),
            columns=None if columns is None else tuple(columns),
            write=row["write"] is True,
        )

    def condition(self) -> Mapping[str, WireValue] | None:
        """`where` as clients send it."""
        return None if self.where is None else cast("Mapping[str, WireValue]", json.loads(self.where))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `grants`: its only sources; none: all. `token`: its id; None where none was needed."""

    name: str = LOCAL
    role: str = "ADMIN"
    grants: tuple[Grant, ...] = ()
    token: int | None = None
    expires_at: datetime | None = None

    @classmethod
    def of(cls, token: Token) -> "Principal":
        """Of a token in use."""
        grants = tuple(Grant.of_row(row) for row in token.grants)
        return cls(token.name, token.role, grants, token.id, token.expires_at)

    def require_administering(self) -> None:
        """Forbidden unless it may do everything."""
        if self.role != "ADMIN":
            raise Forbidden("Only an ADMIN may do that.")

    def on(self, source: str) -> Grant:
        """What it may do with a source. Forbidden where it may not see it."""
        if not self.grants:
            return Grant(source, write=self.role != "VIEWER")
        for grant in self.grants:
            if grant.source == source:
                return grant
        raise Forbidden(f'This token has no grant for the source "{source}".')

    def sees_whole(self, source: str) -> bool:
        """Whether it may see all of a source."""
        return not self.grants or any(grant.source == source and grant.whole for grant in self.grants)

    def require_whole(self, source: str | None) -> None:
        """Forbidden unless it may see all of the source, or with None of all sources."""
        if source is None and self.grants:
            raise Forbidden("This token is for some sources only: name one of them.")
        if source is not None and not self.on(source).whole:
            raise Forbidden(f"This token may see some rows and columns of {source} only, and this would show others.")

    def require_writing(self, source: str) -> Grant:
        """Its grant for the source. Forbidden unless it may write rows there."""
        grant = self.on(source)
        if self.role == "VIEWER" or not grant.write:
            raise Forbidden(f"This token may read {source}, and not write it.")
        return grant

    def require_writing_whole(self, source: str) -> None:
        """Forbidden unless it may write every row of the source."""
        self.require_whole(source)
        self.require_writing(source)


ADMINISTRATOR: Final = Principal()
"""Who asks without a token, where none is required."""
