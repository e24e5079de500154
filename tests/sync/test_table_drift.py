"""Somebody alters the table of a source by SQL, while its sheet is synced: the source follows, and an event says so."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from db.runs import RunState
from db.session import connect
from db.sources import Column, DriftPolicy, SourceState, set_state, source_by_id
from db.sync_tables import BoundTable, update_statement
from db.table_seen import TableSeen
from db.tables import Relation, Table, TableColumn, describe
from db.wire import ColumnType
from sync.runs.table_drift import plan_table_drift
from sync.runs.table_follow import follow_paused
from tests.sync.sheets import bench, make_source
from tests.sync.syncing import Sync, syncing
from tests.sync.test_drift import bound, change, told


@pytest.fixture
async def sync(database: str) -> AsyncIterator[Sync]:
    with bench() as people:
        async with syncing(database, people) as made:
            assert (await made.settle()).state is RunState.SUCCEEDED
            assert told(made) == []
            yield made


def columns(sync: Sync) -> dict[str, str]:
    """The type of each column, as the source has it."""
    ((found,),) = sync.sql("SELECT columns FROM rowcast.sources")
    return {column["name"]: column["type"] for column in found}


async def agree(sync: Sync) -> None:
    """The next run does nothing, to either side."""
    run = await sync.run()
    assert run.state in (RunState.SUCCEEDED, RunState.UNCHANGED)
    assert (run.counts.database_upserts, run.counts.source_upserts) == (0, 0)
    assert (sync.count("conflicts"), sync.failures()) == (0, [])


async def test_a_renamed_column_stays_bound(sync: Sync) -> None:
    # Both sides were edited before the source knows of it.
    sync.sql("ALTER TABLE people RENAME city TO town")
    sync.sql("UPDATE people SET town = 'Paris' WHERE id = 1")
    sync.people.type("C3", [["Rome"]])
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert told(sync) == ["Column city of public.people is town now, and stays bound to the header “City”."]
    assert bound(sync) == {"id": "ID", "name": "Name", "town": "City", "total": "Total"}
    assert sync.sql("SELECT town FROM people ORDER BY id") == [("Paris",), ("Rome",), ("Wilmslow",)]
    assert [row[2] for row in await sync.sheet()] == ["Paris", "Rome", "Wilmslow"]
    await agree(sync)
    assert told(sync) == []


async def test_a_source_that_is_paused_follows(sync: Sync) -> None:
    async with sync.pool.connection() as connection:
        await set_state(connection, sync.source.id, SourceState.PAUSED, None)
    sync.sql("ALTER TABLE people RENAME city TO town; ALTER TABLE people ADD note text")
    sync.sql("ALTER TABLE people ALTER total TYPE numeric")
    for _ in range(2):
        await follow_paused(sync.pool, sync.term)
    assert columns(sync) == {"id": "INTEGER", "name": "TEXT", "town": "TEXT", "total": "NUMERIC", "note": "TEXT"}
    assert len(told(sync)) == 3
    async with sync.pool.connection() as connection:
        await set_state(connection, sync.source.id, SourceState.ACTIVE, None)
    sync.people.type("C3", [["Rome"]])
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert sync.sql("SELECT town FROM people ORDER BY id") == [("London",), ("Rome",), ("Wilmslow",)]
    await agree(sync)
    assert told(sync) == []


async def test_columns_that_exchange_their_names_stay_what_they_are(sync: Sync) -> None:
    sync.sql(
        "ALTER TABLE people RENAME city TO other; ALTER TABLE people RENAME name TO city;"
        "ALTER TABLE people RENAME other TO name"
    )
    await sync.settle()
    assert bound(sync) == {"id": "ID", "city": "Name", "name": "City", "total": "Total"}
    assert sync.sql("SELECT city, name FROM people WHERE id = 1") == [("Ada", "London")]
    sync.people.type("C2", [["Rome"]])
    await sync.settle()
    assert sync.sql("SELECT city, name FROM people WHERE id = 1") == [("Ada", "Rome")]
    await agree(sync)


async def test_a_renamed_key_column_is_the_key_still(sync: Sync) -> None:
    sync.sql("ALTER TABLE people RENAME id TO number")
    sync.sql("INSERT INTO people (number, name) VALUES (9, 'Hedy')")
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert sync.sql("SELECT key FROM rowcast.sources") == [(["number"],)]
    assert (await sync.sheet())[-1][:2] == [9, "Hedy"]
    sync.people.type("B2", [["Ada L"]])
    await sync.settle()
    assert sync.sql("SELECT name FROM people WHERE number = 1") == [("Ada L",)]
    await agree(sync)


async def test_a_dropped_column_is_let_go_and_the_sheet_keeps_it(sync: Sync) -> None:
    sync.sql("ALTER TABLE people DROP city")
    sync.people.type("C2", [["Paris"]])
    assert (await sync.settle()).state is RunState.SUCCEEDED
    said = told(sync)
    assert said[0] == (
        "public.people has no column city any more: the header “City” keeps what it has and is synced with nothing. To "
        'have it back: ALTER TABLE "public"."people" ADD "city" text;'
    )
    assert "its column was dropped from public.people" in said[1]
    assert bound(sync) == {"id": "ID", "name": "Name", "total": "Total"}
    assert [row[2] for row in await sync.sheet()] == ["Paris", "Arlington", "Wilmslow"]
    await agree(sync)
    assert told(sync) == []
    sync.sql('ALTER TABLE "public"."people" ADD "city" text;')
    await sync.settle()
    assert bound(sync)["city"] == "City"
    assert sync.sql("SELECT city FROM people ORDER BY id") == [("Paris",), ("Arlington",), ("Wilmslow",)]
    assert [row[2] for row in await sync.sheet()] == ["Paris", "Arlington", "Wilmslow"]


async def test_a_column_dropped_and_made_again_clears_nothing(sync: Sync) -> None:
    sync.sql("ALTER TABLE people DROP city, ADD city text")
    await sync.settle()
    assert told(sync) == ["Column city of public.people was dropped and made again: it is settled anew."]
    assert [row[2] for row in await sync.sheet()] == ["London", "Arlington", "Wilmslow"]
    assert sync.sql("SELECT city FROM people ORDER BY id") == [("London",), ("Arlington",), ("Wilmslow",)]
    await agree(sync)


async def test_an_added_column_is_read_and_bound_once_the_sheet_has_it(sync: Sync) -> None:
    sync.sql("ALTER TABLE people ADD phone text, ADD twice bigint GENERATED ALWAYS AS (id * 2) STORED")
    await sync.settle()
    assert [text.partition(":")[0] for text in told(sync)] == [
        "public.people has a new column phone (TEXT)",
        "public.people has a new column twice (BIGINT)",
    ]
    assert bound(sync) == {"id": "ID", "name": "Name", "city": "City", "total": "Total", "phone": None, "twice": None}
    await agree(sync)
    sync.people.type("E1", [["Phone"], ["0042"]])
    await sync.settle()
    assert bound(sync)["phone"] == "Phone"
    assert len(sync.sql("SELECT FROM people WHERE phone IS NOT NULL")) == 1


async def test_under_strict_an_added_column_is_told_and_left_alone(sync: Sync) -> None:
    await change(sync, drift_policy=DriftPolicy.STRICT)
    sync.sql("ALTER TABLE people ADD phone text")
    await sync.settle()
    (message,) = told(sync)
    assert "driftPolicy is STRICT" in message
    assert "phone" not in bound(sync)
    await sync.settle()
    assert told(sync) == []


async def test_a_retyped_column_counts_as_its_new_type(sync: Sync) -> None:
    sync.sql("ALTER TABLE people ALTER id TYPE bigint, ALTER city TYPE varchar(20)")
    sync.sql("ALTER TABLE people ALTER total TYPE numeric(20, 2) USING total::numeric")
    before = await sync.sheet()
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert columns(sync) == {"id": "BIGINT", "name": "TEXT", "city": "TEXT", "total": "NUMERIC"}
    assert len(told(sync)) == 2
    assert await sync.sheet() == before
    sync.sql("INSERT INTO people (id, name) VALUES (5000000000, 'Hedy')")
    await sync.settle()
    assert (await sync.sheet())[-1][0] == 5_000_000_000
    await agree(sync)


async def test_a_statement_that_was_prepared_is_another_one_once_the_table_was_altered(sync: Sync) -> None:
    async def write(text: str) -> None:
        table = await describe(connection, Relation.parse(sync.source.relation))
        statement = update_statement(BoundTable.of(sync.source, table), ["city"])
        async with connection.transaction(), connection.cursor() as cursor:
            rows = await cursor.execute("SELECT xmin::text FROM people WHERE id = 1")
            await cursor.executemany(statement, [(text, 1, (await rows.fetchone() or ())[0])], returning=True)
            assert len(await cursor.fetchall()) == 1

    async with await connect(sync.dsn, "rowcast test") as connection:
        for text in ("Paris", "Rome"):
            await write(text)
        # Postgres refuses to let a prepared statement return another type.
        sync.sql("ALTER TABLE people ALTER city TYPE varchar(50)")
        await write("Oslo")
    assert sync.sql("SELECT city FROM people WHERE id = 1") == [("Oslo",)]


async def test_a_renamed_table_is_followed(sync: Sync) -> None:
    sync.sql("CREATE SCHEMA staff; ALTER TABLE people RENAME TO persons; ALTER TABLE persons SET SCHEMA staff")
    sync.sql("UPDATE staff.persons SET city = 'Paris' WHERE id = 1")
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert told(sync) == ["The table public.people is staff.persons now: the source goes with it."]
    assert sync.sql("SELECT relation, log_name FROM rowcast.sources") == [("staff.persons", "public.people")]
    sync.people.type("B2", [["Ada L"]])
    await sync.settle()
    assert sync.sql("SELECT name, city FROM staff.persons WHERE id = 1") == [("Ada L", "Paris")]
    assert (await sync.sheet())[0][1:3] == ["Ada L", "Paris"]
    await agree(sync)


async def test_another_table_in_its_place_is_not_taken_for_it(sync: Sync) -> None:
    sync.sql("ALTER TABLE people RENAME TO old; CREATE TABLE people (id integer PRIMARY KEY)")
    run = await sync.run()
    assert run.state is RunState.FAILED
    assert "public.people has no column name any more" in (run.message or "")
    assert len(sync.sql("SELECT FROM old")) == 3
    assert len(await sync.sheet()) == 3


async def test_a_dropped_key_column_is_for_people_to_mend(sync: Sync) -> None:
    sync.sql("ALTER TABLE people DROP id")
    run = await sync.run()
    assert run.state is RunState.FAILED
    assert 'ALTER TABLE "public"."people" ADD "id" integer;' in (run.message or "")
    async with sync.pool.connection() as connection:
        source = await source_by_id(connection, sync.source.id)
    assert source is not None
    assert source.key == ("id",)
    assert len(await sync.sheet()) == 3


def test_what_nobody_has_seen_before_is_matched_by_name_alone() -> None:
    source = make_source("book", [Column("id", ColumnType.INTEGER, "ID"), Column("city", ColumnType.TEXT, "City")])
    one = TableColumn("id", ColumnType.INTEGER, True, False, False, number=1)
    two = TableColumn("town", ColumnType.TEXT, False, False, False, number=2)
    table = Table(Relation("public", "people"), "r", True, (one, two), (("id",),), (), (), (), oid=7)
    assert plan_table_drift(source, table, None).columns == source.columns
    assert plan_table_drift(source, table, TableSeen(8, {"id": 1, "city": 2})).columns == source.columns
    seen = TableSeen(7, {"id": 1, "city": 2})
    assert plan_table_drift(source, table, seen).columns == (source.columns[0], replace(source.columns[1], name="town"))
