"""Hooks over HTTP: they wake the leader when they are signed, and do nothing else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.hook_debounce import WINDOW_S
from api.hook_signature import TOLERANCE_S, sign
from api.limits import HOOK_LIMIT
from db.notify import RESYNCHRONISE, WAKE, Listener, Notifications, read_wake
from db.secrets import Keyring, store_hook_secret
from db.session import Connection, connect
from db.sources import (
    Column,
    ConflictPolicy,
    DeletePolicy,
    Direction,
    DriftPolicy,
    Initial,
    SheetBinding,
    Source,
    SourceKind,
    SourceState,
    delete_source,
    insert_source,
)
from db.sync_state import sync_state
from db.wire import ColumnType
from tests.server import Server

UNKNOWN = UUID(int=0)
BODY = b'{"spreadsheetId":"s","range":"A7"}'


def dsn(edge: Server) -> str:
    assert edge.settings.database_url is not None
    return edge.settings.database_url


@pytest.fixture
async def connection(edge: Server) -> AsyncIterator[Connection]:
    async with await connect(dsn(edge), "test") as connection:
        yield connection


@pytest.fixture
async def source(connection: Connection) -> AsyncIterator[Source]:
    now = datetime.now(UTC)
    source = Source(
        id=uuid4(),
        name="customers",
        description=None,
        kind=SourceKind.SHEET,
        state=SourceState.ACTIVE,
        state_reason=None,
        direction=Direction.TWO_WAY,
        relation="public.customers",
        adopted=False,
        managed_key=False,
        key=("id",),
        columns=(Column("id", ColumnType.INTEGER, "id"),),
        sheet=SheetBinding("spreadsheet", "customers", 0, 1, None),
        poll_seconds=30,
        conflict_policy=ConflictPolicy.DATABASE_WINS,
        delete_policy=DeletePolicy.PROPAGATE,
        drift_policy=DriftPolicy.ADD_COLUMNS,
        max_delete_share=0.5,
        initial=Initial.MERGE,
        created_at=now,
        updated_at=now,
    )
    await insert_source(connection, source)
    yield source
    await connection.execute("DELETE FROM rowcast.secrets")
    await delete_source(connection, source.id)


@pytest.fixture
async def wakes(edge: Server) -> AsyncIterator[Notifications]:
    async with Listener(dsn(edge), "test") as listener, listener.subscribe(WAKE) as notifications:
        assert await anext(notifications) is RESYNCHRONISE
        yield notifications


async def give_secret(edge: Server, connection: Connection, source: Source, secret: str) -> None:
    assert edge.settings.secret_key is not None
    await store_hook_secret(connection, Keyring.derive(edge.settings.secret_key), source.id, secret)


async def call(edge: Server, secret: str, *, age: int = 0, body: bytes = BODY, name: str = "customers") -> int:
    timestamp = str(int(time.time()) - age)
    headers = {"x-rowcast-timestamp": timestamp, "x-rowcast-signature": sign(secret, timestamp, BODY)}
    return (await edge.post(f"/hooks/sheets/{name}", content=body, headers=headers)).status_code


async def next_wake(wakes: Notifications) -> tuple[UUID, str]:
    payload = await anext(wakes)
    assert isinstance(payload, str)
    return read_wake(payload)


async def test_a_signed_hook_wakes_the_source(
    edge: Server, connection: Connection, source: Source, wakes: Notifications
) -> None:
    await give_secret(edge, connection, source, "first")
    before = datetime.now(UTC)
    assert await call(edge, "first") == 202
    assert await next_wake(wakes) == (source.id, "HOOK")
    state = await sync_state(connection, source.id)
    assert state is not None
    assert state.hooked_at is not None
    assert before - timedelta(seconds=1) < state.hooked_at, "when it came tells how old the edit is"


async def test_a_rotated_secret_serves_for_a_day_more(edge: Server, connection: Connection, source: Source) -> None:
    await give_secret(edge, connection, source, "first")
    await give_secret(edge, connection, source, "second")
    assert await call(edge, "first") == 202
    assert await call(edge, "second") == 202
    await connection.execute("UPDATE rowcast.secrets SET expires_at = expires_at - interval '1 day'")
    assert await call(edge, "first") == 401
    assert await call(edge, "second") == 202


async def test_what_is_not_ours_is_refused_and_wakes_nobody(
    edge: Server, connection: Connection, source: Source, wakes: Notifications
) -> None:
    assert await call(edge, "none yet") == 401
    await give_secret(edge, connection, source, "secret")
    assert await call(edge, "another") == 401
    assert await call(edge, "secret", body=BODY + b" ") == 401
    assert await call(edge, "secret", age=TOLERANCE_S + 60) == 401
    assert await call(edge, "secret", age=-TOLERANCE_S - 60) == 401
    assert (await edge.post("/hooks/sheets/customers", content=BODY)).status_code == 401
    assert await call(edge, "secret", name="nobody") == 404
    assert await call(edge, "secret", name="no/such/path") == 404
    assert (await edge.get("/hooks/sheets/customers")).status_code == 405
    # The first wake to arrive is that of the good hook: none of the others woke anybody.
    other = replace(source, id=uuid4(), name="other", sheet=SheetBinding("spreadsheet", "other", 1, 1, None))
    await insert_source(connection, other)
    await give_secret(edge, connection, other, "secret")
    assert await call(edge, "secret", name="other") == 202
    assert await next_wake(wakes) == (other.id, "HOOK")
    await delete_source(connection, other.id)


async def test_a_storm_of_hooks_is_few_wakes_and_the_last_one_covers_all(
    edge: Server, connection: Connection, source: Source, wakes: Notifications
) -> None:
    await give_secret(edge, connection, source, "secret")
    begun = time.monotonic()
    timestamp = str(int(time.time()))
    headers = {"x-rowcast-timestamp": timestamp, "x-rowcast-signature": sign("secret", timestamp, BODY)}
    async with edge.http() as http:
        hooks = (http.post("/hooks/sheets/customers", content=BODY, headers=headers) for _ in range(100))
        assert [answer.status_code for answer in await asyncio.gather(*hooks)] == [202] * 100
    windows = (time.monotonic() - begun) / WINDOW_S
    arrived = datetime.now(UTC)
    await connection.execute("SELECT pg_notify(%s, %s)", (WAKE, json.dumps({"source": str(UNKNOWN), "trigger": "END"})))
    count = 0
    while await next_wake(wakes) != (UNKNOWN, "END"):
        count += 1
    assert 1 <= count <= 2 + windows
    state = await sync_state(connection, source.id)
    assert state is not None
    assert state.hooked_at is not None
    assert state.hooked_at <= arrived


async def test_a_feeds_hook_is_not_a_sheets(edge: Server, connection: Connection, source: Source) -> None:
    await give_secret(edge, connection, source, "secret")
    timestamp = str(int(time.time()))
    headers = {"x-rowcast-timestamp": timestamp, "x-rowcast-signature": sign("secret", timestamp, BODY)}
    assert (await edge.post("/hooks/feeds/customers", content=BODY, headers=headers)).status_code == 404


async def test_a_large_hook_is_refused(edge: Server) -> None:
    answer = await edge.post("/hooks/sheets/customers", content=b" " * (HOOK_LIMIT + 1))
    assert answer.status_code == 413


async def test_secrets_under_another_key_are_an_outage_and_not_a_leak(
    edge: Server, connection: Connection, source: Source
) -> None:
    await store_hook_secret(connection, Keyring.derive("another key of thirty-two characters"), source.id, "secret")
    assert await call(edge, "secret") == 503
