"""What ends or changes for all members of a group at once: the log's epoch, the source's columns, the source itself."""

import json
from typing import Any

import psycopg
import pytest

from api.live.members import Group
from db.session import connect
from db.sources import Column, source_by_name, update_columns
from db.table_seen import TableSeen, keep_table_seen
from db.wire import ColumnType
from schema import subscriber as subscriber_module
from tests.live.client import EVERYTHING, TABLE, seen, shared, stock
from tests.live.conftest import bind
from tests.live.objects import objects_of
from tests.live.test_delivery import codes, joined
from tests.schema.ground import CUSTOMERS
from tests.server import ThreadServer

Sql = psycopg.AsyncConnection


async def test_a_new_epoch_resets_those_with_a_snapshot_and_ends_the_others(live: ThreadServer, sql: Sql) -> None:
    await sql.execute(f"INSERT INTO {TABLE} VALUES (1, 'x')".encode())
    async with shared(live, variables={"snapshot": True}) as one, shared(live) as other:
        for client in (one, other):
            await client.up_to_date()
        await joined(live, 2, 1)
        # As a server does that was restored from another one.
        await sql.execute("UPDATE rowcast.log_state SET system_id = '1'")
        await sql.execute(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database()"
        )
        batches = await one.up_to_date()
        assert [batch["reset"] for batch in batches] == [True, False, False]
        assert seen(batches) == [("INSERT", 1)]
        message = await other.message()
        assert [code for _, code in codes(message)] == ["CURSOR_EXPIRED"]
        assert (await other.message())["type"] == "complete"
        await joined(live, 1, 1)
        await sql.execute(f"INSERT INTO {TABLE} VALUES (2, 'y')".encode())
        assert seen([await one.batch()]) == [("INSERT", 2)]


async def test_a_column_that_the_source_gets_is_sent_from_then_on(
    live: ThreadServer, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "ASK_AGAIN_S", 0.0)
    monkeypatch.setattr("api.live.groups.ASK_AGAIN_S", 0.0)
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "growing")
    query = EVERYTHING.replace(TABLE, "growing")
    async with shared(live, query) as one, shared(live, query) as other:
        for client in (one, other):
            await client.up_to_date()
        await joined(live, 2, 1)
        await sql.execute("ALTER TABLE growing ADD phone text, ADD inner_note text")
        await sql.execute("INSERT INTO growing VALUES (1, 'Ada')")
        for client in (one, other):
            [change] = (await client.batch())["changes"]
            assert set(change["row"]) == {"id", "name", "age", "total"}, "they are nobody's columns yet"
        async with await connect(live.settings.database_url, "rowcast test") as connection:
            source = await source_by_name(connection, "growing")
            assert source is not None
            await update_columns(connection, source.id, [*CUSTOMERS, Column("phone", ColumnType.TEXT, "Phone")])
        # They were known not to be the source's: who follows it hears of that a little later.
        last: Any = {}
        shown, number = False, 0
        while not shown:
            number += 1
            await sql.execute(f"UPDATE growing SET phone = '{number}', age = {number}".encode())
            changes = [(await client.batch())["changes"] for client in (one, other)]
            assert changes[0] == changes[1]
            [last] = changes[0]
            shown = "phone" in last["row"]
            assert last["row"]["age"] == number
            assert set(last["changed"]) == ({"phone", "age"} if shown else {"age"})
        assert last["row"]["phone"] == str(number)
        # The table has a column still that the source hasn't; it keeps them from nothing.
        await sql.execute("UPDATE growing SET inner_note = 'x', age = -1")
        for client in (one, other):
            [change] = (await client.batch())["changes"]
            assert change["changed"] == ["age"]


async def test_a_group_stays_though_its_table_has_a_column_that_is_not_the_sources(
    live: ThreadServer, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.groups.ASK_AGAIN_S", 0.0)
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "adopted")
    await sql.execute("ALTER TABLE adopted ADD own text")
    query = EVERYTHING.replace(TABLE, "adopted")
    async with shared(live, query) as one, shared(live, query) as other:
        groups = []
        for client in (one, other):
            await client.up_to_date()
        for n in range(6):
            await joined(live, 2, 1)
            groups.append([each for each in objects_of(Group) if each.members])
            await sql.execute(f"INSERT INTO adopted VALUES ({n}, 'x')".encode())
            for client in (one, other):
                assert seen([await client.batch()]) == [("INSERT", n)]
        # The first commit showed it to them. They were asked about it at each since.
        assert all(each == groups[1] for each in groups[1:])
        assert len(groups[1]) == 1


async def test_a_group_stays_though_its_rows_have_a_mark_that_nobody_is_shown(live: ThreadServer, sql: Sql) -> None:
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "marked")
    await sql.execute("ALTER TABLE marked ADD deleted_at timestamptz")
    await sql.execute("UPDATE rowcast.sources SET delete_policy = 'SOFT', hides_deleted = true WHERE name = 'marked'")
    query = EVERYTHING.replace(TABLE, "marked")
    async with shared(live, query) as one, shared(live, query) as other:
        for client in (one, other):
            await client.up_to_date()
        await joined(live, 2, 1)
        [group] = [each for each in objects_of(Group) if each.members]
        for n in range(3):
            await sql.execute(f"INSERT INTO marked VALUES ({n}, 'x')".encode())
            for client in (one, other):
                assert seen([await client.batch()]) == [("INSERT", n)]
        assert len(group.members) == 2


async def test_who_comes_back_from_before_deletes_were_soft_goes_on(live: ThreadServer, sql: Sql) -> None:
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "softened")
    query = EVERYTHING.replace(TABLE, "softened")
    async with shared(live, query) as client:
        [start] = await client.up_to_date()
    await sql.execute("INSERT INTO softened VALUES (1, 'x'), (2, 'y')")
    await sql.execute("ALTER TABLE softened ADD deleted_at timestamptz")
    await sql.execute("UPDATE rowcast.sources SET delete_policy = 'SOFT', hides_deleted = true WHERE name = 'softened'")
    await sql.execute("UPDATE softened SET deleted_at = now() WHERE id = 1")
    async with shared(live, query, {"after": start["cursor"]}) as client:
        assert seen(await client.up_to_date()) == [("INSERT", 1), ("INSERT", 2), ("DELETE", 1)]
        await joined(live, 1, 1)


async def test_a_deleted_source_ends_the_group_as_it_ends_one_alone(live: ThreadServer, sql: Sql) -> None:
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "leaving")
    query = EVERYTHING.replace(TABLE, "leaving")
    async with shared(live, query) as one, shared(live, query) as two, stock(live, query) as alone:
        for client in (one, two, alone):
            await client.up_to_date()
        await joined(live, 2, 1)
        deleted = 'mutation { deleteSource(name: "leaving") { id } }'
        await live.graphql(deleted)
        expected = await alone.message()
        for client in (one, two):
            message = await client.message()
            assert codes(message) == codes(expected)
            assert message["payload"] == expected["payload"]
            assert (await client.message())["type"] == "complete"
        await joined(live, 0, 0)
        # The connection is free for others.
        payload = {"query": EVERYTHING, "variables": {}}
        await one.connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        await one.up_to_date()


async def test_what_was_committed_before_a_source_was_deleted_is_sent(live: ThreadServer, sql: Sql) -> None:
    dsn = live.settings.database_url
    assert dsn is not None
    for number in range(3):
        name = f"brief{number}"
        await bind(dsn, name)
        query = EVERYTHING.replace(TABLE, name)
        merged = query.replace(f'source: "{name}"', f'source: "{name}", minIntervalMs: 60000')
        async with (
            shared(live, query) as one,
            shared(live, query) as two,
            stock(live, query) as alone,
            stock(live, merged) as seldom,
        ):
            clients = (one, two, alone, seldom)
            for client in clients:
                await client.up_to_date()
            await joined(live, 2, 1)
            for id_ in (1, 2):
                await sql.execute(f"INSERT INTO {name} VALUES ({id_}, 'x')".encode())
            await live.graphql(f'mutation {{ deleteSource(name: "{name}") {{ id }} }}')
            for client in (one, two, alone):
                assert seen([await client.batch(), await client.batch()]) == [("INSERT", 1), ("INSERT", 2)]
            assert seen([await seldom.batch()]) == [("INSERT", 1), ("INSERT", 2)]
            for client in clients:
                assert [code for _, code in codes(await client.message())] == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("altered", "undone", "said"),
    [
        ("RENAME age TO years", "RENAME years TO age", "no longer has age"),
        ("ALTER age TYPE text", "ALTER age TYPE integer USING age::integer", "has other types now in age"),
    ],
)
async def test_who_filters_by_a_column_that_is_altered_is_told_and_the_others_go_on(
    live: ThreadServer, sql: Sql, altered: str, undone: str, said: str
) -> None:
    by_age = {"where": {"column": "age", "gte": 1}}
    async with (
        shared(live, EVERYTHING, by_age) as one,
        stock(live, EVERYTHING, by_age) as alone,
        shared(live, EVERYTHING, {"where": {"column": "name", "eq": "Ada"}}) as other,
    ):
        for client in (one, alone, other):
            await client.up_to_date()
        await joined(live, 2, 2)
        await sql.execute(f"INSERT INTO {TABLE} (id, name, age) VALUES (1, 'Ada', 36)".encode())
        for client in (one, alone, other):
            assert seen([await client.batch()]) == [("INSERT", 1)]
        await sql.execute(f"ALTER TABLE {TABLE} {altered}".encode())
        try:
            await sql.execute(f"UPDATE {TABLE} SET total = 7".encode())
            for client in (one, alone):
                [(text, code)] = codes(await client.message())
                assert code == "CONFLICT"
                assert f"{said}, by which this subscription is filtered" in text
            assert seen([await other.batch()]) == [("UPDATE", 1)]
        finally:
            await sql.execute(f"ALTER TABLE {TABLE} {undone}".encode())
        await sql.execute(f"UPDATE {TABLE} SET total = 8".encode())
        assert seen([await other.batch()]) == [("UPDATE", 1)]


@pytest.mark.parametrize("type_", ["numeric", "integer"])
async def test_who_filters_by_a_column_of_another_type_is_told_though_nothing_is_committed(
    live: ThreadServer, sql: Sql, type_: str
) -> None:
    """Nothing that is logged says that the text "30" is another value as a numeric."""
    assert live.settings.database_url is not None
    table = f"retyped_{type_}"
    await bind(live.settings.database_url, table)
    query = EVERYTHING.replace(TABLE, table)
    by_name, by_age = ({"where": {"column": name, "eq": value}} for name, value in (("name", "30"), ("age", 7)))
    async with (
        shared(live, query, by_name) as one,
        stock(live, query, by_name) as alone,
        shared(live, query, by_age) as other,
    ):
        for client in (one, alone, other):
            await client.up_to_date()
        await joined(live, 2, 2)
        await sql.execute(f"ALTER TABLE {table} ALTER name TYPE {type_} USING name::{type_}".encode())
        for client in (one, alone):
            [(text, code)] = codes(await client.message())
            assert code == "CONFLICT"
            assert "has other types now in name, by which this subscription is filtered" in text
        await joined(live, 1, 1)
        await sql.execute(f"INSERT INTO {table} VALUES (1, 30.0, 7)".encode())
        assert seen([await other.batch()]) == [("INSERT", 1)]


async def test_who_filters_by_a_column_that_goes_within_a_commit_is_told(live: ThreadServer, sql: Sql) -> None:
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "cut")
    await sql.execute("INSERT INTO cut (id, name, age) VALUES (1, 'Ada', 36)")
    async with shared(live, EVERYTHING.replace(TABLE, "cut"), {"where": {"column": "age", "gte": 1}}) as client:
        await client.up_to_date()
        await joined(live, 1, 1)
        async with sql.transaction():
            await sql.execute("UPDATE cut SET total = 7")
            await sql.execute("ALTER TABLE cut DROP age")
            await sql.execute("UPDATE cut SET total = 8")
        [(text, code)] = codes(await client.message())
        assert code == "CONFLICT"
        assert "no longer has age" in text


async def test_a_commit_that_one_group_can_not_be_sent_reaches_all_others(live: ThreadServer, sql: Sql) -> None:
    dsn = live.settings.database_url
    assert dsn is not None
    await bind(dsn, "rekeyed")
    async with await connect(dsn, "rowcast test") as connection:
        source = await source_by_name(connection, "rekeyed")
        assert source is not None
        # As a run has seen it: so the log knows the key by its new name.
        found = await connection.execute(
            "SELECT attrelid::bigint, attname, attnum FROM pg_attribute "
            "WHERE attrelid = 'rekeyed'::regclass AND attnum > 0"
        )
        columns = await found.fetchall()
        seen_then = TableSeen(columns[0][0], {name: number for _, name, number in columns})
        await keep_table_seen(connection, source.id, seen_then)
    query = EVERYTHING.replace(TABLE, "rekeyed")
    async with (
        shared(live, query, {"columns": ["name"]}) as one,
        shared(live, query, {"columns": ["age"], "where": {"column": "age", "eq": 7}}) as other,
        shared(live) as elsewhere,
    ):
        for client in (one, other, elsewhere):
            await client.up_to_date()
        await joined(live, 3, 3)
        await sql.execute("ALTER TABLE rekeyed RENAME id TO code")
        await sql.execute("ALTER TABLE rekeyed ALTER code TYPE text")
        # No text is a key of the type that the subscription knows.
        await sql.execute("INSERT INTO rekeyed (code, name) VALUES ('a', 'Ada')")
        await sql.execute(f"INSERT INTO {TABLE} (id, name) VALUES (1, 'Ada')".encode())
        assert seen([await elsewhere.batch()]) == [("INSERT", 1)]
        assert [code for _, code in codes(await one.message())] == ["INTERNAL"]
        await joined(live, 2, 2)
