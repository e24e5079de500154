"""Registering, changing and ending sources, with a real worksheet and a real Postgres."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from db.errors import BadUserInput, Conflict, NotFound, SourceUnreachable, Unavailable
from db.feeds import FeedSecrets
from db.secrets import Keyring, hook_secrets
from db.session import Pool, make_pool
from db.sources import (
    Column,
    ConflictPolicy,
    Direction,
    SheetBinding,
    Source,
    SourceState,
    all_sources,
    lock_relation,
    set_state,
)
from db.wire import ColumnType
from sync.adapters import Adapters
from sync.feeds.input import WantedFeed
from sync.feeds.inspection import FeedInspection
from sync.registration.input import RegisterSource, UpdateSheet, UpdateSource, WantedColumn, WantedSheet
from sync.registration.inspection import SheetInspection
from sync.registration.registrar import Registration
from sync.source import Reading
from tests.sandbox.client import session_for
from tests.sync.sheets import Bench, bench, make_session


@dataclass(frozen=True, slots=True)
class Desk:
    """Where sources are registered."""

    service: Registration
    pool: Pool
    book: str

    async def sql(self, statement: str) -> list[tuple[object, ...]]:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(statement.encode())
            return await cursor.fetchall() if cursor.description else []

    def wanted(self, **changes: object) -> RegisterSource:
        return RegisterSource(**{"name": "people", "sheet": WantedSheet(self.book), "key": ("id",), **changes})  # type: ignore[arg-type]

    async def register(self, **changes: object) -> None:
        await self.service.register(self.wanted(**changes))


@pytest.fixture
def people() -> Iterator[Bench]:
    with bench() as made:
        yield made


@asynccontextmanager
async def at_desk(database: str, people: Bench) -> AsyncIterator[Desk]:
    async with make_pool(database, "test") as pool:
        service = Registration(pool, Keyring.derive("a secret"), people.adapters)
        yield Desk(service, pool, people.book)


@pytest.fixture
async def desk(database: str, people: Bench) -> AsyncIterator[Desk]:
    async with at_desk(database, people) as made:
        yield made


async def test_a_worksheet_becomes_a_table(desk: Desk) -> None:
    source = await desk.service.register(desk.wanted())
    assert [(column.name, column.type, column.read_only) for column in source.columns] == [
        ("id", ColumnType.INTEGER, False),
        ("name", ColumnType.TEXT, False),
        ("city", ColumnType.TEXT, False),
        ("total", ColumnType.INTEGER, True),
    ]
    assert await desk.service.get("people") == source
    assert await desk.sql("SELECT tablename FROM pg_publication_tables WHERE pubname = 'rowcast_tables'") == [
        ("people",)
    ]
    assert await desk.sql("SELECT kind, message FROM rowcast.events") == [("STATE", "The source was registered.")]


async def test_without_a_key_the_sheet_gets_a_hidden_column(desk: Desk, people: Bench) -> None:
    source = await desk.service.register(desk.wanted(key=None))
    assert (source.managed_key, source.key) == (True, ("rowcast_id",))
    shown = (await people.shown())[0]
    assert (shown[:4], shown[-1]) == (["ID", "Name", "City", "Total"], "rowcast_id")
    await desk.sql("INSERT INTO people (name) VALUES ('Edsger')")
    assert await desk.sql("SELECT rowcast_id IS NOT NULL FROM people") == [(True,)]


async def test_nothing_is_left_of_a_registration_that_fails(desk: Desk) -> None:
    await desk.sql("CREATE TABLE taken (id integer)")
    with pytest.raises(BadUserInput, match="adopt: true"):
        await desk.register(table="taken")
    with pytest.raises(BadUserInput, match='CREATE SCHEMA "nowhere"'):
        await desk.register(table="nowhere.people")
    with pytest.raises(BadUserInput, match=r"no table public\.people to adopt"):
        await desk.register(adopt=True)
    with pytest.raises(SourceUnreachable):
        await desk.register(sheet=WantedSheet("no-such-spreadsheet"))
    with pytest.raises(BadUserInput, match="no worksheet"):
        await desk.register(sheet=WantedSheet(desk.book, "Nope"))
    with pytest.raises(BadUserInput, match="no credential “other”: there are default"):
        await desk.register(sheet=WantedSheet(desk.book, credential="other"))
    async with desk.pool.connection() as connection:
        assert await all_sources(connection) == []
    assert await desk.sql("SELECT to_regclass('public.people')") == [(None,)]


async def test_a_sheet_shared_for_reading_is_registered_in_one_direction(database: str, people: Bench) -> None:
    reader = "reader@rowcast-sandbox.iam.gserviceaccount.com"
    session = make_session(people.sandbox, email=reader)
    share = {"type": "user", "role": "reader", "emailAddress": reader}
    url = f"https://www.googleapis.com/drive/v3/files/{people.book}/permissions"
    with session_for(people.sandbox) as owners:
        owners.post(url, json=share).raise_for_status()
    async with make_pool(database, "test") as pool:
        service = Registration(pool, Keyring.derive("a secret"), Adapters({"default": session}))
        desk = Desk(service, pool, people.book)
        with pytest.raises(BadUserInput, match="for reading only: share it as Editor"):
            await desk.register()
        await desk.register(direction=Direction.FROM_SOURCE)
    session.close()


async def test_a_name_and_a_worksheet_are_given_once(desk: Desk) -> None:
    await desk.register()
    with pytest.raises(BadUserInput, match='a source "people" already'):
        await desk.register()
    with pytest.raises(BadUserInput, match="belongs to another source"):
        await desk.register(name="again")


async def test_a_table_is_adopted_and_shared(desk: Desk, people: Bench) -> None:
    await desk.sql("CREATE TABLE folk (id bigint PRIMARY KEY, name text, city text, total float8, extra text)")
    with pytest.raises(BadUserInput, match=r'ALTER TABLE "public"\."folk" REPLICA IDENTITY FULL;'):
        await desk.register(table="folk", adopt=True)
    await desk.sql("ALTER TABLE folk REPLICA IDENTITY FULL")
    source = await desk.service.register(desk.wanted(table="folk", adopt=True, key=None))
    assert source.key == ("id",)
    assert source.column("extra") is not None
    assert [column.name for column in source.bound] == ["id", "name", "city", "total"]

    await people.batch({"addSheet": {"properties": {"title": "More"}}})
    people.type("A1", [["Name", "City"]], "More")
    await desk.sql("ALTER TABLE folk ALTER name SET NOT NULL, ADD UNIQUE (name), ALTER id SET DEFAULT 0")
    with pytest.raises(BadUserInput, match="with the key id"):
        await desk.register(name="more", sheet=WantedSheet(desk.book, "More"), table="folk", adopt=True, key=("name",))
    people.type("A1", [["ID", "Name", "City"]], "More")
    await desk.register(name="more", sheet=WantedSheet(desk.book, "More"), table="folk", adopt=True)

    with pytest.raises(BadUserInput, match="is shared with more"):
        await desk.service.delete("people", drop=True)
    await desk.service.delete("people", drop=False)
    assert len(await desk.sql("SELECT 1 FROM pg_publication_tables WHERE tablename = 'folk'")) == 1
    with pytest.raises(BadUserInput, match="was adopted"):
        await desk.service.delete("more", drop=True)
    await desk.service.delete("more", drop=False)
    assert await desk.sql("SELECT 1 FROM pg_publication_tables WHERE tablename = 'folk'") == []
    assert await desk.sql("SELECT count(*) FROM folk") == [(0,)]


async def test_a_publication_that_is_not_streamed_yet_is_waited_for(desk: Desk) -> None:
    await desk.sql("CREATE TABLE folk (id int PRIMARY KEY, name text, city text, total int)")
    await desk.sql("ALTER TABLE folk REPLICA IDENTITY FULL")
    await desk.sql("CREATE PUBLICATION rowcast_folk FOR TABLE folk WITH (publish_via_partition_root = true)")
    await desk.sql(
        """INSERT INTO rowcast.log_state (epoch, system_id, timeline, slot, term, head_lsn, head_index, decoded_to,
               floor_lsn, publications) VALUES (1, 'x', 1, 'x', 1, 1, 0, 1, 1, '{rowcast_tables}')"""
    )
    with pytest.raises(Conflict, match="rowcast_folk"):
        await desk.register(table="folk", adopt=True)
    await desk.sql("UPDATE rowcast.log_state SET publications = '{rowcast_tables,rowcast_folk}'")
    await desk.register(table="folk", adopt=True)


async def test_a_table_of_ours_is_dropped_when_asked(desk: Desk) -> None:
    await desk.register()
    await desk.sql("CREATE VIEW shown AS SELECT * FROM people")
    with pytest.raises(Conflict, match="view shown"):
        await desk.service.delete("people", drop=True)
    assert (await desk.service.get("people")).name == "people"
    await desk.sql("DROP VIEW shown")
    await desk.service.delete("people", drop=True)
    with pytest.raises(NotFound):
        await desk.service.get("people")
    assert await desk.sql("SELECT to_regclass('public.people')") == [(None,)]


async def test_settings_are_changed_and_kept(desk: Desk) -> None:
    source = await desk.service.register(desk.wanted(description="People"))
    changed = await desk.service.update(
        "people", UpdateSource(poll_seconds=7, conflict_policy=ConflictPolicy.MANUAL, description=None)
    )
    assert (changed.poll_seconds, changed.conflict_policy, changed.description) == (7, ConflictPolicy.MANUAL, None)
    assert changed.columns == source.columns
    with pytest.raises(BadUserInput, match="direction can't be cleared"):
        await desk.service.update("people", UpdateSource(direction=None))  # type: ignore[arg-type]
    with pytest.raises(BadUserInput, match=r"sheet\.worksheet can't be cleared"):
        await desk.service.update("people", UpdateSource(sheet=UpdateSheet(worksheet=None)))  # type: ignore[arg-type]
    with pytest.raises(BadUserInput, match="1 at least"):
        await desk.service.update("people", UpdateSource(poll_seconds=0))
    with pytest.raises(NotFound):
        await desk.service.update("nobody", UpdateSource(poll_seconds=9))


async def test_a_sheet_with_a_managed_key_stays_written(desk: Desk) -> None:
    await desk.register(key=None)
    with pytest.raises(BadUserInput, match="FROM_SOURCE writes nothing"):
        await desk.service.update("people", UpdateSource(direction=Direction.FROM_SOURCE))


async def test_a_column_changes_its_type_in_the_table(desk: Desk) -> None:
    await desk.register()
    await desk.sql("INSERT INTO people (id, city) VALUES (1, 'x')")
    await desk.service.update("people", UpdateSource(columns=(WantedColumn("id", type=ColumnType.BIGINT),)))
    assert await desk.sql("SELECT pg_typeof(id)::text FROM people") == [("bigint",)]
    with pytest.raises(BadUserInput, match="don't all fit INTEGER"):
        await desk.service.update("people", UpdateSource(columns=(WantedColumn("city", type=ColumnType.INTEGER),)))
    with pytest.raises(BadUserInput, match="no column nope"):
        await desk.service.update("people", UpdateSource(columns=(WantedColumn("nope"),)))
    with pytest.raises(BadUserInput, match='no header "Nope"'):
        await desk.service.update("people", UpdateSource(columns=(WantedColumn("city", field="Nope"),)))


async def test_a_new_header_becomes_a_column(desk: Desk, people: Bench) -> None:
    await desk.register()
    people.type("E1", [["Phone"], ["0123"]])
    with pytest.raises(BadUserInput, match="give its field"):
        await desk.service.update("people", UpdateSource(columns=(WantedColumn("phone"),)))
    added = WantedColumn("phone", field="Phone", type=ColumnType.TEXT)
    changed = await desk.service.update("people", UpdateSource(columns=(added,)))
    assert changed.column("phone") == Column("phone", ColumnType.TEXT, "Phone")
    assert await desk.sql("SELECT phone FROM people") == []
    with pytest.raises(BadUserInput, match='no header "Nope"'):
        await desk.service.update(
            "people", UpdateSource(columns=(WantedColumn("x", field="Nope", type=ColumnType.TEXT),))
        )


async def test_an_adopted_table_gets_its_columns_from_its_owner(desk: Desk, people: Bench) -> None:
    await desk.sql("CREATE TABLE folk (id int PRIMARY KEY, name text, city text, total int)")
    await desk.sql("ALTER TABLE folk REPLICA IDENTITY FULL")
    await desk.register(table="folk", adopt=True)
    people.type("E1", [["Phone"]])
    added = UpdateSource(columns=(WantedColumn("phone", field="Phone", type=ColumnType.TEXT),))
    with pytest.raises(BadUserInput, match=r'ALTER TABLE "public"\."folk" ADD "phone" text;'):
        await desk.service.update("people", added)
    await desk.sql("ALTER TABLE folk ADD phone text")
    assert (await desk.service.update("people", added)).column("phone") is not None


async def test_an_adopted_table_keeps_its_owners_types(desk: Desk) -> None:
    await desk.sql("CREATE TABLE folk (id int PRIMARY KEY, name text, city text, total int)")
    await desk.sql("ALTER TABLE folk REPLICA IDENTITY FULL")
    await desk.register(table="folk", adopt=True)
    with pytest.raises(BadUserInput, match=r'ALTER TABLE "public"\."folk" ALTER "id" TYPE bigint;'):
        await desk.service.update("people", UpdateSource(columns=(WantedColumn("id", type=ColumnType.BIGINT),)))
    await desk.sql("ALTER TABLE folk ALTER id TYPE bigint")
    changed = await desk.service.update("people", UpdateSource(columns=(WantedColumn("id", type=ColumnType.BIGINT),)))
    assert changed.columns[0].type is ColumnType.BIGINT


async def test_a_source_moves_to_another_worksheet(desk: Desk, people: Bench) -> None:
    await desk.register()
    await people.batch({"addSheet": {"properties": {"title": "Next"}}})
    with pytest.raises(BadUserInput, match='no header "ID"'):
        await desk.service.update("people", UpdateSource(sheet=UpdateSheet(worksheet="Next")))
    people.type("A2", [["ID", "Name", "City", "Total"]], "Next")
    moved = await desk.service.update("people", UpdateSource(sheet=UpdateSheet(worksheet="Next", header_row=2)))
    assert moved.sheet is not None
    assert (moved.sheet.worksheet, moved.sheet.header_row) == ("Next", 2)
    with pytest.raises(BadUserInput, match="counts from 1"):
        await desk.service.update("people", UpdateSource(sheet=UpdateSheet(header_row=0)))


async def test_a_worksheet_of_another_source_is_not_taken(desk: Desk, people: Bench) -> None:
    await desk.register()
    await people.batch({"addSheet": {"properties": {"title": "More"}}})
    people.type("A1", [["ID", "Name", "City", "Total"]], "More")
    await desk.register(name="more", sheet=WantedSheet(desk.book, "More"))
    with pytest.raises(BadUserInput, match="belongs to another source"):
        await desk.service.update("more", UpdateSource(sheet=UpdateSheet(worksheet="Sheet1")))


async def test_a_worksheet_of_another_source_gets_no_key_column(desk: Desk, people: Bench) -> None:
    await desk.register()
    with pytest.raises(BadUserInput, match="belongs to another source"):
        await desk.register(name="more", key=None)
    assert "rowcast_id" not in (await people.shown())[0]


async def test_a_change_made_meanwhile_is_not_overwritten(desk: Desk, people: Bench) -> None:
    await desk.register()
    inspect = people.adapters.inspect

    @dataclass(frozen=True, slots=True)
    class Meanwhile:
        statement: str

        async def inspect(self, sheet: WantedSheet) -> SheetInspection:
            await desk.sql(self.statement)
            return await inspect(sheet)

        async def inspect_feed(self, feed: WantedFeed, extra: Sequence[str], keyed: Collection[str]) -> FeedInspection:
            raise AssertionError(feed, extra, keyed)

        async def read_feed(self, source: Source, secrets: FeedSecrets) -> Reading:
            raise AssertionError(source, secrets)

        async def add_managed_key(self, binding: SheetBinding) -> None:
            raise AssertionError(binding)

    here = UpdateSource(sheet=UpdateSheet(header_row=1))
    slow = Registration(desk.pool, desk.service.keyring, Meanwhile("UPDATE rowcast.sources SET poll_seconds = 99"))
    with pytest.raises(Conflict, match="at the same moment"):
        await slow.update("people", here)
    assert (await desk.service.get("people")).poll_seconds == 99
    await desk.service.update("people", here)
    slow = Registration(desk.pool, desk.service.keyring, Meanwhile("DELETE FROM rowcast.sources"))
    with pytest.raises(Conflict, match="at the same moment"):
        await slow.update("people", here)


async def test_settings_alone_do_not_begin_anew(desk: Desk, people: Bench) -> None:
    await desk.register()
    await desk.sql("UPDATE rowcast.sync_state SET cursor = 'c', seen = '{\"version\": \"1\"}'")
    await desk.service.update("people", UpdateSource(poll_seconds=9))
    assert await desk.sql("SELECT cursor, seen FROM rowcast.sync_state") == [("c", {})]
    await people.batch({"addSheet": {"properties": {"title": "Next"}}})
    people.type("A1", [["ID", "Name", "City", "Total"]], "Next")
    await desk.service.update("people", UpdateSource(sheet=UpdateSheet(worksheet="Next")))
    assert await desk.sql("SELECT cursor, seen FROM rowcast.sync_state") == [(None, {})]


async def test_a_column_is_given_once_and_binds_a_header_of_its_own(desk: Desk) -> None:
    await desk.register()
    with pytest.raises(BadUserInput, match='"Name" is bound twice'):
        await desk.service.update("people", UpdateSource(columns=(WantedColumn("city", field="Name"),)))
    with pytest.raises(BadUserInput, match="columns names city twice"):
        await desk.service.update("people", UpdateSource(columns=(WantedColumn("city"), WantedColumn("city"))))


async def test_a_source_bound_at_the_same_moment_keeps_its_table_published(desk: Desk, people: Bench) -> None:
    await desk.register()
    await people.batch({"addSheet": {"properties": {"title": "More"}}})
    people.type("A1", [["ID", "Name", "City", "Total"]], "More")
    more = desk.register(name="more", sheet=WantedSheet(desk.book, "More"), table="people", adopt=True)
    await asyncio.gather(more, desk.service.delete("people", drop=False))
    assert await desk.sql("SELECT pubname FROM pg_publication_tables") == [("rowcast_tables",)]
    outcomes = await asyncio.gather(
        *(desk.service.delete("more", drop=False) for _ in range(2)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [NotFound]


async def test_a_table_dropped_at_the_same_moment_is_said(desk: Desk, people: Bench) -> None:
    await desk.sql("CREATE TABLE folk (id int PRIMARY KEY, name text, city text, total int)")
    await desk.sql("ALTER TABLE folk REPLICA IDENTITY FULL")
    wanted = desk.wanted(table="folk", adopt=True)
    async with desk.pool.connection() as connection:
        await lock_relation(connection, "public.folk")
        registering = asyncio.create_task(desk.service.register(wanted))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while await desk.sql(waiting) == [(0,)]:
            assert not registering.done()
        await desk.sql("DROP TABLE folk")
    with pytest.raises(Conflict, match="dropped at the same moment"):
        await registering


async def test_pausing_and_resuming(desk: Desk) -> None:
    source = await desk.service.register(desk.wanted())
    assert (await desk.service.pause("people")).state is SourceState.PAUSED
    assert (await desk.service.pause("people")).state is SourceState.PAUSED
    assert (await desk.service.resume("people")).state is SourceState.ACTIVE
    async with desk.pool.connection() as connection:
        await set_state(connection, source.id, SourceState.HELD, "too many deletes")
    assert (await desk.service.resume("people")).state is SourceState.HELD
    messages = [message for (message,) in await desk.sql("SELECT message FROM rowcast.events ORDER BY id")]
    assert messages == ["The source was registered.", "The source was paused.", "The source was resumed."]


async def test_a_hook_secret_rotates_and_the_old_one_serves_on(desk: Desk) -> None:
    source = await desk.service.register(desk.wanted())
    first = await desk.service.rotate_hook_secret("people")
    second = await desk.service.rotate_hook_secret("people")
    async with desk.pool.connection() as connection:
        assert await hook_secrets(connection, desk.service.keyring, source.id) == [second, first]
        with pytest.raises(Unavailable, match="ROWCAST_SECRET_KEY"):
            await hook_secrets(connection, Keyring.derive("another"), source.id)
    await desk.sql("UPDATE rowcast.secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
    async with desk.pool.connection() as connection:
        assert await hook_secrets(connection, desk.service.keyring, source.id) == [second]
    await desk.service.delete("people", drop=False)
    assert await desk.sql("SELECT 1 FROM rowcast.secrets") == []
