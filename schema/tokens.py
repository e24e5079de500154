"""Tokens: creating them, showing what there is of them, and ending them."""
# ruff: noqa: A002 - the contract names the arguments

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import strawberry
from strawberry import UNSET

from db.errors import BadUserInput, NotFound
from db.session import Connection
from db.tokens import Token as Stored
from db.tokens import all_tokens, insert_token, new_secret
from db.tokens import revoke_token as end_token
from schema.access import LOCAL, Grant
from schema.context import Info
from schema.enums import Role
from schema.filter_input import RowFilter, read_filter
from schema.filter_json import filter_to_json
from schema.paging import read_id
from schema.scalars import JSON
from schema.sources import narrowed, open_source
from schema.system_types import CreatedToken, CreateTokenInput, GrantInput, Token

_MAX_NAME: Final = 100
_MAX_GRANTS: Final = 1000

TokenId = Annotated[strawberry.ID, strawberry.argument(description="The token's id.")]
NewToken = Annotated[CreateTokenInput, strawberry.argument(description="The new token.")]


async def tokens(info: Info) -> list[Token]:
    """Every token that was created."""
    info.context.principal.require_administering()
    async with info.context.pool.connection() as connection:
        return [as_token(stored) for stored in await all_tokens(connection)]


async def create_token(info: Info, input: NewToken) -> CreatedToken:
    """The only time that its secret is shown."""
    info.context.principal.require_administering()
    name = read_name(input.name)
    role = Role(input.role)
    expires_at = None if input.expires_at is UNSET else input.expires_at
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise BadUserInput("expiresAt is over: give a later time, or leave it out.")
    secret = new_secret()
    async with info.context.pool.connection() as connection:
        grants = await _read_grants(info, connection, role, input.grants or ())
        actor = info.context.principal.name
        rows = [grant.to_row() for grant in grants]
        stored = await insert_token(connection, name, role, rows, secret, expires_at, actor)
    return CreatedToken(token=as_token(stored), secret=secret)


async def revoke_token(info: Info, id: TokenId) -> Token:
    """Ends it at once, everywhere."""
    info.context.principal.require_administering()
    number = read_id(id)
    async with info.context.pool.connection() as connection:
        stored = None if number is None else await end_token(connection, number, info.context.principal.name)
    if stored is None:
        raise NotFound(f"There is no token {id}.")
    return as_token(stored)


def read_name(given: str) -> str:
    """A token's name. BadUserInput."""
    name = given.strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable() or name == LOCAL:
        raise BadUserInput(f'A token\'s name has 1 to {_MAX_NAME} printable characters, and is not "{LOCAL}".')
    return name


def as_token(stored: Stored) -> Token:
    """For clients."""
    return Token(
        id=strawberry.ID(str(stored.id)),
        name=stored.name,
        role=Role(stored.role),
        grants=JSON([dict(grant) for grant in stored.grants]),
        created_at=stored.created_at,
        expires_at=stored.expires_at,
        revoked_at=stored.revoked_at,
        last_used_at=stored.last_used_at,
    )


async def _read_grants(info: Info, connection: Connection, role: Role, given: Sequence[GrantInput]) -> list[Grant]:
    if given and role is Role.ADMIN:
        raise BadUserInput("An ADMIN may do everything: leave grants out, or take the role EDITOR or VIEWER.")
    if len(given) > _MAX_GRANTS:
        raise BadUserInput(f"A token has at most {_MAX_GRANTS} grants.")
    names = [grant.source for grant in given]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise BadUserInput(f'Two grants are for "{repeated}": make one of them, with `or` in its filter.')
    return [await _read_grant(info, connection, role, grant) for grant in given]


async def _read_grant(info: Info, connection: Connection, role: Role, given: GrantInput) -> Grant:
    """Of a source as it is now. BadUserInput for a filter or a column that its table doesn't have."""
    if given.write and role is Role.VIEWER:
        raise BadUserInput(f'A VIEWER writes nothing: leave write out for "{given.source}", or take the role EDITOR.')
    opened = await open_source(connection, given.source, info.context.principal)
    where = given.where if isinstance(given.where, RowFilter) else None
    read_filter(where, opened.filterable)
    columns = given.columns or None
    if unknown := [name for name in columns or () if name not in opened.table.columns]:
        raise BadUserInput(f'"{given.source}" has no column "{unknown[0]}": use {", ".join(opened.table.columns)}.')
    grant = Grant.of_row(
        {
            "source": given.source,
            "where": None if where is None else filter_to_json(where),
            "columns": None if columns is None else list(dict.fromkeys(columns)),
            "write": given.write,
        }
    )
    narrowed(opened, grant)
    return grant
