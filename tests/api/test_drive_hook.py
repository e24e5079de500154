"""Google Drive's push channels call us: a known channel with its token lets the leader look, and nothing else does."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.limits import HOOK_LIMIT
from db.drive_channels import DriveChannel, drive_channels, insert_drive_channel
from db.notify import LOOK, RESYNCHRONISE, Listener, Notifications, look
from db.session import Connection, connect
from tests.server import Server

TOKEN = "token"


@pytest.fixture
async def connection(edge: Server) -> AsyncIterator[Connection]:
    assert edge.settings.database_url is not None
    async with await connect(edge.settings.database_url, "test") as connection:
        yield connection
        await connection.execute("DELETE FROM rowcast.drive_channels")


@pytest.fixture
async def channel(connection: Connection) -> DriveChannel:
    now = datetime.now(UTC)
    channel = DriveChannel(uuid4(), "default", "a@b.c", "https://x.example/", None, now, now + timedelta(days=1))
    await insert_drive_channel(connection, channel, hashlib.sha256(TOKEN.encode()).digest())
    return channel


@pytest.fixture
async def looks(edge: Server) -> AsyncIterator[Notifications]:
    assert edge.settings.database_url is not None
    async with Listener(edge.settings.database_url, "test") as listener, listener.subscribe(LOOK) as notifications:
        assert await anext(notifications) is RESYNCHRONISE
        yield notifications


async def call(edge: Server, channel_id: UUID | str, state: str, *, token: str | None = TOKEN, number: int = 2) -> int:
    headers = {
        "X-Goog-Channel-ID": str(channel_id),
        "X-Goog-Resource-ID": "resource",
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": str(number),
    }
    if token is not None:
        headers["X-Goog-Channel-Token"] = token
    return (await edge.post("/hooks/drive", headers=headers)).status_code


async def test_a_change_lets_the_leader_look_and_the_first_message_does_not(
    edge: Server, connection: Connection, channel: DriveChannel, looks: Notifications
) -> None:
    assert await call(edge, channel.id, "sync", number=1) == 202
    await look(connection, "after sync")
    assert await anext(looks) == "after sync"
    assert await call(edge, channel.id, "change") == 202
    assert await anext(looks) == "default"


async def test_a_message_says_what_a_lost_answer_would_have(
    edge: Server, connection: Connection, channel: DriveChannel
) -> None:
    assert await call(edge, channel.id, "sync", token="wrong") == 401
    assert (await drive_channels(connection))[0].resource_id is None
    assert await call(edge, channel.id, "sync") == 202
    assert (await drive_channels(connection))[0].resource_id == "resource"


async def test_others_are_refused(
    edge: Server, connection: Connection, channel: DriveChannel, looks: Notifications
) -> None:
    assert await call(edge, channel.id, "change", token="another") == 401
    assert await call(edge, channel.id, "change", token=None) == 401
    assert await call(edge, uuid4(), "change") == 404
    assert await call(edge, "no uuid", "change") == 404
    assert (await edge.post("/hooks/drive")).status_code == 404
    assert (await edge.get("/hooks/drive")).status_code == 405
    assert (await edge.post("/hooks/drive", content=b" " * (HOOK_LIMIT + 1))).status_code in (404, 413)
    await look(connection, "nobody looked")
    assert await anext(looks) == "nobody looked"
