"""Headers that people rename, move, remove, bring back and add, while the sync of a real sheet goes on."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from db.runs import RunState
from db.session import session_dsn
from db.sources import Column, Direction, DriftPolicy, SourceState, source_by_id, update_source
from db.wire import ColumnType
from tests.sync.sheets import bench
from tests.sync.syncing import Sync, syncing
from tests.sync.test_sheet_engine import BATCH, READ


@pytest.fixture
async def sync(database: str) -> AsyncIterator[Sync]:
    with bench() as people:
        async with syncing(database, people) as made:
            assert (await made.settle()).state is RunState.SUCCEEDED
            yield made


def bound(sync: Sync) -> dict[str, str | None]:
    """The header of each column, as the source has it."""
    ((columns,),) = sync.sql("SELECT columns FROM rowcast.sources")
    return {column["name"]: column["field"] for column in columns}


def told(sync: Sync) -> list[str]:
    """The messages of the drift since the last look."""
    found = [message for (message,) in sync.sql("SELECT message FROM rowcast.events WHERE kind = 'DRIFT' ORDER BY id")]
    sync.sql("DELETE FROM rowcast.events WHERE kind = 'DRIFT'")
    return found


async def change(sync: Sync, **settings: Any) -> None:
    async with sync.pool.connection() as connection:
        source = await source_by_id(connection, sync.source.id)
        assert source is not None
        sync.source = await update_source(connection, replace(source, **settings))


async def tags(sync: Sync) -> dict[str, int]:
    """The place of each tag of the sheet, by its text."""
    fields = "sheets(data(columnMetadata(developerMetadata(metadataKey,metadataValue))))"
    answer = await sync.people.looks(sync.people.book, fields)
    columns = answer["sheets"][0]["data"][0]["columnMetadata"]
    return {
        one["metadataValue"]: place
        for place, column in enumerate(columns)
        for one in column.get("developerMetadata", ())
        if one["metadataKey"] == "rowcast"
    }


async def move_column(sync: Sync, start: int, to: int) -> None:
    await sync.people.batch({"moveDimension": {
        "source": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": start, "endIndex": start + 1},
        "destinationIndex": to,
    }})  # fmt: skip


async def delete_column(sync: Sync, place: int) -> None:
    await sync.people.batch({"deleteDimension": {
        "range": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": place, "endIndex": place + 1}
    }})  # fmt: skip


async def test_columns_are_tagged_in_one_call_and_then_left_alone(sync: Sync) -> None:
    assert await tags(sync) == {"people.id": 0, "people.name": 1, "people.city": 2, "people.total": 3}
    sync.people.type("B2", [["Ada L"]])
    sync.people.calls()
    await sync.settle()
    assert [call for call in sync.people.calls() if call.startswith("POST")] == []


async def test_a_renamed_and_moved_column_stays_what_it_is(sync: Sync) -> None:
    sync.people.type("C1", [["Town"]])
    sync.people.type("A1", [["Number"]])
    await move_column(sync, 2, 0)
    sync.people.type("A2", [["Paris"]])
    sync.sql("UPDATE people SET city = 'Boston' WHERE id = 2")
    await sync.settle()
    assert bound(sync) == {"id": "Number", "name": "Name", "city": "Town", "total": "Total"}
    assert sorted(told(sync)) == [
        "The header “City” is “Town” now: column city goes with it.",
        "The header “ID” is “Number” now: column id goes with it.",
    ]
    assert sync.sql("SELECT city FROM people ORDER BY id") == [("Paris",), ("Boston",), ("Wilmslow",)]
    assert [row[:3] for row in await sync.sheet()] == [
        ["Paris", 1, "Ada"],
        ["Boston", 2, "Grace"],
        ["Wilmslow", 3, "Alan"],
    ]
    assert (sync.count("conflicts"), sync.count("failures")) == (0, 0)
    await sync.settle()
    assert told(sync) == []


async def test_swapped_headers_rename_both(sync: Sync) -> None:
    sync.people.type("B1", [["City", "Name"]])
    await sync.settle()
    assert bound(sync) == {"id": "ID", "name": "City", "city": "Name", "total": "Total"}
    assert sync.sql("SELECT name, city FROM people WHERE id = 1") == [("Ada", "London")]


async def test_a_tag_that_landed_at_another_column_does_not_count(database: str) -> None:
    """Somebody moves a column between our look and the tags."""
    with bench() as people:
        async with syncing(database, people) as sync:
            # The header row changes hands right after the reading that the tags are placed by.
            lines = [
                ["ID", "City", "Name"],
                ["1", "London", "Ada"],
                ["2", "Arlington", "Grace"],
                ["3", "Wilmslow", "Alan"],
            ]
            people.type_after(READ, "A1", lines)
            await sync.settle()
            assert bound(sync) == {"id": "ID", "name": "Name", "city": "City", "total": "Total"}
            assert sync.sql("SELECT name, city FROM people WHERE id = 1") == [("Ada", "London")]
            await sync.settle()
            people.type("B1", [["Town"]])
            await sync.settle()
            assert bound(sync)["city"] == "Town"
            assert sync.sql("SELECT name, city FROM people WHERE id = 1") == [("Ada", "London")]


async def test_tags_that_somebody_removed_are_left_again(sync: Sync) -> None:
    await sync.people.batch(
        {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataKey": "rowcast"}}}}
    )
    assert await tags(sync) == {}
    await sync.settle()
    assert len(await tags(sync)) == 4
    sync.people.type("C1", [["Town"]])
    await sync.settle()
    assert bound(sync)["city"] == "Town"


async def test_a_copy_of_a_tag_says_nothing(sync: Sync) -> None:
    await sync.people.batch({"createDeveloperMetadata": {"developerMetadata": {
        "metadataKey": "rowcast",
        "metadataValue": "people.city",
        "visibility": "DOCUMENT",
        "location": {"dimensionRange": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}},
    }}})  # fmt: skip
    sync.people.type("C2", [["Paris"]])
    await sync.settle()
    assert bound(sync) == {"id": "ID", "name": "Name", "city": "City", "total": "Total"}
    assert sync.sql("SELECT name, city FROM people WHERE id = 1") == [("Ada", "Paris")]


async def test_a_sheet_that_takes_no_tags_goes_by_its_headers(database: str) -> None:
    with bench() as people:
        people.fault(BATCH, status=400)
        async with syncing(database, people) as sync:
            assert (await sync.settle()).state is RunState.SUCCEEDED
            people.calls()
            await sync.settle()
            assert [call for call in people.calls() if call.startswith("POST")] == []
            assert len(sync.sql("SELECT FROM people")) == 3


async def test_from_source_leaves_no_tags_and_goes_by_the_headers(database: str) -> None:
    with bench() as people:
        async with syncing(database, people) as sync:
            await change(sync, direction=Direction.FROM_SOURCE)
            await sync.settle()
            assert await tags(sync) == {}
            people.type("C1", [["Town"]])
            await sync.settle()
            assert bound(sync) == {"id": "ID", "name": "Name", "city": None, "total": "Total", "town": "Town"}
            assert sync.sql("SELECT city, town FROM people WHERE id = 1") == [("London", "London")]


async def test_a_new_header_becomes_a_column_of_the_table(sync: Sync) -> None:
    sync.people.type("E1", [["Born on"], ["12/10/1815"], [""], ["6/23/1912"]])
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert told(sync) == ["The new header “Born on” (Sheet1!E1) is column born_on (DATE) now."]
    assert bound(sync)["born_on"] == "Born on"
    assert sync.sql("SELECT born_on::text FROM people ORDER BY id") == [("1815-12-10",), (None,), ("1912-06-23",)]
    sync.sql("UPDATE people SET born_on = '1906-12-09' WHERE id = 2")
    await sync.settle()
    assert (await sync.people.shown("E3", render="FORMATTED_VALUE")) != []
    assert (await sync.sheet())[1][4] == 2535
    assert "people.born_on" in await tags(sync)
    assert told(sync) == []


async def test_a_new_column_takes_what_the_table_made_of_it_by_sql(sync: Sync) -> None:
    sync.sql("ALTER TABLE people ADD phone text")
    sync.sql("UPDATE people SET phone = '0042' WHERE id = 1")
    sync.people.type("E1", [["Phone"], [""], ["7"]])
    await sync.settle()
    assert sync.sql("SELECT phone FROM people ORDER BY id") == [("0042",), ("7",), (None,)]
    assert [[*row, ""][4] for row in await sync.sheet()] == ["0042", 7, ""]


async def test_under_strict_a_new_header_is_told_once(sync: Sync) -> None:
    await change(sync, drift_policy=DriftPolicy.STRICT)
    sync.people.type("E1", [["Phone"], ["7"]])
    assert (await sync.settle()).state is RunState.SUCCEEDED
    (message,) = told(sync)
    assert "“Phone” (Sheet1!E1)" in message
    assert "STRICT" in message
    await sync.settle()
    assert told(sync) == []
    assert "phone" not in bound(sync)
    sync.people.type("E1", [[""], [""]])
    await sync.settle()
    sync.people.type("E1", [["Phone"]])
    await sync.settle()
    assert len(told(sync)) == 1
    await change(sync, drift_policy=DriftPolicy.ADD_COLUMNS)
    await sync.settle()
    assert bound(sync)["phone"] == "Phone"


async def test_a_table_that_rules_takes_no_new_column_and_clears_none(sync: Sync) -> None:
    await change(sync, direction=Direction.TO_SOURCE)
    sync.people.type("E1", [["Notes"], ["mine"]])
    await sync.settle()
    assert "notes" not in bound(sync)
    assert (await sync.sheet())[0][4] == "mine"
    assert len(told(sync)) == 1


async def test_a_vanished_column_keeps_its_data_and_comes_back(sync: Sync) -> None:
    await delete_column(sync, 2)
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert bound(sync) == {"id": "ID", "name": "Name", "city": None, "total": "Total"}
    assert len(told(sync)) == 1
    assert sync.sql("SELECT city FROM people ORDER BY id") == [("London",), ("Arlington",), ("Wilmslow",)]
    sync.sql("UPDATE people SET city = 'Boston' WHERE id = 2")
    sync.people.type("B2", [["Ada L"]])
    await sync.settle()
    assert sync.sql("SELECT name, city FROM people WHERE id = 1") == [("Ada L", "London")]
    # It is back, empty but for one cell: what the table has goes into the others.
    sync.people.type("D1", [["City"], ["Paris"]])
    await sync.settle()
    assert bound(sync)["city"] == "City"
    assert told(sync) == ["The header “City” is there: column city is bound to it."]
    assert sync.sql("SELECT city FROM people ORDER BY id") == [("London",), ("Boston",), ("Wilmslow",)]
    assert [row[3] for row in await sync.sheet()] == ["London", "Boston", "Wilmslow"]
    # Both had a value for one cell and never agreed on it: the policy's choice, and the other one is on record.
    assert sync.sql("SELECT source_value, database, state FROM rowcast.conflicts") == [("Paris", "London", "RESOLVED")]


async def test_a_blanked_header_keeps_its_column(sync: Sync) -> None:
    sync.people.type("C1", [[""], ["Paris"]])
    await sync.settle()
    assert bound(sync)["city"] == "City"
    assert sync.sql("SELECT city FROM people WHERE id = 1") == [("Paris",)]
    assert sync.sql("SELECT code, address FROM rowcast.failures WHERE state = 'OPEN'") == [
        ("BLANK_HEADER", "Sheet1!C1")
    ]


async def test_a_vanished_key_column_fails_the_source_and_deletes_nothing(sync: Sync) -> None:
    await delete_column(sync, 0)
    assert (await sync.run()).state is RunState.FAILED
    ((state, reason),) = sync.sql("SELECT state, state_reason FROM rowcast.sources")
    assert state == SourceState.FAILING.value
    assert "“ID” of the key column id" in reason
    assert len(sync.sql("SELECT FROM people")) == 3
    assert bound(sync)["city"] == "City"
    sync.people.type("D1", [["ID"], ["1"], ["2"], ["3"]])
    await sync.settle()
    assert sync.sql("SELECT state, state_reason FROM rowcast.sources") == [(SourceState.ACTIVE.value, None)]
    assert len(sync.sql("SELECT FROM people")) == 3


async def test_an_adopted_table_is_not_altered(sync: Sync) -> None:
    sync.sql("UPDATE rowcast.sources SET adopted = true")
    sync.people.type("E1", [["Phone"], ["7"]])
    assert (await sync.settle()).state is RunState.PARTIAL
    statement = 'ALTER TABLE "public"."people" ADD "phone" integer;'
    (message,) = told(sync)
    assert message.endswith(statement)
    await sync.settle()
    assert told(sync) == []
    assert sync.sql("SELECT code, address, message FROM rowcast.failures") == [("NEW_HEADER", "Sheet1!E1", message)]
    sync.sql(statement)
    assert (await sync.settle()).state is RunState.SUCCEEDED
    assert sync.sql("SELECT phone FROM people ORDER BY id") == [(7,), (None,), (None,)]
    assert sync.count("failures") == 0


async def test_a_table_in_use_gets_its_column_later(sync: Sync) -> None:
    sync.people.type("E1", [["Phone"], ["7"]])
    with psycopg.connect(session_dsn(sync.dsn, "user")) as user:
        user.execute("SELECT FROM people")
        run = await sync.run()
        assert run.state is RunState.PARTIAL
        assert "phone can't be added yet" in (run.message or "")
    await sync.settle()
    assert sync.sql("SELECT phone FROM people WHERE id = 1") == [(7,)]


async def test_what_a_source_of_before_knows_is_still_read(sync: Sync) -> None:
    """Columns that were stored before there were tags."""
    ((columns,),) = sync.sql("SELECT columns FROM rowcast.sources")
    old = [{name: value for name, value in column.items() if name not in ("tag", "former")} for column in columns]
    sync.sql(f"UPDATE rowcast.sources SET columns = '{json.dumps(old)}'")
    await sync.settle()
    async with sync.pool.connection() as connection:
        source = await source_by_id(connection, sync.source.id)
    assert source is not None
    assert source.columns[0].tag is not None
    assert Column("id", ColumnType.INTEGER, "ID") == replace(source.columns[0], tag=None)
