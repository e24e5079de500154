"""Tokens: who may call the API. Only a digest of a secret is stored, and a secret has the entropy to need no more.

A token that is revoked is told of by `rowcast_tokens`, with its id; that one expires, each process knows by itself.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db.changes import WireValue
from db.errors import Conflict
from db.events import EventKind, insert_event
from db.notify import TOKENS
from db.session import Connection

GrantRow = Mapping[str, WireValue]
"""`source`, `where` (a filter as clients send it, or null), `columns` (a list or null) and `write`."""

_PREFIX: Final = "rowcast_"
"""What every secret begins with, so that scanners for leaked secrets can find them."""
_COLUMNS = "id, name, role, grants, created_at, expires_at, revoked_at, last_used_at"


def new_secret() -> str:
    """A token's secret: 256 bits."""
    return _PREFIX + secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as stored, without its digest. No `grants`: it is not narrowed."""

    id: int
    name: str
    role: str
    grants: Sequence[GrantRow]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


async def insert_token(
    connection: Connection,
    name: str,
    role: str,
    grants: Sequence[GrantRow],
    secret: str,
    expires_at: datetime | None,
    actor: str,
) -> Token:
    """Store a new token, and the event that says so. Conflict where a token of that name is in use."""
    # The name is what history has of who did something: two at a time would be one.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('rowcast.tokens'))")
    taken = await connection.execute(
        """SELECT 1 FROM rowcast.tokens WHERE name = %s AND revoked_at IS NULL
               AND (expires_at IS NULL OR expires_at > clock_timestamp())""",
        (name,),
    )
    if await taken.fetchone() is not None:
        raise Conflict(f'There is a token "{name}" already: revoke it, or take another name.')
    [token] = await _fetch(
        connection,
        f"""INSERT INTO rowcast.tokens (name, role, grants, digest, expires_at)
            VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}""",  # noqa: S608 - ours
        (name, role, Jsonb([dict(grant) for grant in grants]), digest(secret), expires_at),
    )
    detail: dict[str, WireValue] = {"token": str(token.id), "name": name, "role": role, "by": actor}
    await insert_event(
        connection, EventKind.SYSTEM, None, f'The token "{name}" ({role}) was created by {actor}.', detail
    )
    return token


async def all_tokens(connection: Connection) -> list[Token]:
    """Every token that was created, in that order."""
    return await _fetch(connection, f"SELECT {_COLUMNS} FROM rowcast.tokens ORDER BY id")  # noqa: S608 - ours


async def token_of(connection: Connection, secret: str) -> Token | None:
    """The token of a secret, if it is in use; that it was used is noted, to the minute."""
    found = await _fetch(
        connection,
        f"""SELECT {_COLUMNS} FROM rowcast.tokens
            WHERE digest = %s AND revoked_at IS NULL
              AND (expires_at IS NULL OR expires_at > clock_timestamp())""",  # noqa: S608 - ours
        (digest(secret),),
    )
    if not found:
        return None
    await connection.execute(
        """UPDATE rowcast.tokens SET last_used_at = clock_timestamp()
           WHERE id = %s AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')""",
        (found[0].id,),
    )
    return found[0]


async def ended_tokens(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of the tokens that are no longer in use."""
    cursor = await connection.execute(
        """SELECT id FROM unnest(%s::bigint[]) given(id) WHERE NOT EXISTS (
               SELECT 1 FROM rowcast.tokens t WHERE t.id = given.id AND revoked_at IS NULL
                 AND (expires_at IS NULL OR expires_at > clock_timestamp()))""",
        (list(ids),),
    )
    return {id_ for (id_,) in await cursor.fetchall()}


async def revoke_token(connection: Connection, id_: int, actor: str) -> Token | None:
    """End a token; None where there is none. One that was revoked stays as it is."""
    revoked = await _fetch(
        connection,
        f"""UPDATE rowcast.tokens SET revoked_at = clock_timestamp() WHERE id = %s AND revoked_at IS NULL
            RETURNING {_COLUMNS}""",  # noqa: S608 - ours
        (id_,),
    )
    if not revoked:
        found = await _fetch(connection, f"SELECT {_COLUMNS} FROM rowcast.tokens WHERE id = %s", (id_,))  # noqa: S608
        return found[0] if found else None
    [token] = revoked
    await connection.execute("SELECT pg_notify(%s, %s)", (TOKENS, str(id_)))
    detail: dict[str, WireValue] = {"token": str(id_), "name": token.name, "by": actor}
    await insert_event(connection, EventKind.SYSTEM, None, f'The token "{token.name}" was revoked by {actor}.', detail)
    return token


async def _fetch(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> list[Token]:
    async with connection.cursor(row_factory=class_row(Token)) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()
