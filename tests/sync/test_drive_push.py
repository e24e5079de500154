"""Push channels kept at a sandbox, by leaders that come and go: one for each credential, none leaked, none doubled."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from db.drive_channels import DriveChannel, drive_channels, heard_channel, insert_drive_channel, note_resource
from db.lease import Term
from db.session import Pool, make_pool
from db.sources import Column, SheetBinding, SourceState, delete_source, insert_source, set_state
from db.wire import ColumnType
from sandbox.office import Office
from sandbox.server import Sandbox
from sync.google.credentials import ServiceAccount
from sync.google.drive_push import LIFE, DrivePush
from sync.google.session import GoogleSession
from sync.retry import RetryPolicy
from tests.loopback import LOOPBACK
from tests.postgres import Server
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.discovery import check_call
from tests.sandbox.receiver import Receiver, receiving
from tests.sync.sheets import make_source

OTHER = "other@rowcast-sandbox.iam.gserviceaccount.com"


@dataclass
class Bench:
    """A database, a sandbox, and whoever leads; `now` is the leaders' clock."""

    pool: Pool
    sandbox: Sandbox
    receiver: Receiver
    control: httpx.Client
    sessions: dict[str, GoogleSession] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    term: Term = field(default_factory=lambda: Term(0, "", "", float("inf")))

    def leader(self, address: str | None = "") -> DrivePush:
        address = f"{self.receiver.base}/hooks/drive" if address == "" else address
        return DrivePush(self.pool, self.term, self.sessions, address, lambda: self.now)

    def credential(self, name: str, email: str) -> None:
        account = ServiceAccount.parse(json.dumps(self.sandbox.service_account_info(email)))
        self.sessions[name] = GoogleSession(account, api_url=self.sandbox.url, retry=RetryPolicy(attempts=1))

    async def stored(self) -> list[DriveChannel]:
        async with self.pool.connection() as connection:
            return await drive_channels(connection)

    def open(self) -> set[str]:
        """The ids of the channels that Google has."""
        return self.sandbox.do(lambda office: set(office.channels.open))

    async def register(self, name: str, credential: str | None = None) -> Any:
        source = make_source(f"book-{name}", [Column("id", ColumnType.INTEGER, "ID")])
        sheet = SheetBinding(f"book-{name}", "Sheet1", 0, 1, credential)
        source = replace(source, name=name, relation=f"public.{name}", sheet=sheet)
        async with self.pool.connection() as connection:
            await insert_source(connection, source)
        return source

    def fault(self, **fault: Any) -> None:
        answer = self.control.post("/_sandbox/faults", json=fault)
        assert answer.is_success, answer.text

    def calls(self) -> list[str]:
        """The ends of the paths of the calls to Drive since the last look, each of which is as Google describes it."""
        made = self.control.get("/_sandbox/requests").json()
        self.control.delete("/_sandbox/requests")
        for call in made:
            if call["path"].startswith("/drive/"):
                check_call(call["method"], call["path"], unquote(call["query"]), json.dumps(call["body"]).encode(), b"")
        return [call["path"].removeprefix("/drive/v3/") for call in made if call["path"].startswith("/drive/")]


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Sandbox, httpx.Client]]:
    with CheckedSandbox() as sandbox, httpx.Client(base_url=sandbox.url, **LOOPBACK) as control:
        yield sandbox, control


@pytest.fixture(scope="module")
def dsn(postgres_server: Server, database_template: str) -> Iterator[str]:
    database = postgres_server.create(template=database_template)
    yield database
    postgres_server.drop(database)


@pytest.fixture
async def bench(dsn: str, running: tuple[Sandbox, httpx.Client]) -> AsyncIterator[Bench]:
    sandbox, control = running
    sandbox.do(lambda office: office.reset())
    async with receiving() as receiver, make_pool(dsn, "push test") as pool:
        async with pool.connection() as connection:
            await connection.execute("TRUNCATE rowcast.sources, rowcast.drive_channels CASCADE")
        bench = Bench(pool, sandbox, receiver, control)
        bench.credential("default", "demo@rowcast-sandbox.iam.gserviceaccount.com")
        yield bench
        for session in bench.sessions.values():
            session.close()


async def test_one_channel_serves_all_sheets_of_a_credential(bench: Bench) -> None:
    leader = bench.leader()
    await leader.tend()
    assert bench.calls() == []
    for name in ("a", "b", "c"):
        await bench.register(name)
    bench.credential("second", OTHER)
    await bench.register("d", "second")
    await bench.register("e", "unknown")
    await leader.tend()
    assert bench.calls() == ["changes/startPageToken", "changes/watch"] * 2
    stored = await bench.stored()
    assert {channel.credential for channel in stored} == {"default", "second"}
    assert {str(channel.id) for channel in stored} == bench.open()
    assert all(abs(bench.now + LIFE - channel.expires_at) < timedelta(seconds=1) for channel in stored)
    for _ in stored:
        headers, _body = await bench.receiver.calls.get()
        assert (headers["path"], headers["x-goog-resource-state"]) == ("/hooks/drive", "sync")
        channel = next(one for one in stored if str(one.id) == headers["x-goog-channel-id"])
        async with bench.pool.connection() as connection:
            heard = await heard_channel(connection, channel.id)
        assert heard is not None
        token = headers["x-goog-channel-token"]
        assert heard.token_digest == hashlib.sha256(token.encode()).digest()
        assert len(token) >= 40
    # A second look, and another leader's first one, find nothing to do.
    await leader.tend()
    await bench.leader().tend()
    assert bench.calls() == []


async def test_a_channel_is_renewed_before_it_ends_and_then_stopped(bench: Bench) -> None:
    await bench.register("a")
    leader = bench.leader()
    await leader.tend()
    [first] = bench.open()
    bench.now += timedelta(hours=19)
    await leader.tend()
    assert len(bench.open()) == 2
    await leader.tend()
    [second] = bench.open()
    assert second != first
    assert [str(channel.id) for channel in await bench.stored()] == [second]
    # One that nobody renewed in time is over by itself.
    bench.now += timedelta(days=3)
    await bench.leader(None).tend()
    assert await bench.stored() == []


@pytest.mark.parametrize("why", ["deleted", "paused", "no address"])
async def test_a_channel_that_nobody_needs_is_stopped(bench: Bench, why: str) -> None:
    source = await bench.register("a")
    await bench.leader().tend()
    assert len(bench.open()) == 1
    async with bench.pool.connection() as connection:
        if why == "deleted":
            await delete_source(connection, source.id)
        if why == "paused":
            await set_state(connection, source.id, SourceState.PAUSED, None)
    await bench.leader(None if why == "no address" else "").tend()
    assert (bench.open(), await bench.stored()) == (set(), [])


async def test_another_account_or_address_gets_a_channel_of_its_own(bench: Bench) -> None:
    await bench.register("a")
    await bench.leader().tend()
    [old] = bench.open()
    await bench.leader(f"{bench.receiver.base}/elsewhere").tend()
    [moved] = bench.open()
    assert moved != old
    bench.credential("default", OTHER)
    leader = bench.leader(f"{bench.receiver.base}/elsewhere")
    await leader.tend()
    # The first account's can't be stopped with the other's key: it stays known until it is over.
    assert {str(channel.id) for channel in await bench.stored()} == bench.open() > {moved}
    bench.calls()
    await leader.tend()
    assert bench.calls() == []
    bench.now += timedelta(hours=26)
    await leader.tend()
    assert moved not in {str(channel.id) for channel in await bench.stored()}


async def test_a_lost_answer_leaks_no_channel(bench: Bench) -> None:
    await bench.register("a")
    bench.fault(match="POST .*/changes/watch", drop=True, afterApply=True)
    leader = bench.leader()
    await leader.tend()
    [lost] = bench.open()
    [channel] = await bench.stored()
    assert (str(channel.id), channel.resource_id) == (lost, None)
    headers, _ = await bench.receiver.calls.get()
    async with bench.pool.connection() as connection:
        await note_resource(connection, channel.id, headers["x-goog-resource-id"])
    # Its first message made it whole: it serves, and no other one is opened.
    await bench.leader().tend()
    assert bench.open() == {lost}


async def test_a_leader_that_was_cut_off_leaves_nothing_that_is_not_cleared_away(bench: Bench) -> None:
    await bench.register("a")
    stored = DriveChannel(
        id=(await bench.register("b")).id,
        credential="default",
        account="demo@rowcast-sandbox.iam.gserviceaccount.com",
        address="x",
        resource_id=None,
        opened_at=bench.now,
        expires_at=bench.now + LIFE,
    )
    async with bench.pool.connection() as connection:
        await insert_drive_channel(connection, stored, b"")
    leader = bench.leader()
    await leader.tend()
    assert len(bench.open()) == 1
    assert len(await bench.stored()) == 2
    bench.now += LIFE
    for _ in range(2):
        await leader.tend()
    assert stored.id not in {channel.id for channel in await bench.stored()}


async def test_who_is_refused_tries_again_rarely(bench: Bench) -> None:
    await bench.register("a")
    leader = bench.leader("https://rowcast.example/hooks/drive")
    tried = []
    begun = bench.now
    for minute in (0, 0.9, 1, 2.9, 3, 6.9, 7, 14.9, 15):
        bench.now = begun + timedelta(minutes=minute)
        await leader.tend()
        if "changes/watch" in bench.calls():
            tried.append(minute)
    assert tried == [0, 1, 3, 7, 15]
    assert await bench.stored() == []


async def test_a_stop_that_fails_is_tried_again_rarely(bench: Bench) -> None:
    source = await bench.register("a")
    leader = bench.leader()
    await leader.tend()
    async with bench.pool.connection() as connection:
        await delete_source(connection, source.id)
    bench.calls()
    bench.fault(match="channels/stop", status=503, times=2)
    tried = 0
    for _ in range(10):
        await leader.tend()
        tried += bench.calls().count("channels/stop")
        bench.now += timedelta(seconds=30)
    assert tried == 3
    assert (bench.open(), await bench.stored()) == (set(), [])


async def test_a_channel_that_google_has_forgotten_is_forgotten(bench: Bench) -> None:
    source = await bench.register("a")
    leader = bench.leader()
    await leader.tend()

    def forget(office: Office) -> None:
        office.channels.clear()

    bench.sandbox.do(forget)
    async with bench.pool.connection() as connection:
        await delete_source(connection, source.id)
    await leader.tend()
    assert await bench.stored() == []
